"""Who works in the demo's console, with which role, and what they did: the audit log.

Where only this machine reaches the console they have a password that everybody knows, to try the roles with. Elsewhere
they have none, and one that they had ends (`close_known_passwords`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db.models import Model

from channels_vendor.models import VendorAccount
from console.access import audit
from console.models import AuditEntry, Membership, TestDevice
from pushcore.channels import Platform
from pushcore.models import Device, PushTask, Template, Workspace
from pushcore.models.pushes import DeliveryType

PASSWORD = "demo-console"  # noqa: S105 - known to everybody, where only this machine gets in
_ADDRESS = "127.0.0.1"
_DOMAIN = "shop.example"
_Action = AuditEntry.Action


class _Operator(NamedTuple):
    username: str
    first_name: str
    last_name: str
    role: Membership.Role


OPERATORS: Sequence[_Operator] = (
    _Operator("vera", "Vera", "Lindholm", Membership.Role.VIEWER),
    _Operator("amir", "Amir", "Haddad", Membership.Role.ANALYST),
    _Operator("olga", "Olga", "Marin", Membership.Role.OPERATOR),
    _Operator("adam", "Adam", "Winter", Membership.Role.ADMINISTRATOR),
)


def make_operators(workspace: Workspace, now: datetime, *, known_passwords: bool) -> dict[str, User]:
    """Make the users that do not exist yet, by name; one that does is nobody of the demo's and stays as it is."""
    users = get_user_model().objects
    made = {}
    for place, one in enumerate(OPERATORS):
        user, is_new = users.get_or_create(
            username=one.username,
            defaults={
                "first_name": one.first_name,
                "last_name": one.last_name,
                "email": f"{one.username}@{_DOMAIN}",
                "is_staff": True,
                "last_login": now - timedelta(hours=2 + 5 * place),
            },
        )
        if is_new:
            joined = now - timedelta(days=40 - place)
            user.date_joined = joined
            if known_passwords:
                user.set_password(PASSWORD)
            else:
                user.set_unusable_password()
            user.save()
            membership = Membership.objects.create(user=user, app=workspace.app, role=one.role)
            Membership.objects.filter(pk=membership.pk).update(created_at=joined)
            made[one.username] = user
    return made


def make_test_devices(workspace: Workspace, devices: Sequence[Device]) -> None:
    """Name two devices and a user as those that drafts are pushed to first."""
    phone = next(device for device in devices if device.platform == Platform.ANDROID and not device.third_token)
    iphone = next(device for device in devices if device.platform == Platform.IOS)
    TestDevice.objects.bulk_create(
        [
            TestDevice(workspace=workspace, name=name, delivery_type=delivery_type, target=target)
            for name, delivery_type, target in (
                (f"{phone.model} of Olga", DeliveryType.ANDROID, phone.ad_token),
                (f"{iphone.model} of Olga", DeliveryType.IOS, iphone.third_token),
                ("Quality assurance", DeliveryType.USER, "anna.berg"),
            )
        ],
        ignore_conflicts=True,
    )


def close_known_passwords() -> int:
    """End passwords that everybody knows; returns how many there were."""
    closed = 0
    for user in get_user_model().objects.filter(username__in=[one.username for one in OPERATORS]):
        if user.check_password(PASSWORD):
            user.set_unusable_password()
            user.save(update_fields=["password"])
            closed += 1
    return closed


class _Deed(NamedTuple):
    """What somebody did, so many hours ago."""

    hours_ago: float
    username: str
    action: AuditEntry.Action
    what: Model | None = None
    details: Mapping[str, str] | None = None


def write_audit_log(workspace: Workspace, operators: dict[str, User], tasks: Sequence[PushTask], now: datetime) -> None:
    """Insert what the operators did meanwhile: logins, settings, templates, checks, and pushes from the console."""
    deeds = [*_logins(now), *_settings(workspace), *_pushes(tasks, now)]
    entries = []
    for deed in sorted(deeds, key=lambda deed: -deed.hours_ago):
        entry = audit.entry_of(deed.action, deed.what, deed.details, operators.get(deed.username))
        entry.at, entry.address = now - timedelta(hours=deed.hours_ago), _ADDRESS
        entry.username = entry.username or deed.username
        entries.append(entry)
    AuditEntry.objects.bulk_create(entries)


def _logins(now: datetime) -> Iterator[_Deed]:
    for day in range(7):
        for place, one in enumerate(OPERATORS):
            if (day + place) % 2 == 0:
                came = 24 * day + 1.3 + 2 * place
                yield _Deed(came, one.username, _Action.LOGIN)
                yield _Deed(max(came - 1.1 - place, 0.2), one.username, _Action.LOGOUT)
    yield _Deed(53.2, "vera", _Action.LOGIN_FAILED)
    yield _Deed(53.1, "vera", _Action.LOGIN_FAILED)


def _settings(workspace: Workspace) -> Iterator[_Deed]:
    templates = Template.objects.filter(workspace=workspace).order_by("pk")
    for place, template in enumerate(templates):
        yield _Deed(160 - 3 * place, "olga", _Action.ADD, template)
    yield _Deed(150, "adam", _Action.CHANGE, workspace, {"what": "Changed Callback URL and Callback."})
    accounts = VendorAccount.objects.filter(workspace=workspace).select_related("workspace__app").order_by("pk")
    for place, account in enumerate(accounts):
        yield _Deed(146 - place, "adam", _Action.ADD, account)
        outcome = "in order" if account.usable else account.stopped_reason or "switched off"
        yield _Deed(145.8 - place, "adam", _Action.TEST, account, {"what": "Checked the account.", "outcome": outcome})
    yield _Deed(30, "amir", _Action.EXPORT, workspace, {"what": "usage analysis", "format": "xlsx", "rows": "2016"})


def _pushes(tasks: Sequence[PushTask], now: datetime) -> Iterator[_Deed]:
    for task in tasks:
        if task.source == PushTask.Source.CONSOLE and task.kind != PushTask.Kind.REVOKE:
            yield _Deed((now - task.created_at) / timedelta(hours=1), task.author, _Action.PUSH, task)
            if task.revoked_at is not None:
                ago = (now - task.revoked_at) / timedelta(hours=1)
                yield _Deed(ago, task.author, _Action.CHANGE, task, {"what": "Revoked."})
