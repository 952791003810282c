"""Profiles: tags, topics and attributes of devices and users, changed for many targets by one statement."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet

from pushcore.audience import names
from pushcore.audience.attributes import MAX_ATTRIBUTES, Value
from pushcore.audience.changes import ProfileChange
from pushcore.audience.names import Kind
from pushcore.channels import Channel
from pushcore.codes.results import ResultCode, ResultError
from pushcore.devices.state import TargetType
from pushcore.devices.target_names import apns_spelling, clean_target, clean_user_id
from pushcore.models import AudienceName, AudienceProfile, Binding, Device
from pushcore.models.pushes import DeliveryType
from pushcore.storage import clock
from pushcore.storage.sql import statements

_SQL = statements(__file__)

# Targets of a call.
MAX_TARGETS = 1000
# Tags and topics, each, of a profile.
MAX_PROFILE_NAMES = 100

_UPDATE = {
    TargetType.DEVICE: _SQL["update"].format(
        targets=_SQL["devices"], conflict="(device_id, workspace_id) WHERE device_id IS NOT NULL"
    ),
    TargetType.USER: _SQL["update"].format(
        targets=_SQL["users"], conflict="(workspace_id, user_id) WHERE device_id IS NULL"
    ),
}


@dataclass(frozen=True, slots=True)
class Profile:
    """What is known of a device or a user: names in alphabetical order."""

    tags: list[str]
    topics: list[str]
    attributes: dict[str, Value]


def update(workspace_id: int, kind: TargetType, targets: Sequence[str], change: ProfileChange) -> list[str]:
    """Change the profiles of devices or users; names that the workspace does not have are made.

    Args:
        workspace_id: Whose targets and names they are.
        kind: What the targets are.
        targets: Ad-tokens and APNs tokens, or user IDs; none, to make names alone.
        change: What changes, the same for all of them.

    Returns:
        The targets that are no device of the workspace. A user needs no device.

    Raises:
        ResultError: A limit, after which nothing has changed: INVALID_PARAM, TAG_NUM_TOO_MUCH, TOKEN_OR_USERID_NULL,
            NEED_USERID.
    """
    if len(targets) > MAX_TARGETS:
        raise ResultError(ResultCode.INVALID_PARAM, f"targets: at most {MAX_TARGETS} in a call")
    with transaction.atomic():
        made = {
            Kind.TAG: names.make(workspace_id, Kind.TAG, change.tags.add),
            Kind.TOPIC: names.make(workspace_id, Kind.TOPIC, change.topics.add),
        }
        if kind is TargetType.USER:
            _write(workspace_id, kind, list({clean_user_id(target) for target in targets}), change, made)
            return []
        known = devices_of(workspace_id, targets)
        _write(workspace_id, kind, list(set(known.values())), change, made)
    return [target for target in targets if target not in known]


def update_own(workspace_id: int, device_id: int, change: ProfileChange) -> None:
    """Change a device's profile as the device itself asks: it uses the names that its workspace has, and makes none.

    A client key is no secret: whoever has one could else use up the names of a workspace.

    Raises:
        ResultError: INVALID_PARAM for a name that the workspace does not have; TAG_NUM_TOO_MUCH.
        Device.DoesNotExist: It has ended.
    """
    known = {}
    for kind, wanted in ((Kind.TAG, change.tags.add), (Kind.TOPIC, change.topics.add)):
        known[kind] = names.ids_of(workspace_id, kind, wanted)
        if missing := next((name for name in wanted if name not in known[kind]), None):
            raise ResultError(
                ResultCode.INVALID_PARAM,
                f"the workspace has no {kind.name.lower()} {missing[:64]!r}; its backend makes it",
            )
    with transaction.atomic():
        if not Device.objects.filter(pk=device_id).exists():
            raise Device.DoesNotExist
        _write(workspace_id, TargetType.DEVICE, [device_id], change, known)


def _write(
    workspace_id: int,
    kind: TargetType,
    targets: Sequence[str] | Sequence[int],
    change: ProfileChange,
    known: Mapping[Kind, Mapping[str, int]],
) -> None:
    """Write the change, with the ids of the names that it adds.

    Raises:
        ResultError: TAG_NUM_TOO_MUCH; the caller's transaction is rolled back.
    """
    _check_size(len(set(change.tags.add)), len(set(change.topics.add)), len(change.attributes), "")
    if not targets:
        return
    parameters: dict[str, Any] = {"workspace": workspace_id, "targets": targets}
    for name, names_kind, part in (("tags", Kind.TAG, change.tags), ("topics", Kind.TOPIC, change.topics)):
        parameters |= {
            f"{name}_add": sorted(known[names_kind].values()),
            f"{name}_remove": list(names.ids_of(workspace_id, names_kind, part.remove).values()),
            f"{name}_set": part.only,
        }
    given = {name: value for name, value in change.attributes.items() if value is not None}
    parameters["attributes"] = json.dumps(given)
    parameters["attributes_remove"] = [name for name in change.attributes if name not in given]
    with connection.cursor() as cursor:
        cursor.execute(_UPDATE[kind], parameters)
        for target, tags, topics, attributes in cursor.fetchall():
            _check_size(tags, topics, attributes, f"{target}: " if kind is TargetType.USER else "")


def _check_size(tags: int, topics: int, attributes: int, whose: str) -> None:
    for number, most, what in (
        (tags, MAX_PROFILE_NAMES, "tags"),
        (topics, MAX_PROFILE_NAMES, "topics"),
        (attributes, MAX_ATTRIBUTES, "attributes"),
    ):
        if number > most:
            raise ResultError(ResultCode.TAG_NUM_TOO_MUCH, f"{whose}a target has at most {most} {what}")


def devices_of(workspace_id: int, targets: Collection[str]) -> dict[str, int]:
    """Return the ids of the devices that targets name by Ad-token or APNs token, by target; Live Activities are none.

    Raises:
        ResultError: A target is misspelled (`pushcore.devices.target_names`).
    """
    tokens = {target: clean_target(DeliveryType.ANDROID, target) for target in targets}
    mine = Device.objects.filter(workspace=workspace_id, activity_id__isnull=True)
    found = dict(mine.filter(ad_token__in=set(tokens.values())).values_list("ad_token", "pk"))
    apns = {target: apns_spelling(token) for target, token in tokens.items() if token not in found}
    if apns:
        by_token = mine.filter(third_channel=Channel.APNS, third_token__in=set(apns.values()))
        found |= dict(by_token.values_list("third_token", "pk"))
    spelled = tokens | apns
    return {target: found[spelled[target]] for target in targets if spelled[target] in found}


def profile_of(workspace_id: int, kind: TargetType, target: str) -> Profile | None:
    """Return what is known of a device or a user; None where the device is unknown.

    Raises:
        ResultError: The target is empty or misspelled.
    """
    rows = AudienceProfile.objects.filter(workspace=workspace_id)
    if kind is TargetType.USER:
        rows = rows.filter(device__isnull=True, user_id=clean_user_id(target))
    else:
        device_id = devices_of(workspace_id, [target]).get(target)
        if device_id is None:
            return None
        rows = rows.filter(device=device_id)
    row = rows.first()
    if row is None:
        return Profile([], [], {})
    return Profile(_shown(Kind.TAG, row.tags), _shown(Kind.TOPIC, row.topics), row.attributes)


def former() -> QuerySet[AudienceProfile]:
    """Return profiles of users that no device has a binding of, unchanged for `MPS_DEVICE_RETENTION_DAYS`."""
    if not settings.DEVICE_RETENTION_DAYS:
        return AudienceProfile.objects.none()
    since = clock.now() - timedelta(days=settings.DEVICE_RETENTION_DAYS)
    bindings = Binding.objects.filter(workspace=OuterRef("workspace"), user_id=OuterRef("user_id"))
    return AudienceProfile.objects.filter(~Exists(bindings), device__isnull=True, updated_at__lt=since)


def _shown(kind: Kind, ids: Iterable[int]) -> list[str]:
    return sorted(
        AudienceName.objects.filter(pk__in=ids, kind=kind, removed_at__isnull=True).values_list("name", flat=True)
    )
