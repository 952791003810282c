"""Read the pending messages of sessions from the database, in batches, and deliver them in order with broadcasts."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Coroutine, Iterable, Iterator, Sequence
from dataclasses import replace
from heapq import merge
from operator import attrgetter

from gateway.broadcast.broadcaster import Broadcaster
from gateway.cluster.codec import DeliveryEntry
from gateway.cluster.former_nodes import DeliveryMemory, FormerNodes, PendingBatch
from gateway.cluster.node_stream import SLICE
from gateway.lane import delivery_entry
from gateway.node.batcher import Batcher
from gateway.node.threads import DatabaseThreads
from gateway.protocol.outbound import MAX_BACKLOG, MAX_IN_FLIGHT, OutboundMessage
from gateway.protocol.ports import State
from gateway.protocol.session import Session
from pushcore.broadcast import broadcasts
from pushcore.broadcast.audience import Window
from pushcore.delivery import deliverable
from pushcore.delivery.payload import PayloadEncoder
from pushcore.storage.retry import OutageBackoff

BATCH = 500
# Requests within this time share their queries, in seconds.
PENDING_DELAY = 0.003
# Rows read by one query, and of them for one device: what fits its window and memory.
PENDING_ROWS = 5_000
PENDING_PER_DEVICE = MAX_IN_FLIGHT + MAX_BACKLOG


class PendingReader:
    """Reads what is pending for devices when their sessions request it."""

    def __init__(
        self,
        threads: DatabaseThreads,
        broadcaster: Broadcaster,
        former_nodes: FormerNodes,
        memory: DeliveryMemory,
        report_again: Callable[[int], None],
    ) -> None:
        """Create the reader.

        Args:
            threads: Run the queries.
            broadcaster: Offers broadcasts between pending messages.
            former_nodes: Know where devices were connected before.
            memory: Knows what was acknowledged, and what was revoked.
            report_again: Called with messages that are acknowledged while their rows are still pending.
        """
        self._threads = threads
        self._broadcaster = broadcaster
        self._former_nodes = former_nodes
        self._memory = memory
        self._report_again = report_again
        # Sessions, with the message id after which their pending rows are read.
        self._batcher: Batcher[tuple[Session, int]] = Batcher(self._read, size=BATCH, delay=PENDING_DELAY, width=2)
        # Devices whose channel may have changed: it is read with their pending rows.
        self.outdated: set[int] = set()
        self._backoff = OutageBackoff("pending messages")
        self._running: set[asyncio.Task[None]] = set()

    def request(self, session: Session, after: int) -> None:
        """Read a session's pending messages with ids above `after`, with the next batch."""
        self._batcher.add((session, after))

    async def _read(self, batch: list[tuple[Session, int]]) -> None:
        """Read and deliver the pending messages of a batch of sessions, in a few queries; retry if they fail."""
        requests: dict[int, tuple[Session, int]] = {}
        for session, after in batch:
            if session.device is not None and session.state is State.OPEN:
                _, lowest = requests.get(session.device.id, (session, after))
                requests[session.device.id] = session, min(after, lowest)
        if not requests:
            return
        per_device = min(PENDING_PER_DEVICE, PENDING_ROWS // len(requests))
        outdated = self.outdated.intersection(requests)
        self.outdated -= outdated
        windows, by_binding = self._broadcaster.binding_windows(session for session, _ in requests.values())
        try:
            pending, channels, matches = await self._threads.run(
                _read_pending,
                {device_id: after for device_id, (_, after) in requests.items()},
                per_device,
                windows,
                by_binding,
            )
        except Exception as error:  # whatever it is, the sessions must get an answer
            self.outdated |= outdated
            await asyncio.sleep(self._backoff.failed(error))
            for session, after in requests.values():
                self._batcher.add((session, after))
            return
        self._backoff.succeeded()
        ready: list[PendingBatch] = []
        by_former_node: dict[str, list[PendingBatch]] = defaultdict(list)
        for device_id, (session, _) in requests.items():
            matched = [broadcast_id for broadcast_id, device_ids in matches.items() if device_id in device_ids]
            if device_id in outdated:
                self._update_device(session, channels, matched)
            deliveries: Sequence[DeliveryEntry] = pending.get(device_id, ())
            complete_to = deliveries[-1].message_id if deliveries and len(deliveries) == per_device else None
            rows = PendingBatch(session, deliveries, complete_to, matched, windows)
            former_node = self._former_nodes.node_to_query(rows)
            (ready if former_node is None else by_former_node[former_node]).append(rows)
        for former_node, batches in by_former_node.items():
            self._run_in_background(self._deliver_after_query(former_node, batches))
        await self._deliver(ready)

    async def _deliver_after_query(self, former_node: str, batches: Sequence[PendingBatch]) -> None:
        """Deliver pending rows of devices that were connected to another node, less what they acknowledged there."""
        await self._former_nodes.query(former_node, batches)
        await self._deliver(batches)

    async def _deliver(self, batches: Sequence[PendingBatch]) -> None:
        sent = 0
        for batch in batches:
            batch.session.deliver_pending(self._in_order(batch), batch.complete_to)
            sent += 1 + len(batch.deliveries)
            if sent >= SLICE:
                sent = 0
                await asyncio.sleep(0)

    def _update_device(self, session: Session, channels: dict[int, int | None], matched: Collection[int]) -> None:
        """Update the session's device from what was read: its channel and its broadcasts, or that it was removed."""
        assert session.device is not None
        if session.device.id not in channels:
            session.end()
            return
        if channels[session.device.id] != session.device.third_channel:
            session.device = replace(session.device, third_channel=channels[session.device.id])
        self._broadcaster.group_changed(session, matched)

    def _in_order(self, batch: PendingBatch) -> Iterator[OutboundMessage]:
        """Merge a device's pending rows and broadcasts up to `complete_to`, by id."""
        broadcasts = self._broadcaster.after_cursor(batch.session, batch.complete_to, batch.matched, batch.queried)
        return merge(self._unresolved(batch.deliveries), broadcasts, key=attrgetter("message_id"))

    def _unresolved(self, deliveries: Iterable[DeliveryEntry]) -> Iterator[OutboundMessage]:
        """Yield the rows that were neither acknowledged here nor revoked."""
        for _, message_id, expire_at_ms, dup, payload in deliveries:
            if message_id in self._memory.revoked:
                continue
            if message_id in self._memory.acknowledged:
                self._report_again(message_id)
                continue
            is_repeat = dup or self._memory.is_incomplete or message_id in self._memory.unacknowledged
            yield OutboundMessage(message_id, payload, expire_at_ms, is_repeat)

    def _run_in_background(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)


def _read_pending(
    after: dict[int, int], per_device: int, windows: dict[int, Window], by_binding: Collection[int]
) -> tuple[dict[int, list[DeliveryEntry]], dict[int, int | None], dict[int, set[int]]]:
    """Read pending messages of devices, in a thread.

    Args:
        after: By device id, the message id after which messages are read.
        per_device: Messages for each device at most, the oldest first.
        windows: Broadcasts by time of binding.
        by_binding: Devices that these broadcasts may be for.

    Returns:
        Encoded messages by device; vendor channels by device; devices by broadcast.
    """
    matches = broadcasts.bound_within(windows, by_binding)
    pending, encoder = deliverable.by_device(list(after), per_device, after), PayloadEncoder()
    deliveries = {
        device_id: [delivery_entry(outgoing, encoder) for outgoing in batch]
        for device_id, batch in pending.messages.items()
    }
    return deliveries, pending.third_channels, matches
