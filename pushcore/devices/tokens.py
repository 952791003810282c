"""Devices' tokens at vendors' channels: validated, and each owned by one device.

A token belongs to one device of a workspace, the one that reported it last: after a reinstall the phone is a new
device with the old token, and what is pushed to the former device's user must not be shown there. Whatever changes
tokens goes through `_write`, which takes all its locks in one order: first those of the tokens that are given, then
those of the devices' rows by their ids. So concurrent reports cannot wait for each other in a circle, and the unique
index (`Device`) is never run into.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db import connection, transaction
from prometheus_client import Counter

from pushcore.channels import Channel, Platform, third_channels
from pushcore.codes.results import ResultCode, ResultError
from pushcore.devices.changes import tell_changed
from pushcore.devices.target_names import apns_spelling
from pushcore.models import TokenLoss
from pushcore.storage.sql import statements
from pushcore.webhooks import events as webhook_events
from pushcore.webhooks.event_types import EventType

_SQL = statements(__file__)

# Of any channel; what one takes is in its description.
MAX_TOKEN_LENGTH = 1024
# As it is reported, before it is spelled as it is kept.
_MAX_REPORTED_LENGTH = 4096
# Apple's tokens have 32 bytes on devices, 80 in the simulator; their length may change, "do not hard-code the size"
# (developer.apple.com, "Registering your app with APNs"); WWDC 2015 named 100 bytes as what to be ready for.
_APNS_TOKEN = re.compile(r"(?:[0-9a-f]{2}){32,100}")
# No vendor's token holds a blank or a letter beyond ASCII: they travel in JSON, forms and addresses.
_TOKEN = re.compile(r"[!-~]+")

TAKEN_OVER = Counter(
    "mps_device_tokens_taken_over_total",
    "Vendor tokens that moved to another device, which reported them.",
    ["channel"],
)


class ThirdParty(NamedTuple):
    """A validated token at a vendor's channel. Channel None without a token: only the self-built channel is left."""

    channel: Channel | None
    token: str


NO_THIRD_PARTY = ThirdParty(None, "")


def check_third_party(platform: Platform, third_channel: int | None, third_token: str) -> ThirdParty:
    """Validate the channel and token that a device of a platform reports; channel 0 withdraws its token.

    Raises:
        ResultError: NEED_DELIVERYTOKEN without a token; INVALID_PARAM for a channel that is unknown or not for the
            platform, and for a token that cannot be one of the channel.
    """
    token = third_token.strip()
    if third_channel == Channel.SELF_BUILT:
        if token:
            raise ResultError(ResultCode.INVALID_PARAM, "thirdChannel 0 withdraws the token and comes without one")
        return NO_THIRD_PARTY
    if not token:
        raise ResultError(ResultCode.NEED_DELIVERYTOKEN, "thirdChannelDeviceToken is empty")
    if third_channel not in third_channels():
        raise ResultError(ResultCode.INVALID_PARAM, "thirdChannel is not a known channel")
    channel = Channel(third_channel)
    if channel.description.platform != platform:
        raise ResultError(
            ResultCode.INVALID_PARAM, f"thirdChannel {channel.value} is not for {platform.api_name} devices"
        )
    return ThirdParty(channel, _check_token(channel, token))


def _check_token(channel: Channel, token: str) -> str:
    if channel == Channel.APNS:
        plain = apns_spelling(token)
        if not _APNS_TOKEN.fullmatch(plain):
            raise ResultError(
                ResultCode.INVALID_PARAM, "thirdChannelDeviceToken: an APNs token is 64 to 200 hexadecimal digits"
            )
        return plain
    description = channel.description
    if description.read_token and len(token) <= _MAX_REPORTED_LENGTH:
        try:
            token = description.read_token(token)
        except ValueError as error:
            raise ResultError(ResultCode.INVALID_PARAM, f"thirdChannelDeviceToken: {error}") from None
    if len(token) > description.max_token_length or not _TOKEN.fullmatch(token):
        longest = description.max_token_length
        raise ResultError(
            ResultCode.INVALID_PARAM,
            f"thirdChannelDeviceToken is longer than {longest} characters or holds blanks or other signs",
        )
    return token


class Claim(NamedTuple):
    """A device's claim to a token. With `instead_of` it holds only while the device has that token (a replacement)."""

    workspace_id: int
    device_id: int
    channel: int
    token: str
    instead_of: str | None = None


class Gone(NamedTuple):
    """A vendor's word that a device's token is dead since a time; a token reported later stays."""

    device_id: int
    token: str
    since: datetime


class _Lost(NamedTuple):
    """A device that another has taken a token from."""

    device_id: int
    taken_by_id: int
    channel: int


def lock(workspace_id: int, channel: Channel, token: str) -> None:
    """Lock a token until the caller's transaction ends, so that nobody else is given it."""
    _lock_tokens([Claim(workspace_id, 0, channel, token)])


def claim(claims: Sequence[Claim]) -> None:
    """Give devices their tokens and take them from former holders, in one transaction of a fixed number of statements.

    Of two claims by one device, or to one token, the later wins.
    """
    change(claims=claims)


def withdraw(device_id: int) -> None:
    """Delete a device's token: from now on only the self-built channel reaches it."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_SQL["withdraw"], {"device": device_id})
        if cursor.rowcount:
            tell_changed([device_id])


def change(*, claims: Sequence[Claim] = (), gone: Sequence[Gone] = (), locking: Collection[int] = ()) -> None:
    """Apply claims and delete dead tokens, in one transaction of a fixed number of statements.

    Args:
        claims: Tokens that devices claim.
        gone: Tokens that are dead.
        locking: Further devices whose rows the caller's transaction will change, locked in the same order.
    """
    if claims or gone or locking:
        with transaction.atomic():
            _write(claims, gone, locking)


def _write(claims: Sequence[Claim], gone: Sequence[Gone], locking: Collection[int]) -> None:
    _lock_tokens(claims)
    tokens = _lock_devices(claims, [*locking, *(one.device_id for one in gone)])
    valid = [one for one in claims if one.device_id in tokens and one.instead_of in (None, tokens[one.device_id])]
    by_device = {one.device_id: one for one in valid}
    by_token = {(one.workspace_id, one.channel, one.token): one for one in by_device.values()}
    winners = list(by_token.values())
    taken, dead = _take_from_others(winners, list(tokens)), _forget(gone)
    webhook_events.devices_changed(
        EventType.DEVICE_TOKEN_LOST,
        {one: {"reason": "taken_over"} for one in taken} | {one: {"reason": "refused"} for one in dead},
    )
    changed = taken + dead
    # Who claimed a token that a later claim of this batch has taken is left without: its former one it has disowned.
    losers = [one for one in by_device.values() if by_token[one.workspace_id, one.channel, one.token] is not one]
    _give(winners, losers)
    tell_changed([*changed, *by_device])


def _lock_tokens(claims: Sequence[Claim]) -> None:
    """Lock the claimed tokens until the transaction ends."""
    keys = sorted({lock_key(f"{one.workspace_id}:{one.channel}:{one.token}") for one in claims})
    if keys:
        with connection.cursor() as cursor:
            cursor.execute(_SQL["lock_tokens"], {"keys": keys})


def lock_key(name: str) -> int:
    """Hash a name to the number of an advisory lock. A collision only makes two holders wait for each other."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), signed=True)


def _lock_devices(claims: Sequence[Claim], others: Sequence[int]) -> dict[int, str]:
    """Lock all device rows that will change, in the order of their ids; return their tokens by device.

    This is a statement of its own, after the tokens are locked, so that it sees what was committed while it waited.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _SQL["lock_devices"],
            {
                "devices": [one.device_id for one in claims] + list(others),
                "workspaces": [one.workspace_id for one in claims],
                "channels": [one.channel for one in claims],
                "tokens": [one.token for one in claims],
            },
        )
        return dict(cursor.fetchall())


def _take_from_others(winners: Sequence[Claim], locked: Sequence[int]) -> list[int]:
    """Delete the tokens from former holders, which are among the locked devices; return their ids."""
    if not winners:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            _SQL["take_from_others"],
            {
                "workspaces": [one.workspace_id for one in winners],
                "devices": [one.device_id for one in winners],
                "channels": [one.channel for one in winners],
                "tokens": [one.token for one in winners],
                "locked": list(locked),
            },
        )
        lost = [_Lost(*row) for row in cursor.fetchall()]
    TokenLoss.objects.bulk_create(
        [TokenLoss(device_id=one.device_id, taken_by_id=one.taken_by_id, channel=one.channel) for one in lost]
    )
    for one in lost:
        TAKEN_OVER.labels(Channel(one.channel).label).inc()
    return [one.device_id for one in lost]


def _forget(gone: Sequence[Gone]) -> list[int]:
    """Delete dead tokens that their devices still have; return the ids of these devices."""
    if not gone:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            _SQL["forget"],
            {
                "devices": [one.device_id for one in gone],
                "tokens": [one.token for one in gone],
                "since": [one.since for one in gone],
            },
        )
        return [device_id for (device_id,) in cursor.fetchall()]


def _give(winners: Sequence[Claim], losers: Sequence[Claim]) -> None:
    claims = [*winners, *losers]
    if not claims:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            _SQL["give"],
            {
                "devices": [one.device_id for one in claims],
                "channels": [one.channel for one in winners] + [None] * len(losers),
                "tokens": [one.token for one in winners] + [""] * len(losers),
                "reported": [one.instead_of is None for one in claims],
            },
        )
