"""Record acknowledgements from the gateways' stream as outcomes, batch by batch.

Sinks are a consumer group: several share the stream, and what a sink had taken when it died is claimed by another
(`XAUTOCLAIM`). Recording twice counts once, so a repeat does no harm.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import redis
import structlog
from django.conf import settings
from django.db import close_old_connections

from gateway.cluster import codec
from pushcore.broadcast import acknowledgements
from pushcore.delivery import outcomes
from pushcore.ports import BroadcastArrival
from pushcore.storage.retry import run_until_stopped

log = structlog.get_logger(__name__)

T = TypeVar("T")

ALIVE = "mps:alive:sink"
ALIVE_SECONDS = 10
READ_COUNT = 50
BLOCK_MS = 1000
COMMAND_SECONDS: float | None = 10.0
CLAIM_IDLE_MS = 5_000
CLAIM_EVERY_SECONDS = 5.0
# Ids recorded in one transaction; one read of full entries holds up to fifty thousand.
RECORD_BATCH = 2_000
# A consumer idle for this long with nothing unconfirmed is a process that ended.
FORGET_CONSUMER_MS = 3_600_000


def is_alive(bus: redis.Redis) -> bool:
    """Tell whether a sink wrote its heartbeat lately."""
    return bool(bus.exists(ALIVE))


class Sink:
    """One consumer of the group, with a unique `name`."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._stop = threading.Event()
        self._bus: Any = redis.Redis.from_url(
            settings.REDIS_URL, socket_connect_timeout=2, socket_timeout=COMMAND_SECONDS
        )
        # Valkey's id of the connection that waits for entries, None until the sink has joined the group.
        self._reader_id: int | None = None
        self._claimed_at = 0.0

    def stop(self) -> None:
        """End `run` after the present batch. Safe from other threads and from signal handlers."""
        self._stop.set()
        if self._reader_id is None:
            return
        # Make its blocking read return at once.
        with contextlib.suppress(redis.RedisError), redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1) as bus:
            bus.client_unblock(self._reader_id)

    def run(self) -> None:
        """Record entries until stopped. Waits out outages of Valkey and of the database."""
        # Entries that were read and not recorded are claimed again.
        run_until_stopped(self._step, self._stop, work="acknowledgements to outcomes", on_failure=self._start_over)
        try:
            self._bus.delete(ALIVE)
        except redis.RedisError:
            log.warning("Valkey is unavailable at the end; the heartbeat expires by itself")
        self._bus.close()

    def _step(self) -> None:
        """Record the next entries; wait for them if there are none."""
        try:
            if self._reader_id is None:
                self._join_group()
            self._heartbeat()
            if time.monotonic() - self._claimed_at > CLAIM_EVERY_SECONDS:
                self._claim_abandoned()
            answer = self._bus.xreadgroup(
                codec.ACKS_GROUP, self._name, {codec.ACKS_STREAM: ">"}, count=READ_COUNT, block=BLOCK_MS
            )
        except redis.ResponseError as error:
            if "NOGROUP" not in str(error):
                raise
            self._start_over()  # Valkey was emptied: the next step creates the group again
            return
        for _stream, found in answer or ():
            self._record(found)

    def _start_over(self) -> None:
        """Let the next step join the group again: connection, group or entries may be gone."""
        self._reader_id = None

    def _join_group(self) -> None:
        self._create_group()
        self._delete_old_consumers()
        self._reader_id = self._bus.client_id()

    def _heartbeat(self) -> None:
        self._bus.set(ALIVE, self._name, ex=ALIVE_SECONDS)

    def _create_group(self) -> None:
        """Create the group at the stream's beginning unless it exists."""
        try:
            self._bus.xgroup_create(codec.ACKS_STREAM, codec.ACKS_GROUP, id="0", mkstream=True)
        except redis.ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    def _delete_old_consumers(self) -> None:
        """Delete consumers of processes that ended; each start is a consumer of its own."""
        for consumer in self._bus.xinfo_consumers(codec.ACKS_STREAM, codec.ACKS_GROUP):
            if not consumer["pending"] and consumer["idle"] > FORGET_CONSUMER_MS:
                self._bus.xgroup_delconsumer(codec.ACKS_STREAM, codec.ACKS_GROUP, consumer["name"])

    def _claim_abandoned(self) -> None:
        """Claim and record entries that another sink took and did not confirm."""
        self._claimed_at = time.monotonic()
        start = "0-0"
        while not self._stop.is_set():
            start, found, *_ = self._bus.xautoclaim(
                codec.ACKS_STREAM, codec.ACKS_GROUP, self._name, CLAIM_IDLE_MS, start, count=READ_COUNT
            )
            if found:
                self._record(found)
            if start in (b"0-0", "0-0"):
                return

    def _record(self, found: Sequence[tuple[bytes, dict[bytes, bytes]]]) -> None:
        """Record a batch of entries, then confirm and delete them."""
        close_old_connections()
        acknowledged: list[int] = []
        unacknowledged: list[int] = []
        broadcasts: list[BroadcastArrival] = []
        for entry_id, fields in found:
            try:
                acks, no_acks, arrivals = codec.unpack_acks(fields.get(b"acks", b""))
            except codec.EntryError as error:
                log.error("stream entry left out", entry=entry_id.decode(), error=str(error))
                continue
            acknowledged += acks
            unacknowledged += no_acks
            broadcasts += arrivals
        self._in_batches(outcomes.record_acknowledged, acknowledged)
        self._in_batches(outcomes.mark_sent, unacknowledged)
        self._in_batches(acknowledgements.record, broadcasts)
        names = [entry_id for entry_id, _ in found]
        with self._bus.pipeline(transaction=True) as pipeline:
            pipeline.xack(codec.ACKS_STREAM, codec.ACKS_GROUP, *names)
            pipeline.xdel(codec.ACKS_STREAM, *names)
            pipeline.execute()

    def _in_batches(self, record: Callable[[Sequence[T]], object], reports: Sequence[T]) -> None:
        for start in range(0, len(reports), RECORD_BATCH):
            record(reports[start : start + RECORD_BATCH])
            self._heartbeat()
