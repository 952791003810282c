"""Query the node that a device was connected to before, so that nothing it acknowledged there is sent again.

Acknowledgements take a moment to become statuses, and longer while the sink is away. So a device's pending rows are
first compared with what its former node remembers:

    device connects       -> its presence is written; the answer names its former node
    it has pending rows   -> the former node is queried about them, and ends its session of the device
                          <- which of them were acknowledged, which were sent and not acknowledged; its broadcasts

If the node is gone or does not reply, a message may have been sent before: its repeat says DUP. A device that returns
to the same node, or has nothing pending, costs nothing.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import structlog
from mqtt5 import DisconnectReasonCode as Reason
from redis.exceptions import RedisError

from gateway.broadcast.broadcaster import Broadcaster
from gateway.cluster import codec
from gateway.cluster.codec import DeliveryEntry, TakeoverQuery, TakeoverReply
from gateway.cluster.node_lease import HEARTBEAT_SECONDS, NodeLease
from gateway.cluster.presence import REMEMBERED_SECONDS, FormerNode
from gateway.node.recent import RecentIds
from gateway.protocol.session import Session
from pushcore.storage.ids import created_at_ms

log = structlog.get_logger(__name__)

# How long a node waits for a reply, which mostly takes a few milliseconds.
REPLY_SECONDS = 1.0
# How late an acknowledgement may arrive that the device's TCP holds back until the one before is confirmed: Nagle's
# algorithm waits for a delayed ACK, which Linux sends after 40 ms.
LATE_SECONDS = 0.05


class PendingBatch(NamedTuple):
    """The pending rows of a session's device.

    `complete_to` is the id up to which they are all, None if there are no more. `queried` are the broadcasts by
    time of binding that the database was asked about, `matched` those of them that are for the device.
    """

    session: Session
    deliveries: Sequence[DeliveryEntry]
    complete_to: int | None
    matched: Collection[int]
    queried: Collection[int]


class DeliveryMemory:
    """What a node remembers about messages: acknowledged, sent and not acknowledged, revoked."""

    def __init__(self) -> None:
        # Not sent again while the sink lags; reported again if the report was lost.
        self.acknowledged = RecentIds(seconds=REMEMBERED_SECONDS, limit=200_000)
        # Sent on a connection that ended without an acknowledgement: the repeat says DUP.
        self.unacknowledged = RecentIds(seconds=3600, limit=200_000)
        # Revoked lately: a batch read before may still arrive.
        self.revoked = RecentIds(seconds=120, limit=200_000)
        # Whether acknowledgements wait for the sink for longer than they are remembered: any row may be a repeat.
        self.is_incomplete = False

    def rotate(self, acks_wait_seconds: float) -> None:
        """Forget what was remembered for long enough.

        Args:
            acks_wait_seconds: How long the oldest acknowledgement has waited for the sink.
        """
        for ids in (self.acknowledged, self.unacknowledged, self.revoked):
            ids.rotate()
        remembered_for = time.monotonic() - self.acknowledged.complete_since
        self.is_incomplete = acks_wait_seconds + 2 * HEARTBEAT_SECONDS > remembered_for


class FormerNodes:
    """Remembers the former nodes of devices that connect, queries these nodes, and replies to their queries."""

    def __init__(
        self, sessions: Mapping[int, Session], lease: NodeLease, broadcaster: Broadcaster, memory: DeliveryMemory
    ) -> None:
        self._sessions = sessions
        self._lease = lease
        self._broadcaster = broadcaster
        self._memory = memory
        self._former: dict[int, FormerNode] = {}
        # Devices that left before their former node was queried, so that what they acknowledged there is unknown here.
        self.unqueried = RecentIds(seconds=REMEMBERED_SECONDS, limit=200_000)
        self._query_numbers = itertools.count(1)
        self._open_queries: dict[int, asyncio.Future[Sequence[TakeoverReply]]] = {}
        # Devices that connected to another node, and their sessions here, which are to be ended.
        self._taken_over: list[tuple[int, str]] = []

    # -- devices that connect here --------------------------------------------------------------------------------

    def device_connected(self, device_id: int, former: FormerNode | None) -> None:
        """Note the former node of a device that connected; None if it was connected to none lately."""
        if former is not None and former.node_id != self._lease.node_id:
            self._former[device_id] = former
        else:
            self._former.pop(device_id, None)

    def device_disconnected(self, device_id: int) -> None:
        """Forget the former node of a device that left."""
        if self._former.pop(device_id, None) is not None:
            self.unqueried.add(device_id)

    def node_to_query(self, batch: PendingBatch) -> str | None:
        """Return the node to query before a batch is delivered: empty if unknown, None if no query is needed."""
        session = batch.session
        former = self._former.get(session.device.id) if session.device is not None else None
        if former is None:
            return None
        if batch.deliveries or self._broadcaster.has_broadcast_for(session, batch.matched):
            return former.node_id
        assert session.device is not None
        self._resolved(session.device.id)
        return None

    def _resolved(self, device_id: int) -> None:
        """Note that what the device acknowledged on its former node is known or recorded."""
        self._former.pop(device_id, None)
        self.unqueried.discard(device_id)

    async def query(self, node_id: str, batches: Sequence[PendingBatch]) -> None:
        """Query a node about devices, and remember what it replies; it ends their sessions. Never raises."""
        queries = [
            TakeoverQuery(session.device.id, session.session_id, [delivery.message_id for delivery in deliveries])
            for session, deliveries, *_ in batches
            if session.device is not None
        ]
        replies = await self._send_query(node_id, queries)
        for batch in batches:
            assert batch.session.device is not None
            self._apply_reply(batch, replies.get(batch.session.device.id))

    async def _send_query(self, node_id: str, queries: Sequence[TakeoverQuery]) -> dict[int, TakeoverReply]:
        """Send queries; return the replies by device, none if the node does not reply in time."""
        number, reply_received = next(self._query_numbers), asyncio.get_running_loop().create_future()
        self._open_queries[number] = reply_received
        try:
            async with asyncio.timeout(REPLY_SECONDS):
                entry = codec.pack_takeover_query(number, self._lease.node_id, queries)
                if not node_id or not await self._lease.stream.send(node_id, entry):
                    return {}
                return {reply.device_id: reply for reply in await reply_received}
        except (RedisError, TimeoutError):
            return {}
        finally:
            del self._open_queries[number]

    def reply_received(self, number: int, replies: Sequence[TakeoverReply]) -> None:
        """Take the replies to a query; late ones are ignored."""
        query = self._open_queries.get(number)
        if query is not None and not query.done():
            query.set_result(replies)

    def _apply_reply(self, batch: PendingBatch, reply: TakeoverReply | None) -> None:
        """Remember what the former node knows of a device's messages; without a reply, that it may have sent them."""
        session, device, memory = batch.session, batch.session.device, self._memory
        assert device is not None
        former = self._former.get(device.id)
        if reply is not None:
            for message_id in reply.acknowledged:
                memory.acknowledged.add(message_id)
                session.withdraw(message_id)  # it may have been dispatched meanwhile
            for message_id in reply.sent:
                memory.unacknowledged.add(message_id)
            if reply.broadcasts is not None:
                self._broadcaster.restore(device, reply.broadcasts)
        if former is None:
            return  # the device has left or connected again
        if reply is None or not reply.is_certain:
            for delivery in batch.deliveries:
                if former.may_have_sent(created_at_ms(delivery.message_id)):
                    memory.unacknowledged.add(delivery.message_id)
            self._broadcaster.assume_sent(device, former)
            # No node is queried for the rest of the device's rows.
            self._former[device.id] = former._replace(node_id="")
        if batch.complete_to is None:
            self._resolved(device.id)

    # -- devices that connected to another node -------------------------------------------------------------------

    def mark_taken_over(self, device_id: int, session_id: str) -> bool:
        """Stop writing to a session whose device connected to another node.

        Returns:
            Whether `end_taken_over` is to be run: False if other sessions are about to end, for it is running already.
        """
        session = self._sessions.get(device_id)
        if session is not None and session.session_id == session_id:
            session.stop_writing()
        self._taken_over.append((device_id, session_id))
        return len(self._taken_over) == 1

    async def end_taken_over(self) -> None:
        """End the sessions of devices that connected to other nodes, once what they sent was read."""
        await self._read_remaining_input([device_id for device_id, _ in self._taken_over])
        taken_over, self._taken_over = self._taken_over, []
        for device_id, session_id in taken_over:
            session = self._sessions.get(device_id)
            if session is not None and session.session_id == session_id:
                session.disconnect(Reason.SESSION_TAKEN_OVER)

    async def _read_remaining_input(self, device_ids: Iterable[int]) -> None:
        """Wait until what devices sent before they left was read; for acknowledgements a moment longer."""
        for _ in range(2):
            await asyncio.sleep(0)  # between two turns of the loop each socket is read
        sessions = [session for device_id in device_ids if (session := self._sessions.get(device_id)) is not None]
        deadline = time.monotonic() + LATE_SECONDS
        while any(session.in_flight for session in sessions) and time.monotonic() < deadline:
            await asyncio.sleep(LATE_SECONDS / 10)

    async def reply(self, number: int, sender: str, queries: Sequence[TakeoverQuery]) -> None:
        """Reply to the queries of a node, the `sender`, about devices that connected there."""
        await self._read_remaining_input(device_id for device_id, _, _ in queries)
        replies: list[TakeoverReply] = []
        for device_id, session_id, message_ids in queries:
            session = self._sessions.get(device_id)
            if session is not None and session.session_id < session_id:
                session.disconnect(Reason.SESSION_TAKEN_OVER)
            replies.append(
                TakeoverReply(
                    device_id,
                    acknowledged=[one for one in message_ids if one in self._memory.acknowledged],
                    sent=[one for one in message_ids if one in self._memory.unacknowledged],
                    is_certain=device_id not in self.unqueried and not self._memory.is_incomplete,
                    broadcasts=self._broadcaster.take_state(device_id),
                )
            )
        try:
            await self._lease.stream.send(sender, codec.pack_takeover_reply(number, replies))
        except RedisError:
            log.warning("a query of another node could not be answered; it does not wait for long")
