"""Buffer acknowledgements of devices, and append them in batches to the sink's stream."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from redis.exceptions import RedisError

from gateway.cluster import codec
from gateway.cluster.codec import BroadcastAck
from gateway.cluster.valkey_connection import LossMarker
from pushcore.storage.retry import run_forever

if TYPE_CHECKING:
    from gateway.broadcast.progress import Cursor
    from gateway.cluster.node_presence import NodePresence

T = TypeVar("T")

# A batch is appended once it is this large or this old; that is checked this often.
ACK_BATCH = 1000
ACK_FLUSH_SECONDS = 0.05
ACK_CHECK_SECONDS = 0.01
# Acknowledgements kept while Valkey is unavailable; of those beyond it the rows stay pending and devices get a repeat.
MAX_BUFFERED_ACKS = 200_000


class AckBuffer:
    """Acknowledgements of devices that were not reported to the sink yet. Bounded; order within a kind is kept."""

    def __init__(self, client: Any, presence: NodePresence, loss: LossMarker) -> None:
        self._client = client
        self._presence = presence
        self._loss = loss
        self._flushed_at = time.monotonic()
        self._acks: deque[int] = deque(maxlen=MAX_BUFFERED_ACKS)
        # Adds an acknowledged message: the queue's own method, for it is called for each message.
        self.acknowledged: Callable[[int], None] = self._acks.append
        self._unacknowledged: deque[int] = deque(maxlen=MAX_BUFFERED_ACKS)
        # Devices by their broadcast cursor.
        self._cursors: defaultdict[Cursor, list[int]] = defaultdict(list)
        self._cursor_count = 0
        # Age of the oldest acknowledgement that no sink has recorded yet, at the last check.
        self.wait_seconds = 0.0

    def report_cursor(self, device_id: int, cursor: Cursor) -> None:
        """Add how far a device has come with broadcasts.

        Cursors are cumulative and counted once, so one that does not fit while Valkey is unavailable is no loss.
        """
        if self._cursor_count < MAX_BUFFERED_ACKS:
            self._cursor_count += 1
            self._cursors[cursor].append(device_id)

    def report_unacknowledged(self, message_ids: Sequence[int]) -> None:
        """Add messages that were sent on a connection that ended before they were acknowledged."""
        self._unacknowledged.extend(message_ids)

    async def run(self) -> None:
        """Flush in batches, and delete the presence of devices that left, forever."""
        await run_forever(self._flush_when_due, work="acknowledgements to the sink", on_failure=self._loss.mark)

    async def _flush_when_due(self) -> None:
        await asyncio.sleep(ACK_CHECK_SECONDS if self._acks else ACK_FLUSH_SECONDS)
        if len(self._acks) < ACK_BATCH and time.monotonic() - self._flushed_at < ACK_FLUSH_SECONDS:
            return
        await self.flush()
        await self._presence.flush_departures()
        self._flushed_at = time.monotonic()

    async def flush(self) -> None:
        """Append everything that is buffered to the sink's stream.

        Raises:
            RedisError: Valkey does not answer; what was not appended is kept.
        """
        while self._acks or self._unacknowledged or self._cursors:
            acks, unacknowledged = _pop_batch(self._acks), _pop_batch(self._unacknowledged)
            cursors = self._pop_cursors()
            with self._restored_on_failure(acks, unacknowledged, cursors):
                broadcasts = [
                    BroadcastAck(cursor.position, cursor.acknowledged, devices) for cursor, devices in cursors.items()
                ]
                await self._client.xadd(
                    codec.ACKS_STREAM,
                    codec.pack_acks(acks, unacknowledged, broadcasts),
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

    def _pop_cursors(self) -> dict[Cursor, list[int]]:
        """Remove and return the cursors of at most a batch of devices, in any order: a cursor is complete by itself."""
        batch, room = {}, ACK_BATCH
        while room and self._cursors:
            cursor, devices = self._cursors.popitem()
            if len(devices) > room:
                self._cursors[cursor] = devices[room:]
                del devices[room:]
            room -= len(devices)
            batch[cursor] = devices
        self._cursor_count -= ACK_BATCH - room
        return batch

    @contextlib.contextmanager
    def _restored_on_failure(
        self, acks: list[int], unacknowledged: list[int], cursors: dict[Cursor, list[int]]
    ) -> Iterator[None]:
        """Put a batch back if it cannot be appended."""
        try:
            yield
        except (RedisError, asyncio.CancelledError):
            self._acks.extendleft(reversed(acks))
            self._unacknowledged.extendleft(reversed(unacknowledged))
            for cursor, device_ids in cursors.items():
                for device_id in device_ids:
                    self.report_cursor(device_id, cursor)
            raise


def _pop_batch(queue: deque[T]) -> list[T]:
    """Remove and return the oldest items, at most a batch."""
    return [queue.popleft() for _ in range(min(ACK_BATCH, len(queue)))]
