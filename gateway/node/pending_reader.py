"""Read the pending messages of sessions from the database, in batches, and deliver them in order with broadcasts."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Coroutine, Iterable, Iterator, Sequence
from dataclasses import replace
from heapq import merge
from operator import attrgetter

import structlog

from gateway.broadcast.broadcaster import Broadcaster
from gateway.cluster.codec import DeliveryEntry
from gateway.cluster.former_nodes import DeliveryMemory, FormerNodes, PendingBatch
from gateway.cluster.node_stream import SLICE
from gateway.lane import delivery_entry
from gateway.node.batcher import Batcher
from gateway.node.threads import DatabaseThreads
from gateway.protocol.outbound import MAX_BACKLOG, MAX_IN_FLIGHT, OutboundMessage, State
from gateway.protocol.session import Session
from pushcore.broadcast import broadcasts
from pushcore.broadcast.audience import Window
from pushcore.delivery import deliverable
from pushcore.delivery.payload import PayloadEncoder
from pushcore.storage.outages import DatabaseFault

log = structlog.get_logger(__name__)

BATCH = 500
# Requests within this time share their queries, in seconds.
PENDING_DELAY = 0.003
# Rows read by one query, and of them for one device: what fits its window and memory.
PENDING_ROWS = 5_000
PENDING_PER_DEVICE = MAX_IN_FLIGHT + MAX_BACKLOG
RETRY_SECONDS = 1.0


class PendingReader:
    """Reads what is pending for devices when their sessions request it."""

    def __init__(
        self,
        threads: DatabaseThreads,
        broadcaster: Broadcaster,
        formers: FormerNodes,
        memory: DeliveryMemory,
        report_again: Callable[[int], None],
    ) -> None:
        """Create the reader.

        Args:
            threads: Run the queries.
            broadcaster: Offers broadcasts between pending messages.
            formers: Know where devices were before.
            memory: Knows what was acknowledged and revoked.
            report_again: Called with messages that are acknowledged while their rows are still pending.
        """
        self._threads = threads
        self._broadcaster = broadcaster
        self._formers = formers
        self._memory = memory
        self._report_again = report_again
        # Sessions, with the message id after which their pending rows are read.
        self._batcher: Batcher[tuple[Session, int]] = Batcher(self._read, size=BATCH, delay=PENDING_DELAY, width=2)
        # Devices whose channel may have changed: it is read with their pending rows.
        self.outdated: set[int] = set()
        self._running: set[asyncio.Task[None]] = set()

    def request(self, session: Session, after: int) -> None:
        """Read a session's pending messages with ids above `after`, with the next batch."""
        self._batcher.add((session, after))

    async def _read(self, batch: list[tuple[Session, int]]) -> None:
        """Read and deliver the pending messages of a batch of sessions, in a few queries; retry if they fail."""
        asking: dict[int, tuple[Session, int]] = {}
        for session, after in batch:
            if session.device is not None and session.state is State.OPEN:
                _, lowest = asking.get(session.device.id, (session, after))
                asking[session.device.id] = session, min(after, lowest)
        if not asking:
            return
        most = min(PENDING_PER_DEVICE, PENDING_ROWS // len(asking))
        outdated = self.outdated.intersection(asking)
        self.outdated -= outdated
        windows, by_binding = self._broadcaster.windows(session for session, _ in asking.values())
        try:
            waiting, channels, chosen = await self._threads.run(
                _read_waiting,
                {device_id: after for device_id, (_, after) in asking.items()},
                most,
                windows,
                by_binding,
            )
        except Exception as error:  # whatever it is, the sessions must get an answer
            ours = not isinstance(error, DatabaseFault)
            log.error("pending messages cannot be read; tried again", devices=len(asking), exc_info=ours)
            self.outdated |= outdated
            await asyncio.sleep(RETRY_SECONDS)
            for session, after in asking.values():
                self._batcher.add((session, after))
            return
        here: list[PendingBatch] = []
        elsewhere: dict[str, list[PendingBatch]] = defaultdict(list)
        for device_id, (session, _) in asking.items():
            mine = [broadcast_id for broadcast_id, devices_meant in chosen.items() if device_id in devices_meant]
            if device_id in outdated:
                self._learn(session, channels, mine)
            deliveries: Sequence[DeliveryEntry] = waiting.get(device_id, ())
            complete_to = deliveries[-1].message_id if deliveries and len(deliveries) == most else None
            one = PendingBatch(session, deliveries, complete_to, mine, windows)
            former = self._formers.to_ask(one)
            (here if former is None else elsewhere[former]).append(one)
        for former, group in elsewhere.items():
            self._run_in_background(self._deliver_after_query(former, group))
        await self._deliver(here)

    async def _deliver_after_query(self, former: str, group: Sequence[PendingBatch]) -> None:
        """Deliver pending rows of devices that came from another node, less what they acknowledged there."""
        await self._formers.settle(former, group)
        await self._deliver(group)

    async def _deliver(self, group: Sequence[PendingBatch]) -> None:
        written = 0
        for one in group:
            one.session.deliver_waiting(self._in_order(one), one.complete_to)
            written += 1 + len(one.deliveries)
            if written >= SLICE:
                written = 0
                await asyncio.sleep(0)

    def _learn(self, session: Session, channels: dict[int, int | None], chosen: Collection[int]) -> None:
        """Update the session's device from what was read: its channel and its broadcasts, or that it was removed."""
        assert session.device is not None
        if session.device.id not in channels:
            session.end()
            return
        if channels[session.device.id] != session.device.third_channel:
            session.device = replace(session.device, third_channel=channels[session.device.id])
        self._broadcaster.group_changed(session, chosen)

    def _in_order(self, one: PendingBatch) -> Iterator[OutboundMessage]:
        """Merge a device's pending rows and broadcasts up to `complete_to`, by id."""
        due = self._broadcaster.due(one.session, one.complete_to, one.chosen, one.asked)
        return merge(self._not_known(one.deliveries), due, key=attrgetter("message_id"))

    def _not_known(self, deliveries: Iterable[DeliveryEntry]) -> Iterator[OutboundMessage]:
        """Yield the rows that were neither acknowledged here nor revoked."""
        for _, message_id, expire_at_ms, dup, payload in deliveries:
            if message_id in self._memory.revoked:
                continue
            if message_id in self._memory.acknowledged:
                self._report_again(message_id)
                continue
            again = dup or self._memory.is_outlasted or message_id in self._memory.left_open
            yield OutboundMessage(message_id, payload, expire_at_ms, again)

    def _run_in_background(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)


def _read_waiting(
    after: dict[int, int], most: int, windows: dict[int, Window], by_binding: Collection[int]
) -> tuple[dict[int, list[DeliveryEntry]], dict[int, int | None], dict[int, set[int]]]:
    """Read pending messages of devices, in a thread.

    Args:
        after: By device id, the message id after which messages are read.
        most: Messages for each device at most, the oldest first.
        windows: Broadcasts by time of binding.
        by_binding: Devices to look for in them.

    Returns:
        Encoded messages by device; channels by device; devices by broadcast.
    """
    chosen = broadcasts.bound_within(windows, by_binding)
    pending, encoder = deliverable.by_device(list(after), most, after), PayloadEncoder()
    deliveries = {
        device_id: [delivery_entry(outgoing, encoder) for outgoing in batch]
        for device_id, batch in pending.messages.items()
    }
    return deliveries, pending.third_channels, chosen
