"""Where devices were before they came here, and what they have acknowledged there.

Acknowledgements take a moment to become statuses, and for as long as the sink is away they do not. A device's rows are
therefore first compared with what its former node remembers:

    device connects -> its presence is written; the answer says which node had it before
    rows wait for it -> that node is asked about them, and lets go of the device
                     <- which of them it acknowledged, which were written and not acknowledged, and its broadcasts

Where nobody can say (the node is gone or does not answer), a message may have been written before: its repeat says DUP.
A device that comes back to the same node, or for which nothing waits, costs nothing.
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

# How long a node waits for another's answer. It is mostly a few milliseconds.
ANSWER_SECONDS = 1.0
# How late an acknowledgement comes that its device's TCP keeps back until ours has confirmed the one before: Nagle's
# algorithm waits for a delayed ACK, which Linux sends after 40 ms.
LATE_SECONDS = 0.05


class PendingBatch(NamedTuple):
    """Rows that wait for a session's device; `complete_to`: the id up to which these are all, None where they are;
    `chosen`: the broadcasts by time of binding that are for it."""

    session: Session
    deliveries: Sequence[DeliveryEntry]
    complete_to: int | None
    chosen: Collection[int]


class DeliveryMemory:
    """What a node remembers of messages: acknowledged here, written to a connection that ended without, and more."""

    def __init__(self) -> None:
        # Not sent again while the sink lags, and told again if the word was lost.
        self.acknowledged = RecentIds(seconds=REMEMBERED_SECONDS, limit=200_000)
        # Written to a connection that ended without acknowledging: the repeat says DUP.
        self.left_open = RecentIds(seconds=3600, limit=200_000)
        # Revoked lately: a batch that was read before may still come.
        self.revoked = RecentIds(seconds=120, limit=200_000)
        # Acknowledgements wait for the sink for longer than they are remembered: any row may be a repeat.
        self.is_outlasted = False

    def turn(self, acks_wait_seconds: float) -> None:
        """Forget what is old enough. `acks_wait_seconds`: how long the oldest acknowledgement waits for the sink."""
        for remembered in (self.acknowledged, self.left_open, self.revoked):
            remembered.turn()
        remembered_for = time.monotonic() - self.acknowledged.complete_since
        self.is_outlasted = acks_wait_seconds + 2 * HEARTBEAT_SECONDS > remembered_for


class FormerNodes:
    """Of the devices that have just come, where they were before; the questions to these nodes, and theirs to this."""

    def __init__(
        self, sessions: Mapping[int, Session], lease: NodeLease, broadcaster: Broadcaster, memory: DeliveryMemory
    ) -> None:
        self._sessions = sessions
        self._lease = lease
        self._broadcaster = broadcaster
        self._memory = memory
        self._former: dict[int, Former] = {}
        # Devices that left before their former node was asked: what they acknowledged there is not known here.
        self.unsettled = RecentIds(seconds=REMEMBERED_SECONDS, limit=200_000)
        self._numbers = itertools.count(1)
        self._questions: dict[int, asyncio.Future[Sequence[TakeoverReply]]] = {}
        # Devices that are with another node now, and the session of each that is to end here.
        self._going: list[tuple[int, str]] = []

    # -- devices that come ----------------------------------------------------------------------------------------

    def came(self, device_id: int, former: Former | None) -> None:
        """The device has connected here; None: nobody had it lately."""
        if former is not None and former.node_id != self._lease.node_id:
            self._former[device_id] = former
        else:
            self._former.pop(device_id, None)

    def left(self, device_id: int) -> None:
        """The device has left again."""
        if self._former.pop(device_id, None) is not None:
            self.unsettled.add(device_id)

    def to_ask(self, one: PendingBatch) -> str | None:
        """The node to ask before that is delivered, empty where it is not known; None where nobody need be asked."""
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
        """What the device acknowledged there is known, or recorded."""
        self._former.pop(device_id, None)
        self.unsettled.discard(device_id)

    async def settle(self, node_id: str, group: Sequence[PendingBatch]) -> None:
        """Learn from that node what the devices have of what waits for them; it lets go of them. Never raises."""
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
        """What the node knows, by device; nothing where it does not answer in time."""
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
        """An answer has come; too late, it is left out."""
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
            # For the rest of what waits for it nobody is asked again.
            self._former[device.id] = former._replace(node_id="")
        if one.complete_to is None:
            self._settled(device.id)

    # -- devices that have gone to another node -------------------------------------------------------------------

    def is_letting_go(self, device_id: int, session_id: str) -> bool:
        """A device's session is to end, for the device is with another node; whether others are about to end too."""
        session = self._sessions.get(device_id)
        if session is not None and session.session_id == session_id:
            session.stop_writing()
        self._going.append((device_id, session_id))
        return len(self._going) > 1

    async def let_go(self) -> None:
        """End these sessions, once what their devices have sent is read."""
        await self._hear([device_id for device_id, _ in self._going])
        going, self._going = self._going, []
        for device_id, session_id in going:
            session = self._sessions.get(device_id)
            if session is not None and session.session_id == session_id:
                session.disconnect(Reason.SESSION_TAKEN_OVER)

    async def _hear(self, device_ids: Iterable[int]) -> None:
        """Wait for what devices sent here before they went elsewhere; for acknowledgements a moment longer."""
        for _ in range(2):
            await asyncio.sleep(0)  # between two turns of the loop each socket is read
        here = [session for device_id in device_ids if (session := self._sessions.get(device_id)) is not None]
        deadline = time.monotonic() + LATE_SECONDS
        while any(session.in_flight for session in here) and time.monotonic() < deadline:
            await asyncio.sleep(LATE_SECONDS / 10)

    async def answer(self, number: int, asker: str, asked: Sequence[TakeoverQuery]) -> None:
        """Another node asks what devices have acknowledged here that are with it now."""
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
            log.warning("a node that asked could not be answered; it waits no longer than a moment")
