"""The sink: acknowledgements from the gateways' stream to outcomes, batch by batch.

A consumer group: several sinks share the stream, and what a sink had taken when it died is taken again by its
successor (`XAUTOCLAIM`). Recording twice counts once, so a repeat does no harm.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

import redis
import structlog
from django.conf import settings
from django.db import DatabaseError, close_old_connections

from gateway import entries
from pushcore import outcomes
from pushcore.codes import statuses
from pushcore.ports import Outcome

log = structlog.get_logger(__name__)

ALIVE = "mps:alive:sink"
ALIVE_SECONDS = 10
READ_COUNT = 50
BLOCK_MS = 1000
CLAIM_IDLE_MS = 5_000
CLAIM_EVERY_SECONDS = 5.0


def is_alive(bus: redis.Redis) -> bool:
    """Whether a sink has been heard of lately."""
    return bool(bus.exists(ALIVE))


class Sink:
    """Reads until `stop` is set. `name` tells this consumer from others of the group."""

    def __init__(self, name: str, stop: threading.Event) -> None:
        self._name = name
        self._stop = stop
        self._bus: Any = redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=2, socket_timeout=10)
        self._claimed_at = 0.0

    def run(self) -> None:
        """Work until told to stop. The fast store or the database being away is waited out."""
        while not self._stop.is_set():
            try:
                self._work()
            except redis.RedisError as error:
                if "NOGROUP" not in str(error):
                    log.warning("fast store away", error=type(error).__name__)
                self._make_group()
            except DatabaseError:
                # Not confirmed, so it is taken again when its time is up.
                log.exception("outcomes could not be recorded; tried again")
                close_old_connections()
                self._stop.wait(1.0)
        self._bus.delete(ALIVE)
        self._bus.close()

    def _work(self) -> None:
        self._make_group()
        while not self._stop.is_set():
            self._bus.set(ALIVE, self._name, ex=ALIVE_SECONDS)
            if time.monotonic() - self._claimed_at > CLAIM_EVERY_SECONDS:
                self._take_abandoned()
            answer = self._bus.xreadgroup(
                entries.ACKS_GROUP, self._name, {entries.ACKS_STREAM: ">"}, count=READ_COUNT, block=BLOCK_MS
            )
            for _stream, found in answer or ():
                self._record(found)

    def _make_group(self) -> None:
        """The group exists from the stream's beginning; after a flush it is made again."""
        try:
            self._bus.xgroup_create(entries.ACKS_STREAM, entries.ACKS_GROUP, id="0", mkstream=True)
        except redis.ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise
        except redis.RedisError:
            self._stop.wait(0.5)

    def _take_abandoned(self) -> None:
        """Entries another sink took and did not confirm."""
        self._claimed_at = time.monotonic()
        start = "0-0"
        while not self._stop.is_set():
            start, found, *_ = self._bus.xautoclaim(
                entries.ACKS_STREAM, entries.ACKS_GROUP, self._name, CLAIM_IDLE_MS, start, count=READ_COUNT
            )
            if found:
                self._record(found)
            if start in (b"0-0", "0-0"):
                return

    def _record(self, found: Sequence[tuple[bytes, dict[bytes, bytes]]]) -> None:
        """Record a batch of entries, then confirm and delete them."""
        close_old_connections()
        acknowledged: list[int] = []
        left_open: list[int] = []
        for _, fields in found:
            if fields:
                acks, opened = entries.unpack_acks(fields[b"acks"])
                acknowledged += acks
                left_open += opened
        outcomes.record([Outcome(message_id, statuses.ACKED) for message_id in acknowledged])
        outcomes.mark_sent(left_open)
        names = [entry_id for entry_id, _ in found]
        with self._bus.pipeline(transaction=True) as pipeline:
            pipeline.xack(entries.ACKS_STREAM, entries.ACKS_GROUP, *names)
            pipeline.xdel(entries.ACKS_STREAM, *names)
            pipeline.execute()
