"""Limit failed logins of an address over HTTP, and registrations of devices over HTTP and MQTT.

Counted in Valkey for all processes together. While Valkey is unavailable nothing is refused, so that devices get in.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from enum import Enum

import structlog
from django.conf import settings

from pushcore.security.proxies import source_network
from pushcore.storage.token_bucket import TokenBucket, take_from_each
from pushcore.storage.valkey import ValkeyDown, client

log = structlog.get_logger(__name__)

# Failures are counted by the minute.
FAILURE_SECONDS = 60
# Registrations: a token bucket that holds an hour's worth and refills at the hour's rate.
REGISTRATION_SECONDS = 3600


class Exceeded(Enum):
    """The limit of registrations that was exceeded."""

    ADDRESS = "address"
    WORKSPACE = "workspace"

    @property
    def retry_after(self) -> int:
        """Seconds until another registration is granted."""
        size = {
            Exceeded.ADDRESS: settings.DEVICE_REGISTRATIONS_PER_ADDRESS,
            Exceeded.WORKSPACE: settings.DEVICE_REGISTRATIONS_PER_WORKSPACE,
        }[self]
        return math.ceil(REGISTRATION_SECONDS / max(1, size))


def has_failed_too_often(address: str) -> bool:
    """Tell whether an address has used up its failures of this minute. One command."""
    limit = settings.DEVICE_FAILURES_PER_ADDRESS
    if not limit:
        return False
    try:
        return int(client().get(_failures_key(address)) or 0) >= limit
    except ValkeyDown:
        log.warning("Valkey is unavailable; failures over HTTP are not counted")
        return False


def note_failure(address: str) -> None:
    """Count a request that was refused for its credentials. One round trip."""
    if not settings.DEVICE_FAILURES_PER_ADDRESS:
        return
    key = _failures_key(address)
    try:
        with client().pipeline(transaction=False) as pipeline:
            pipeline.incr(key)
            pipeline.expire(key, 2 * FAILURE_SECONDS)
            pipeline.execute()
    except ValkeyDown:
        log.warning("Valkey is unavailable; failures over HTTP are not counted")


def seconds_of_minute_left() -> int:
    """Return the seconds until failures are counted anew, at least 1."""
    return FAILURE_SECONDS - int(time.time()) % FAILURE_SECONDS


def _failures_key(address: str) -> str:
    return f"mps:failures:{source_network(address)}:{int(time.time()) // FAILURE_SECONDS}"


def take_registrations(attempts: Sequence[tuple[str, int]]) -> list[Exceeded | None]:
    """Count registrations, in one round trip.

    Args:
        attempts: Address and workspace id of each.

    Returns:
        The limit that each exceeds, None if it is granted; in order.
    """
    keys = [
        (f"mps:registrations:from:{source_network(address)}", f"mps:registrations:into:{pk}")
        for address, pk in attempts
    ]
    sizes = {
        key: size
        for pair in keys
        for key, size in zip(
            pair, (settings.DEVICE_REGISTRATIONS_PER_ADDRESS, settings.DEVICE_REGISTRATIONS_PER_WORKSPACE), strict=True
        )
        if size
    }
    if not sizes:
        return [None] * len(attempts)
    try:
        grants = _take(sizes, Counter(key for pair in keys for key in pair))
    except ValkeyDown:
        log.warning("Valkey is unavailable; registrations are not counted")
        return [None] * len(attempts)
    return [_exceeded_limit(pair, grants) for pair in keys]


def _take(sizes: Mapping[str, int], wanted: Mapping[str, int]) -> dict[str, int]:
    buckets = [TokenBucket(key, size / REGISTRATION_SECONDS, size) for key, size in sizes.items()]
    granted = take_from_each([(bucket, wanted[bucket.key]) for bucket in buckets])
    return {bucket.key: count for bucket, count in zip(buckets, granted, strict=True)}


def _exceeded_limit(pair: tuple[str, str], grants: dict[str, int]) -> Exceeded | None:
    """Take one grant of each limit; return the limit that has none left, with nothing taken."""
    for key, limit in zip(pair, Exceeded, strict=True):
        if grants.get(key, 1) <= 0:
            return limit
    for key in pair:
        if key in grants:
            grants[key] -= 1
    return None
