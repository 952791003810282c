"""Devices: registering, finding, and what they or their backend say of them.

Functions that answer requests raise `ResultError`. Those of the gateway work on batches: a storm of connects costs a
few queries, not one each.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet
from django.utils import timezone

from pushcore import bindings, crypto
from pushcore.channels import Channel, Platform
from pushcore.client_bind import check_client_may_bind
from pushcore.codes.results import ResultCode, ResultError
from pushcore.device_changes import tell_changed
from pushcore.models import Device, Workspace
from pushcore.target_names import clean_user_id

_PLATFORM_NAMES = {platform.label: platform for platform in Platform}


@dataclass(frozen=True, slots=True)
class Facts:
    """What a device tells of itself. `third_token`: on iOS the APNs device token."""

    platform: Platform = Platform.ANDROID
    manufacturer: str = ""
    model: str = ""
    os_version: str = ""
    app_version: str = ""
    third_token: str = ""

    @classmethod
    def from_mapping(cls, given: Mapping[str, object]) -> Facts:
        """Read platform, manufacturer, model, osVersion, appVersion, token; other keys are not ours.

        Text is cut to the width of its column. Raises `ResultError` (OS_TYPE_NOT_SUPPORTED) for an unknown platform.
        """
        return cls(
            platform=parse_platform(given.get("platform", Platform.ANDROID)),
            manufacturer=_clip(given, "manufacturer", 64),
            model=_clip(given, "model", 128),
            os_version=_clip(given, "osVersion", 64),
            app_version=_clip(given, "appVersion", 64),
            third_token=_clip(given, "token", 512),
        )


def _clip(given: Mapping[str, object], key: str, width: int) -> str:
    value = given.get(key)
    # PostgreSQL's text holds no NUL.
    return str(value).replace("\0", "")[:width] if isinstance(value, str | int | float) else ""


def parse_platform(given: object) -> Platform:
    """A platform by its name or number. Raises `ResultError` (OS_TYPE_NOT_SUPPORTED)."""
    if isinstance(given, str) and given.lower() in _PLATFORM_NAMES:
        return _PLATFORM_NAMES[given.lower()]
    try:
        # Of texts digits only: Python reads more as numbers (`1_0`, other scripts' digits).
        is_number = isinstance(given, str) and given.isascii() and given.isdigit() and len(given) < 9
        return Platform(int(given) if is_number else given)  # type: ignore[arg-type,call-overload]
    except ValueError:
        raise ResultError(ResultCode.OS_TYPE_NOT_SUPPORTED) from None


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """What a gateway needs of a device. `username`: `{appId}-{workspaceId}`; `enabled`: app and workspace are;
    `broadcast_position`: its cursor (`BroadcastCursor`)."""

    id: int
    app_id: int
    workspace_id: int
    ad_token: str
    secret_hash: str
    username: str
    enabled: bool
    platform: int = Platform.ANDROID
    third_channel: int | None = None
    broadcast_position: int = 0

    def has_secret(self, secret: str) -> bool:
        """Whether `secret` is the one issued to the device, compared in constant time."""
        return bool(self.secret_hash) and crypto.same_secret(crypto.fingerprint_secret(secret), self.secret_hash)


def find_devices(ad_tokens: Sequence[str]) -> dict[str, KnownDevice]:
    """The devices with these Ad-tokens, by Ad-token. One query."""
    rows = Device.objects.filter(ad_token__in=ad_tokens).values_list(
        "id",
        "workspace__app_id",
        "workspace_id",
        "ad_token",
        "secret_hash",
        "workspace__app__app_id",
        "workspace__workspace_id",
        "workspace__enabled",
        "workspace__app__enabled",
        "platform",
        "third_channel",
        "cursor__position",
    )
    return {
        ad_token: KnownDevice(
            pk,
            app,
            workspace,
            ad_token,
            secret_hash,
            f"{app_id}-{name}",
            on and app_on,
            platform,
            channel,
            position or 0,
        )
        for pk, app, workspace, ad_token, secret_hash, app_id, name, on, app_on, platform, channel, position in rows
    }


def third_channels(device_ids: Collection[int]) -> dict[int, int | None]:
    """The vendor's channel that reaches each of these devices, of those that exist. One query; none for no devices."""
    if not device_ids:
        return {}
    return dict(Device.objects.filter(pk__in=device_ids).values_list("pk", "third_channel"))


def find_workspaces(usernames: Sequence[str]) -> dict[str, Workspace]:
    """The enabled workspaces of enabled apps with these `{appId}-{workspaceId}` names, by name. One query."""
    wanted = Q(pk__in=[])
    for username in set(usernames):
        # Either id may hold a hyphen itself, so every split is asked for.
        parts = username.split("-")
        for cut in range(1, min(len(parts), 8)):
            wanted |= Q(app__app_id="-".join(parts[:cut]), workspace_id="-".join(parts[cut:]))
    rows = Workspace.objects.select_related("app").filter(wanted, enabled=True, app__enabled=True)
    return {f"{row.app.app_id}-{row.workspace_id}": row for row in rows}


def renew_secret(workspace: Workspace, ad_token: str) -> str | None:
    """Give a device of the workspace a new secret, returned this once; None where there is no such device."""
    secret = crypto.new_secret()
    known = Device.objects.filter(workspace=workspace, ad_token=ad_token)
    return secret if known.update(secret_hash=crypto.fingerprint_secret(secret)) else None


def register(requests: Sequence[tuple[Workspace, Facts]]) -> list[tuple[KnownDevice, str]]:
    """Make a device for each request, in order: its Ad-token is new, its secret is returned this once. One INSERT."""
    secrets = [crypto.new_secret() for _ in requests]
    made = Device.objects.bulk_create(
        [
            Device(
                workspace=workspace,
                secret_hash=crypto.fingerprint_secret(secret),
                platform=facts.platform,
                manufacturer=facts.manufacturer,
                model=facts.model,
                os_version=facts.os_version,
                app_version=facts.app_version,
                third_token=facts.third_token,
                third_channel=Channel.APNS if facts.third_token and facts.platform == Platform.IOS else None,
                third_reported_at=timezone.now() if facts.third_token else None,
                last_seen_at=timezone.now(),
            )
            for (workspace, facts), secret in zip(requests, secrets, strict=True)
        ]
    )
    return [
        (
            KnownDevice(
                device.pk,
                workspace.app_id,
                workspace.pk,
                device.ad_token,
                device.secret_hash,
                f"{workspace.app.app_id}-{workspace.workspace_id}",
                True,
                device.platform,
                device.third_channel,
            ),
            secret,
        )
        for device, (workspace, _), secret in zip(made, requests, secrets, strict=True)
    ]


def client_bind(device_id: int, user_id: str, bind_token: str = "") -> None:
    """A device binds itself to a user, as far as the workspace's client-bind mode lets it.

    Raises `ResultError`: NEED_USERID, INVALID_PARAM (mode `server`), SIGNATURE_MISMATCH (mode `signed`, token bad).
    """
    user_id = clean_user_id(user_id)
    device = Device.objects.select_related("workspace__app").get(pk=device_id)
    check_client_may_bind(device, user_id, bind_token)
    bindings.bind(device, user_id)


def client_unbind(device_id: int, user_id: str) -> None:
    """A device ends its binding to a user. Not bound: done already. Raises `ResultError` (NEED_USERID)."""
    bindings.unbind(Device.objects.get(pk=device_id), clean_user_id(user_id))


def client_report(device_id: int, third_channel: int, third_token: str) -> None:
    """A device tells its token at a vendor's channel. Raises `ResultError` (NEED_DELIVERYTOKEN, INVALID_PARAM)."""
    channel, token = checked_third_party(third_channel, third_token)
    Device.objects.filter(pk=device_id).update(
        third_channel=channel, third_token=token, third_reported_at=timezone.now()
    )
    tell_changed([device_id])


def drop_third_tokens(gone: Sequence[tuple[int, str, datetime]]) -> None:
    """Forget vendors' tokens that are dead: (device id, token, since when). One reported later than that stays."""
    if not gone:
        return
    ordered = sorted(gone)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE pushcore_device SET third_token = '', third_channel = NULL WHERE id IN ("
            " SELECT d.id FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[]) AS gone(id, token, since)"
            " JOIN pushcore_device d ON d.id = gone.id AND d.third_token = gone.token"
            " AND coalesce(d.third_reported_at, '-infinity') <= gone.since ORDER BY d.id FOR UPDATE OF d) RETURNING id",
            [list(column) for column in zip(*ordered, strict=True)],
        )
        tell_changed([device_id for (device_id,) in cursor.fetchall()])


def replace_third_tokens(replaced: Sequence[tuple[int, str, str]]) -> None:
    """Keep the token a vendor gave a device in the place of another: (device id, old token, new token)."""
    if not replaced:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE pushcore_device d SET third_token = said.new FROM"
            " (SELECT d.id, said.new FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS said(id, old, new)"
            " JOIN pushcore_device d ON d.id = said.id AND d.third_token = said.old ORDER BY d.id FOR UPDATE OF d) said"
            " WHERE d.id = said.id",
            [list(column) for column in zip(*replaced, strict=True)],
        )


def server_bind(workspace: Workspace, user_id: str, delivery_token: str, os_type: int) -> None:
    """PushBind. An iOS device the service has not met becomes known by its APNs token.

    Raises `ResultError`: NEED_USERID, NEED_DELIVERYTOKEN, OS_TYPE_NOT_SUPPORTED, DELIVERYTOKEN_INVALID.
    """
    user_id = clean_user_id(user_id)
    platform = parse_platform(os_type)
    bindings.bind(_device_of(workspace, delivery_token, platform), user_id)


def server_unbind(workspace: Workspace, user_id: str, delivery_token: str) -> None:
    """PushUnBind. Raises `ResultError`: NEED_USERID, NEED_DELIVERYTOKEN, DELIVERYTOKEN_INVALID."""
    user_id = clean_user_id(user_id)
    bindings.unbind(_device_of(workspace, delivery_token, None), user_id)


def server_report(
    workspace: Workspace,
    delivery_token: str,
    os_type: int,
    third_channel: int | None,
    third_token: str,
    facts: Mapping[str, str],
) -> None:
    """PushReport: what a backend knows of a device. Raises `ResultError` as `server_bind`, INVALID_PARAM.

    `facts`: appVersion, model and so on; empty ones change nothing.
    """
    device = _device_of(workspace, delivery_token, parse_platform(os_type))
    changes: dict[str, Any] = {}
    if third_channel is not None or third_token:
        channel, token = checked_third_party(third_channel, third_token)
        changes |= {"third_channel": channel, "third_token": token, "third_reported_at": timezone.now()}
    told = Facts.from_mapping({key: value for key, value in facts.items() if key != "platform"})
    changes |= {
        name: value
        for name in ("manufacturer", "model", "os_version", "app_version")
        if (value := getattr(told, name)) != ""
    }
    if changes:
        Device.objects.filter(pk=device.pk).update(**changes)
    if "third_channel" in changes:
        tell_changed([device.pk])


def checked_third_party(third_channel: int | None, third_token: str) -> tuple[Channel, str]:
    """A vendor's channel and the device's token there. Raises `ResultError` (NEED_DELIVERYTOKEN, INVALID_PARAM)."""
    token = third_token.strip()
    if not token:
        raise ResultError(ResultCode.NEED_DELIVERYTOKEN, "thirdChannelDeviceToken is empty")
    if len(token) > 512 or "\0" in token:
        raise ResultError(ResultCode.INVALID_PARAM, "thirdChannelDeviceToken is longer than 512 characters")
    try:
        channel = Channel(third_channel)  # type: ignore[arg-type]
    except ValueError:
        channel = Channel.SELF_BUILT
    if channel == Channel.SELF_BUILT:
        raise ResultError(ResultCode.INVALID_PARAM, "thirdChannel is not a known channel")
    return channel, token


def _device_of(workspace: Workspace, delivery_token: str, platform: Platform | None) -> Device:
    """The device a backend names: by its Ad-token, or on iOS by its APNs token."""
    token = delivery_token.strip()
    if not token:
        raise ResultError(ResultCode.NEED_DELIVERYTOKEN)
    if len(token) > 512 or "\0" in token:
        raise ResultError(ResultCode.DELIVERYTOKEN_INVALID)
    mine = Device.objects.filter(workspace=workspace)
    device = mine.filter(ad_token=token).first() or _by_apns(mine, token)
    if device is not None:
        return device
    if platform != Platform.IOS:
        raise ResultError(ResultCode.DELIVERYTOKEN_INVALID)
    known, _ = register([(workspace, replace(Facts(), platform=platform, third_token=token))])[0]
    return Device.objects.get(pk=known.id)


def _by_apns(devices: QuerySet[Device], token: str) -> Device | None:
    return devices.filter(third_channel=Channel.APNS, third_token=token, activity_id__isnull=True).first()
