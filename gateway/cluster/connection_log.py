"""A log of single devices' connections, on demand: what an app's developer looks at while something does not work.

Somebody asks for ten minutes of one device (`watch`). Nodes learn of it with their heartbeat, and keep what happens to
the device's connection and requests; the web process does likewise for requests over HTTP. While nobody asks, a node
looks into an empty set when a device connects, asks or leaves, and sends nothing.

- `mps:connection-log`: a sorted set of the watched devices' Ad-tokens by when it ends.
- `mps:connection-log:{Ad-token}`: a list of entries as JSON, the latest `MAX_ENTRIES`.

Entries name what happened and its code: no payloads, no secrets.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple

import structlog

from pushcore.storage import clock
from pushcore.storage.valkey import ValkeyDown, client

log = structlog.get_logger(__name__)

WATCHED = "mps:connection-log"
WATCH_SECONDS = 600
# Devices watched at once, and entries kept of each; an entry has at most so many characters of text.
MAX_WATCHED = 100
MAX_ENTRIES = 200
MAX_DETAIL = 200
# Entries that a node keeps until its next heartbeat.
MAX_PENDING = 1000
# How often a process that serves HTTP reads which devices are watched.
READ_SECONDS = 2.0

# What happened. `code` is a reason code of MQTT ("0x86") or a result code; empty where there is none.
REFUSED, CONNECTED, ENDED, REQUEST, PUBLISH_REFUSED = "refused", "connected", "ended", "request", "publish_refused"


def code_of(reason: int) -> str:
    """Return a reason code of MQTT as the protocol's document writes it."""
    return f"0x{int(reason):02X}"


class LoggedEvent(NamedTuple):
    """Something that happened to a device's connection or request; `at_ms` is milliseconds since 1970."""

    at_ms: int
    what: str
    code: str
    detail: str


class TooManyWatchedError(Exception):
    """As many devices are watched as may be."""


def _key(ad_token: str) -> str:
    return f"{WATCHED}:{ad_token}"


def _encode(what: str, code: str, detail: str) -> str:
    return json.dumps([int(clock.time() * 1000), what, code, detail[:MAX_DETAIL]])


def _append(pipeline: Any, ad_token: str, entry: str) -> None:
    pipeline.rpush(_key(ad_token), entry)
    pipeline.ltrim(_key(ad_token), -MAX_ENTRIES, -1)
    pipeline.expire(_key(ad_token), 2 * WATCH_SECONDS)


class ConnectionLog:
    """A node's part: which devices are watched, and what happened to them since the last heartbeat."""

    def __init__(self) -> None:
        self.watched: frozenset[str] = frozenset()
        self._pending: deque[tuple[str, str]] = deque(maxlen=MAX_PENDING)

    def note(self, ad_token: str, what: str, code: str = "", detail: str = "") -> None:
        """Keep what happened to a device, if it is watched."""
        if ad_token in self.watched:
            self._pending.append((ad_token, _encode(what, code, detail)))

    def note_request(self, ad_token: str, topic: str, answer: Mapping[str, Any]) -> None:
        """Keep a device's request and what it was answered, if it is watched."""
        if ad_token in self.watched:
            self.note(ad_token, REQUEST, answer["code"], f"{topic}: {answer['message']}")

    async def exchange(self, valkey: Any) -> None:
        """Send what was kept, and read which devices are watched: one round trip.

        Raises:
            RedisError: Valkey does not answer; what was kept is sent later.
        """
        sent = list(self._pending)
        async with valkey.pipeline(transaction=False) as pipeline:
            for ad_token, entry in sent:
                _append(pipeline, ad_token, entry)
            pipeline.zrangebyscore(WATCHED, clock.time(), "+inf", start=0, num=MAX_WATCHED)
            *_, watched = await pipeline.execute()
        for _ in range(min(len(sent), len(self._pending))):
            self._pending.popleft()
        self.watched = frozenset(ad_token.decode() for ad_token in watched)


def watch(ad_token: str) -> None:
    """Have a device's connections logged for `WATCH_SECONDS` from now on.

    Raises:
        TooManyWatchedError: As many others are watched as may be.
        ValkeyDown: Valkey is unavailable.
    """
    bus, now = client(), clock.time()
    bus.zremrangebyscore(WATCHED, "-inf", now)
    if bus.zscore(WATCHED, ad_token) is None and bus.zcard(WATCHED) >= MAX_WATCHED:
        raise TooManyWatchedError
    bus.zadd(WATCHED, {ad_token: now + WATCH_SECONDS})


def seconds_left(ad_token: str) -> float:
    """Return how long a device is still watched, 0 where it is not.

    Raises:
        ValkeyDown: Valkey is unavailable.
    """
    return max(0.0, float(client().zscore(WATCHED, ad_token) or 0.0) - clock.time())


def entries_of(ad_token: str) -> list[LoggedEvent]:
    """Return what is kept of a device, the newest first.

    Raises:
        ValkeyDown: Valkey is unavailable.
    """
    found = [LoggedEvent(*json.loads(one)) for one in client().lrange(_key(ad_token), 0, -1)]
    found.sort(key=lambda entry: entry.at_ms)  # those of several processes; of one millisecond as they came
    return found[::-1]


class _WatchedHere:
    """The watched devices, as this process read them last."""

    def __init__(self) -> None:
        self._ad_tokens: frozenset[str] = frozenset()
        self._read_at = -READ_SECONDS

    def __contains__(self, ad_token: str) -> bool:
        """Tell whether a device is watched; read anew every `READ_SECONDS`.

        Raises:
            ValkeyDown: Valkey is unavailable.
        """
        now = time.monotonic()
        if now - self._read_at >= READ_SECONDS:
            self._read_at = now
            found: Any = client().zrangebyscore(WATCHED, clock.time(), "+inf", start=0, num=MAX_WATCHED)
            self._ad_tokens = frozenset(one.decode() for one in found)
        return ad_token in self._ad_tokens


_watched_here = _WatchedHere()


def note_http_request(ad_token: str, code: str, detail: str) -> None:
    """Keep a device's request over HTTP, if it is watched."""
    try:
        if ad_token not in _watched_here:
            return
        with client().pipeline(transaction=False) as pipeline:
            _append(pipeline, ad_token, _encode(REQUEST, code, detail))
            pipeline.execute()
    except ValkeyDown:
        log.warning("Valkey is unavailable; a request is not in the log of its device's connections")
