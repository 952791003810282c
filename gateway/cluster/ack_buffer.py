"""Buffer acknowledgements of devices, and append them in batches to the sink's stream."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from redis.exceptions import RedisError

from gateway.cluster import codec
from gateway.cluster.codec import BroadcastAck
from gateway.cluster.valkey_connection import Outage

if TYPE_CHECKING:
    from gateway.broadcast.progress import Cursor
    from gateway.cluster.node_presence import NodePresence

T = TypeVar("T")

# A batch is appended once it is this large or this old; that is checked this often.
ACK_BATCH = 1000
ACK_FLUSH_SECONDS = 0.05
ACK_LOOK_SECONDS = 0.01
# Acknowledgements kept while Valkey is unavailable; beyond, rows stay pending and devices get a repeat.
MAX_KEPT_ACKS = 200_000
RETRY_SECONDS = 0.5


class AckBuffer:
    """What devices acknowledged and the sink was not told yet. Bounded; order within a kind is kept."""

    def __init__(self, client: Any, presence: NodePresence, outage: Outage) -> None:
        self._client = client
        self._presence = presence
        self._outage = outage
        self._acks: deque[int] = deque(maxlen=MAX_KEPT_ACKS)
        # Note that a device acknowledged a message: the queue's own method, for it is called for each message.
        self.acknowledged: Callable[[int], None] = self._acks.append
        self._left_open: deque[int] = deque(maxlen=MAX_KEPT_ACKS)
        # Devices by their broadcast cursor.
        self._cursors: dict[Cursor, list[int]] = {}
        self._cursors_kept = 0
        # Age of the oldest acknowledgement that no sink has recorded yet, at the last check.
        self.wait_seconds = 0.0

    def report_cursor(self, device_id: int, cursor: Cursor) -> None:
        """Note how far a device has come with broadcasts.

        Cursors are cumulative and counted once, so one that does not fit while Valkey is unavailable is no loss.
        """
        if self._cursors_kept < MAX_KEPT_ACKS:
            self._cursors_kept += 1
            devices = self._cursors.get(cursor)
            if devices is None:
                self._cursors[cursor] = [device_id]
            else:
                devices.append(device_id)

    def left_open(self, message_ids: Sequence[int]) -> None:
        """Note messages written to a connection that ended before they were acknowledged."""
        self._left_open.extend(message_ids)

    async def run(self) -> None:
        """Flush in batches, and delete the presence of devices that left, forever."""
        flushed_at = time.monotonic()
        while True:
            await asyncio.sleep(ACK_LOOK_SECONDS)
            if len(self._acks) < ACK_BATCH and time.monotonic() - flushed_at < ACK_FLUSH_SECONDS:
                continue
            try:
                await self.flush()
                await self._presence.flush_departures()
            except RedisError as error:
                self._outage.note(error)
                await asyncio.sleep(RETRY_SECONDS)
            flushed_at = time.monotonic()

    async def flush(self) -> None:
        """Append everything that is buffered to the sink's stream.

        Raises:
            RedisError: Valkey does not answer; what was not appended is kept.
        """
        while self._acks or self._left_open or self._cursors:
            acks, left_open, cursors = _taken(self._acks), _taken(self._left_open), self._take_cursors()
            with self._kept_if_lost(acks, left_open, cursors):
                broadcasts = [BroadcastAck(one.position, one.acknowledged, devices) for one, devices in cursors.items()]
                await self._client.xadd(
                    codec.ACKS_STREAM,
                    codec.pack_acks(acks, left_open, broadcasts),
                    maxlen=codec.ACKS_MAX_ENTRIES,
                    approximate=True,
                )

    async def check_sink(self) -> None:
        """Measure how long acknowledgements wait for the sink. Stream ids are milliseconds by Valkey's clock."""
        oldest = await self._client.xrange(codec.ACKS_STREAM, count=1)
        if not oldest:
            self.wait_seconds = 0.0
            return
        seconds, microseconds = await self._client.time()
        self.wait_seconds = seconds + microseconds / 1e6 - int(oldest[0][0].partition(b"-")[0]) / 1000

    def _take_cursors(self) -> dict[Cursor, list[int]]:
        """Take out the cursors of at most a batch of devices. Their order does not matter: each tells everything."""
        taken, room = {}, ACK_BATCH
        while room and self._cursors:
            cursor, devices = self._cursors.popitem()
            if len(devices) > room:
                self._cursors[cursor] = devices[room:]
                del devices[room:]
            room -= len(devices)
            taken[cursor] = devices
        self._cursors_kept -= ACK_BATCH - room
        return taken

    @contextlib.contextmanager
    def _kept_if_lost(self, acks: list[int], left_open: list[int], cursors: dict[Cursor, list[int]]) -> Iterator[None]:
        try:
            yield
        except (RedisError, asyncio.CancelledError):
            self._acks.extendleft(reversed(acks))
            self._left_open.extendleft(reversed(left_open))
            for cursor, device_ids in cursors.items():
                for device_id in device_ids:
                    self.report_cursor(device_id, cursor)
            raise


def _taken(waiting: deque[T]) -> list[T]:
    """Take out the oldest items, at most a batch."""
    return [waiting.popleft() for _ in range(min(ACK_BATCH, len(waiting)))]
