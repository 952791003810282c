"""Devices: registering, finding, and what they or their backend say of them.

Functions that answer requests raise `ResultError`. Those of the gateway work on batches: a storm of connects costs a
few queries, not one each.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Q

from pushcore.channels import Channel, Platform
from pushcore.codes.results import ResultCode, ResultError
from pushcore.devices import bindings, tokens
from pushcore.devices.client_bind import check_client_may_bind
from pushcore.devices.tokens import MAX_TOKEN_LENGTH, NO_THIRD_PARTY, Claim, Gone, ThirdParty, check_third_party
from pushcore.models import Device, Workspace
from pushcore.push.target_names import apns_spelling, clean_user_id
from pushcore.security import crypto
from pushcore.storage import clock

# `harmony` is what our documents called it once.
_PLATFORM_NAMES = {platform.label: platform for platform in Platform} | {"harmony": Platform.HARMONYOS}


# What a device tells of itself: its name on the wire, that of the column, and how many characters are kept.
_FACTS = (
    ("manufacturer", "manufacturer", 64),
    ("model", "model", 128),
    ("osVersion", "os_version", 64),
    ("appVersion", "app_version", 64),
)
# Control characters, halves of surrogate pairs, and what turns or breaks the line of whoever reads it (Unicode, UAX 9).
_UNFIT = re.compile("[\0-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
# ITU-T E.164: at most 15 digits.
_PHONE_NUMBER = re.compile(r"\+?[0-9]{5,15}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a device tells of itself. Its token at a vendor's channel: on iOS APNs', without naming the channel."""

    platform: Platform = Platform.ANDROID
    manufacturer: str = ""
    model: str = ""
    os_version: str = ""
    app_version: str = ""
    third_token: str = ""
    third_channel: int | None = None

    @property
    def channel(self) -> int | None:
        """The vendor's channel its token is for; where none is named, APNs."""
        return (self.third_channel or Channel.APNS) if self.third_token else None

    @classmethod
    def from_mapping(cls, given: Mapping[str, object]) -> Facts:
        """Read platform, manufacturer, model, osVersion, appVersion, and a token: `token` (iOS: of APNs), or
        `thirdChannel` and `thirdChannelDeviceToken`; other keys are not ours.

        Text is freed of control characters and cut to the width of its column. Raises `ResultError`:
        OS_TYPE_NOT_SUPPORTED for an unknown platform, INVALID_PARAM for what is no text, `check_third_party`'s.
        """
        platform = parse_platform(given.get("platform", Platform.ANDROID))
        third_party = _third_party_of(platform, given)
        return cls(
            platform=platform,
            third_token=third_party.token,
            third_channel=third_party.channel,
            **told_facts(given),
        )


def told_facts(given: Mapping[str, object]) -> dict[str, str]:
    """The facts among these, by their columns; empty where they are not told. Raises `ResultError` (INVALID_PARAM)."""
    return {column: _fact(given, name, width) for name, column, width in _FACTS}


def _fact(given: Mapping[str, object], name: str, width: int) -> str:
    value = given.get(name, "")
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ResultError(ResultCode.INVALID_PARAM, f"{name} is not text")
    return _UNFIT.sub("", str(value)).strip()[:width]


def _third_party_of(platform: Platform, given: Mapping[str, object]) -> ThirdParty:
    """The token at a vendor's channel that a registration carries, if any."""
    third_channel, third_token = third_party_fields(given)
    if third_channel is None and not third_token:
        token = given.get("token") or ""
        if not token:
            return NO_THIRD_PARTY
        if platform != Platform.IOS or not isinstance(token, str):
            raise ResultError(
                ResultCode.INVALID_PARAM,
                "token is an iOS device's APNs token; others name thirdChannel and thirdChannelDeviceToken",
            )
        third_channel, third_token = Channel.APNS, token
    return check_third_party(platform, third_channel, third_token)


def third_party_fields(given: Mapping[str, object]) -> tuple[int | None, str]:
    """`thirdChannel` and `thirdChannelDeviceToken` as they are told; None and empty where they are not.

    Raises `ResultError` (INVALID_PARAM) for a channel that is no number and a token that is no text.
    """
    channel, token = given.get("thirdChannel"), given.get("thirdChannelDeviceToken")
    if token is not None and not isinstance(token, str):
        raise ResultError(ResultCode.INVALID_PARAM, "thirdChannelDeviceToken is not text")
    if channel in (None, ""):
        return None, token or ""
    digits = str(channel) if isinstance(channel, str | int) and not isinstance(channel, bool) else ""
    if not (digits.isascii() and digits.isdigit() and len(digits) < 9):
        raise ResultError(ResultCode.INVALID_PARAM, "thirdChannel is not a number")
    return int(digits), token or ""


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
    """Make a device for each request, in order: its Ad-token is new, its secret is returned this once.

    One INSERT; a few statements more, whatever the number, where they come with tokens at vendors' channels: who has
    had these loses them.
    """
    secrets = [crypto.new_secret() for _ in requests]
    now = clock.now()
    with transaction.atomic():
        made = Device.objects.bulk_create(
            [
                Device(
                    workspace=workspace,
                    secret_hash=crypto.fingerprint_secret(secret),
                    platform=facts.platform,
                    last_seen_at=now,
                    **{column: getattr(facts, column) for _, column, _ in _FACTS},
                )
                for (workspace, facts), secret in zip(requests, secrets, strict=True)
            ]
        )
        tokens.claim(
            [
                Claim(workspace.pk, device.pk, facts.channel, facts.third_token)
                for device, (workspace, facts) in zip(made, requests, strict=True)
                if facts.channel is not None
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
                facts.channel,
            ),
            secret,
        )
        for device, (workspace, facts), secret in zip(made, requests, secrets, strict=True)
    ]


def update_facts(told: Mapping[int, Mapping[str, str]]) -> None:
    """Keep what devices say of themselves: by device, facts by column (`told_facts`); empty ones change nothing.

    One statement, whatever the number, which writes the rows that change.
    """
    told = {device_id: facts for device_id, facts in told.items() if any(facts.values())}
    if not told:
        return
    columns = [column for _, column, _ in _FACTS]
    said = ", ".join(columns)
    kept = ", ".join(f"{column} = coalesce(nullif(said.{column}, ''), d.{column})" for column in columns)
    differs = " OR ".join(f"(said.{column} <> '' AND said.{column} <> d.{column})" for column in columns)
    arrays = ", ".join(["%s::bigint[]"] + ["%s::text[]"] * len(columns))
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE pushcore_device d SET {kept} FROM (SELECT said.* FROM unnest({arrays}) AS said(id, {said})"
            f" JOIN pushcore_device d ON d.id = said.id WHERE {differs} ORDER BY d.id FOR NO KEY UPDATE OF d) said"
            " WHERE d.id = said.id",
            [list(told), *([facts.get(column, "") for facts in told.values()] for column in columns)],
        )


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


def client_report(
    device_id: int, third_channel: int | None, third_token: str, facts: Mapping[str, str] | None = None
) -> None:
    """A device tells its token at a vendor's channel (channel 0: that it has none any more) and what it is.

    `third_channel` None: nothing of that is told. `facts`: as `told_facts` reads them. Raises `ResultError` as
    `check_third_party`; NEED_DELIVERYTOKEN where nothing at all is told.
    """
    device = Device.objects.only("workspace_id", "platform").get(pk=device_id)
    if third_channel is None and not third_token and not any((facts or {}).values()):
        raise ResultError(ResultCode.NEED_DELIVERYTOKEN, "neither a token nor facts are reported")
    _report(device, third_channel, third_token, facts or {})


def drop_third_tokens(gone: Sequence[tuple[int, str, datetime]]) -> None:
    """Forget vendors' tokens that are dead: (device id, token, since when). One reported later than that stays."""
    tokens.change(gone=[Gone(*one) for one in gone])


def _report(device: Device, third_channel: int | None, third_token: str, facts: Mapping[str, str]) -> None:
    if third_channel is not None or third_token:
        told = check_third_party(Platform(device.platform), third_channel, third_token)
        if told.channel is None:
            tokens.withdraw(device.pk)
        else:
            tokens.claim([Claim(device.workspace_id, device.pk, told.channel, told.token)])
    update_facts({device.pk: facts})
    Device.objects.filter(pk=device.pk).update(last_seen_at=clock.now())


def server_bind(workspace: Workspace, user_id: str, delivery_token: str, os_type: int, phone_number: str = "") -> None:
    """PushBind. An iOS device the service has not met becomes known by its APNs token.

    Raises `ResultError`: NEED_USERID, NEED_DELIVERYTOKEN, OS_TYPE_NOT_SUPPORTED, DELIVERYTOKEN_INVALID, INVALID_PARAM.
    """
    user_id = clean_user_id(user_id)
    platform = parse_platform(os_type)
    if phone_number and not _PHONE_NUMBER.fullmatch(phone_number):
        raise ResultError(ResultCode.INVALID_PARAM, "phoneNumber is 5 to 15 digits, with + before them or not")
    device = _device_of(workspace, delivery_token, platform)
    try:
        bindings.bind(device, user_id)
    except Device.DoesNotExist:  # it has ended meanwhile
        raise ResultError(ResultCode.DELIVERYTOKEN_INVALID) from None
    if phone_number:
        bindings.keep_phone_number(device, user_id, phone_number)


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
    _report(device, third_channel, third_token, told_facts(facts))


def _device_of(workspace: Workspace, delivery_token: str, platform: Platform | None) -> Device:
    """The device a backend names: by its Ad-token, or on iOS by its APNs token. `platform`: None where not told."""
    token = delivery_token.strip()
    if not token:
        raise ResultError(ResultCode.NEED_DELIVERYTOKEN)
    if len(token) > MAX_TOKEN_LENGTH or "\0" in token:
        raise ResultError(ResultCode.DELIVERYTOKEN_INVALID)
    device = Device.objects.filter(workspace=workspace, ad_token=token).first() or _by_apns(workspace, token)
    if device is None and platform == Platform.IOS:
        device = _new_ios_device(workspace, token)
    if device is None:
        raise ResultError(ResultCode.DELIVERYTOKEN_INVALID)
    if platform not in (None, device.platform):
        raise ResultError(
            ResultCode.OS_TYPE_NOT_SUPPORTED, f"the device is of platform {Platform(device.platform).label}"
        )
    return device


def _by_apns(workspace: Workspace, token: str) -> Device | None:
    return Device.objects.filter(
        workspace=workspace, third_channel=Channel.APNS, third_token=apns_spelling(token), activity_id__isnull=True
    ).first()


def _new_ios_device(workspace: Workspace, given: str) -> Device:
    """A device that is only known by its APNs token; made once, however many name it at the same time."""
    try:
        _, token = check_third_party(Platform.IOS, Channel.APNS, given)
    except ResultError:
        raise ResultError(ResultCode.DELIVERYTOKEN_INVALID, "no APNs token: 64 to 200 hexadecimal digits") from None
    with transaction.atomic():
        tokens.lock(workspace.pk, Channel.APNS, token)
        if (device := _by_apns(workspace, token)) is not None:
            return device
        [(known, _)] = register([(workspace, Facts(platform=Platform.IOS, third_token=token))])
    return Device.objects.get(pk=known.id)
