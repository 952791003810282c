"""Query the node where a device was before, so that nothing it acknowledged there is sent again.

Acknowledgements take a moment to become statuses, and longer while the sink is away. So a device's pending rows are
first compared with what its former node remembers:

    device connects -> its presence is written; the answer says which node had it before
    rows wait for it -> that node is asked about them, and lets go of the device
                     <- which of them it acknowledged, which were written and not acknowledged, and its broadcasts

If the node is gone or does not answer, a message may have been sent before: its repeat says DUP. A device that returns
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
from gateway.cluster.presence import REMEMBERED_SECONDS, Former
from gateway.node.recent import RecentIds
from gateway.protocol.session import Session
from pushcore.storage.ids import created_at_ms

log = structlog.get_logger(__name__)

# How long a node waits for a reply, which mostly takes a few milliseconds.
ANSWER_SECONDS = 1.0
# How late an acknowledgement may arrive that the device's TCP holds back until the one before is confirmed: Nagle's
# algorithm waits for a delayed ACK, which Linux sends after 40 ms.
LATE_SECONDS = 0.05


class PendingBatch(NamedTuple):
    """The pending rows of a session's device.

    `complete_to` is the id up to which they are all, None if there are no more; `chosen` are the broadcasts by time of
    binding that are for the device, of those in `asked`.
    """

    session: Session
    deliveries: Sequence[DeliveryEntry]
    complete_to: int | None
    chosen: Collection[int]
    asked: Collection[int]


class DeliveryMemory:
    """What a node remembers about messages: acknowledged, left open by a lost connection, revoked."""

    def __init__(self) -> None:
        # Not sent again while the sink lags; reported again if the report was lost.
        self.acknowledged = RecentIds(seconds=REMEMBERED_SECONDS, limit=200_000)
        # Sent on a connection that ended without an acknowledgement: the repeat says DUP.
        self.left_open = RecentIds(seconds=3600, limit=200_000)
        # Revoked lately: a batch read before may still arrive.
        self.revoked = RecentIds(seconds=120, limit=200_000)
        # Whether acknowledgements wait for the sink longer than they are remembered: any row may be a repeat.
        self.is_outlasted = False

    def rotate(self, acks_wait_seconds: float) -> None:
        """Forget what is old.

        Args:
            acks_wait_seconds: How long the oldest acknowledgement has waited for the sink.
        """
        for remembered in (self.acknowledged, self.left_open, self.revoked):
            remembered.rotate()
        remembered_for = time.monotonic() - self.acknowledged.complete_since
        self.is_outlasted = acks_wait_seconds + 2 * HEARTBEAT_SECONDS > remembered_for


class FormerNodes:
    """Former nodes of devices that just connected; queries to these nodes, and replies to theirs."""

    def __init__(
        self, sessions: Mapping[int, Session], lease: NodeLease, broadcaster: Broadcaster, memory: DeliveryMemory
    ) -> None:
        self._sessions = sessions
        self._lease = lease
        self._broadcaster = broadcaster
        self._memory = memory
        self._former: dict[int, Former] = {}
        # Devices that left before their former node was queried: what they acknowledged there is unknown here.
        self.unsettled = RecentIds(seconds=REMEMBERED_SECONDS, limit=200_000)
        self._numbers = itertools.count(1)
        self._questions: dict[int, asyncio.Future[Sequence[TakeoverReply]]] = {}
        # Devices that connected to another node, with their sessions that are to end here.
        self._going: list[tuple[int, str]] = []

    # -- devices that come ----------------------------------------------------------------------------------------

    def came(self, device_id: int, former: Former | None) -> None:
        """Note a device that connected, and its former place; None if it was nowhere lately."""
        if former is not None and former.node_id != self._lease.node_id:
            self._former[device_id] = former
        else:
            self._former.pop(device_id, None)

    def left(self, device_id: int) -> None:
        """Note a device that left."""
        if self._former.pop(device_id, None) is not None:
            self.unsettled.add(device_id)

    def to_ask(self, one: PendingBatch) -> str | None:
        """Return the node to query before a batch is delivered: empty if unknown, None if no query is needed."""
        session = one.session
        former = self._former.get(session.device.id) if session.device is not None else None
        if former is None:
            return None
        if one.deliveries or self._broadcaster.waits_for(session, one.chosen):
            return former.node_id
        assert session.device is not None
        self._settled(session.device.id)
        return None

    def _settled(self, device_id: int) -> None:
        """Note that what the device acknowledged on its former node is known or recorded."""
        self._former.pop(device_id, None)
        self.unsettled.discard(device_id)

    async def settle(self, node_id: str, group: Sequence[PendingBatch]) -> None:
        """Query a node about devices; it ends their sessions. Never raises."""
        asked = [
            TakeoverQuery(session.device.id, session.session_id, [delivery.message_id for delivery in deliveries])
            for session, deliveries, *_ in group
            if session.device is not None
        ]
        answers = await self._ask(node_id, asked)
        for one in group:
            assert one.session.device is not None
            self._learn(one, answers.get(one.session.device.id))

    async def _ask(self, node_id: str, asked: Sequence[TakeoverQuery]) -> dict[int, TakeoverReply]:
        """Send a query; return the replies by device, none if the node does not answer in time."""
        number, answer = next(self._numbers), asyncio.get_running_loop().create_future()
        self._questions[number] = answer
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                question = codec.pack_takeover_query(number, self._lease.node_id, asked)
                if not node_id or not await self._lease.stream.send(node_id, question):
                    return {}
                return {known.device_id: known for known in await answer}
        except (RedisError, TimeoutError):
            return {}
        finally:
            del self._questions[number]

    def answered(self, number: int, known: Sequence[TakeoverReply]) -> None:
        """Take a reply; a late one is ignored."""
        question = self._questions.get(number)
        if question is not None and not question.done():
            question.set_result(known)

    def _learn(self, one: PendingBatch, known: TakeoverReply | None) -> None:
        session, device, memory = one.session, one.session.device, self._memory
        assert device is not None
        former = self._former.get(device.id)
        if known is not None:
            for message_id in known.acknowledged:
                memory.acknowledged.add(message_id)
                session.withdraw(message_id)  # it may have been handed over meanwhile
            for message_id in known.written:
                memory.left_open.add(message_id)
            if known.broadcasts is not None:
                self._broadcaster.learn(device, known.broadcasts)
        if former is None:
            return  # it has left again, or come again
        if known is None or not known.is_certain:
            for delivery in one.deliveries:
                if former.may_have_written(created_at_ms(delivery.message_id)):
                    memory.left_open.add(delivery.message_id)
            self._broadcaster.doubt(device, former)
            # No node is queried for the rest of the device's rows.
            self._former[device.id] = former._replace(node_id="")
        if one.complete_to is None:
            self._settled(device.id)

    # -- devices that have gone to another node -------------------------------------------------------------------

    def is_letting_go(self, device_id: int, session_id: str) -> bool:
        """Stop writing to a session whose device connected elsewhere.

        Returns:
            Whether other sessions are about to end too, so that `let_go` is running already.
        """
        session = self._sessions.get(device_id)
        if session is not None and session.session_id == session_id:
            session.stop_writing()
        self._going.append((device_id, session_id))
        return len(self._going) > 1

    async def let_go(self) -> None:
        """End the sessions of devices that connected elsewhere, once what they sent was read."""
        await self._hear([device_id for device_id, _ in self._going])
        going, self._going = self._going, []
        for device_id, session_id in going:
            session = self._sessions.get(device_id)
            if session is not None and session.session_id == session_id:
                session.disconnect(Reason.SESSION_TAKEN_OVER)

    async def _hear(self, device_ids: Iterable[int]) -> None:
        """Wait until what devices sent before they left was read; for acknowledgements a moment longer."""
        for _ in range(2):
            await asyncio.sleep(0)  # between two turns of the loop each socket is read
        here = [session for device_id in device_ids if (session := self._sessions.get(device_id)) is not None]
        deadline = time.monotonic() + LATE_SECONDS
        while any(session.in_flight for session in here) and time.monotonic() < deadline:
            await asyncio.sleep(LATE_SECONDS / 10)

    async def answer(self, number: int, asker: str, asked: Sequence[TakeoverQuery]) -> None:
        """Reply to another node's query about devices that connected there."""
        await self._hear(device_id for device_id, _, _ in asked)
        known: list[TakeoverReply] = []
        for device_id, session_id, message_ids in asked:
            session = self._sessions.get(device_id)
            if session is not None and session.session_id < session_id:
                session.disconnect(Reason.SESSION_TAKEN_OVER)
            known.append(
                TakeoverReply(
                    device_id,
                    acknowledged=[one for one in message_ids if one in self._memory.acknowledged],
                    written=[one for one in message_ids if one in self._memory.left_open],
                    is_certain=device_id not in self.unsettled and not self._memory.is_outlasted,
                    broadcasts=self._broadcaster.told_of(device_id),
                )
            )
        try:
            await self._lease.stream.send(asker, codec.pack_takeover_reply(number, known))
        except RedisError:
            log.warning("a query of another node could not be answered; it does not wait for long")
