"""A gateway node: the sessions of one process, and their connection to the rest of the service.

    transports -> Session -> Node -> admission (PostgreSQL, batched)      identifies devices
                                  -> NodeLease (Valkey)                   presence, the node's stream, acknowledgements
                                  -> PendingReader (PostgreSQL, batched)  reads the messages that wait for a device

Order on connect: presence is written, THEN pending rows are read. A sender commits, THEN reads presence. So a message
reaches its device in one of the two ways; if in both, the session drops the second by its ids in flight.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Coroutine, Iterable, Sequence

import structlog
from mqtt5 import ConnAckReasonCode as ConnAck
from mqtt5 import ConnectPacket
from mqtt5 import DisconnectReasonCode as Reason

from gateway.broadcast.broadcaster import Broadcaster
from gateway.cluster import connection_log
from gateway.cluster.codec import DeliveryEntry, TakeoverQuery, TakeoverReply
from gateway.cluster.former_nodes import DeliveryMemory, FormerNodes
from gateway.cluster.node_lease import NodeLease, slices
from gateway.cluster.node_stream import SLICE
from gateway.node.admission import Admission, Credentials, admit
from gateway.node.batcher import Batcher
from gateway.node.clock import LoopClock
from gateway.node.keep_alive import KeepAliveTimers
from gateway.node.limits import UNLIMITED, ConnectionLimiter, Limits
from gateway.node.loop_lag import LoopLag
from gateway.node.pending_reader import PendingReader
from gateway.node.recent import RecentIds
from gateway.node.request_queue import RequestQueue
from gateway.node.threads import DatabaseThreads
from gateway.node.throttle import FailureThrottle
from gateway.protocol.ports import DeviceRequest, PublishRefusal, State, Transport
from gateway.protocol.session import Session
from pushcore.storage import clock
from pushcore.storage.outages import log_outage

log = structlog.get_logger(__name__)

# Threads for connects, pending messages and broadcasts.
THREADS = 4
# Connects within this time share their queries.
CONNECT_DELAY = 0.003
BATCH = 500
# Connects that wait for admission; further ones are refused as busy.
MAX_ADMITTING = 100_000
# Devices disconnected a second when the node stops; more if there are too many for `DRAIN_SECONDS`.
DRAIN_PER_SECOND = 3_000
DRAIN_SECONDS = 5.0
# How often overdue keep alives are checked.
WATCH_SECONDS = 1.0


class Node:
    """The node of a gateway process. Its methods must be called in the event loop's thread."""

    def __init__(self, redis_url: str, *, max_keep_alive: int, limits: Limits = UNLIMITED) -> None:
        self.sessions: dict[int, Session] = {}
        # Messages sent, and messages acknowledged by devices.
        self.delivered = self._acknowledgements = 0
        self.clock = LoopClock()
        self.lease = NodeLease(redis_url, self)
        self._max_keep_alive = max_keep_alive
        self._threads = DatabaseThreads("gateway-batch", THREADS)
        self._log = self.lease.connection_log
        self._requests = RequestQueue(self.devices_changed, self._log)
        self._broadcaster = Broadcaster(self.sessions, self.lease, self._threads)
        self._throttle = FailureThrottle()
        self.limiter = ConnectionLimiter(limits)
        self._keep_alives = KeepAliveTimers(self.clock)
        self._lag = LoopLag()
        self._admission: Batcher[tuple[Session, Credentials]] = Batcher(
            self._admit, size=BATCH, delay=CONNECT_DELAY, width=2
        )
        self._memory = DeliveryMemory()
        self._acknowledged = self._memory.acknowledged  # looked up for each message
        self._reported_again = RecentIds(seconds=5, limit=200_000)
        self._former_nodes = FormerNodes(self.sessions, self.lease, self._broadcaster, self._memory)
        self._pending = PendingReader(
            self._threads, self._broadcaster, self._former_nodes, self._memory, self._report_again
        )
        self._running: set[asyncio.Task[None]] = set()
        # Refused publishes by reason.
        self._refused_publishes: Counter[PublishRefusal] = Counter()
        self._tasks: list[asyncio.Task[None]] = []
        self.accepting = True

    # -- start and stop -------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Take the lease and start the node's tasks.

        Raises:
            RedisError: Valkey does not answer.
        """
        await self.lease.start()
        self._tasks = [
            asyncio.create_task(self.clock.run()),
            asyncio.create_task(self._watch_keep_alives()),
            asyncio.create_task(self._broadcaster.watch()),
            asyncio.create_task(self._lag.watch()),
        ]

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """The tasks that run as long as the node; one that ends is a fault."""
        return [*self._tasks, *self.lease.tasks]

    async def stop(self) -> None:
        """Disconnect all devices, flush acknowledgements, and give up presence and lease."""
        self.accepting = False
        for task in self._tasks:
            task.cancel()
        await self._disconnect_all()
        await self._requests.stop()
        await self.lease.stop()
        for threads in (self._threads, self._requests.threads):
            await asyncio.to_thread(threads.end)

    async def _disconnect_all(self) -> None:
        """Disconnect devices gradually, so that they do not all connect to the other nodes at once."""
        sessions = list(self.sessions.values())
        pause = min(DRAIN_SECONDS, len(sessions) / DRAIN_PER_SECOND) * SLICE / max(1, len(sessions))
        for start in range(0, len(sessions), SLICE):
            for session in sessions[start : start + SLICE]:
                session.disconnect(Reason.SERVER_SHUTTING_DOWN)
            await asyncio.sleep(pause)

    async def _watch_keep_alives(self) -> None:
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            for session in self._keep_alives.overdue():
                session.disconnect(Reason.KEEP_ALIVE_TIMEOUT)
            for recent in (self._reported_again, self._former_nodes.unqueried, self._broadcaster.recent_progress):
                recent.rotate()
            self._memory.rotate(self.lease.acks.wait_seconds)

    def counters(self) -> dict[str, float | dict[str, int]]:
        """Return the node's counters, without the sums over its sessions."""
        return {
            "admitting": len(self._admission),
            "turned_away": self.limiter.turned_away,
            "delivered": self.delivered,
            "acknowledged": self._acknowledgements,
            "refused_publishes": {str(reason): count for reason, count in self._refused_publishes.items()},
            "dropped_requests": self._requests.dropped,
            "loop_lag_p99_ms": round(1000 * self._lag.p99(), 2),
            "clock_offset_seconds": round(clock.offset(), 3),
        }

    # -- connecting -----------------------------------------------------------------------------------------------

    def new_session(self, transport: Transport, address: str) -> Session:
        """Create the session of a new connection."""
        # Ids are ordered by time: of two sessions of a device the greater id is the newer one.
        session_id = f"{int(clock.time() * 1000):012x}{secrets.token_hex(4)}"
        session = Session(self, transport, address=address, session_id=session_id)
        self._keep_alives.add(session)
        if not self.limiter.opened(address):
            session.disconnect(Reason.QUOTA_EXCEEDED)
        return session

    def connect_requested(self, session: Session, packet: ConnectPacket) -> None:
        """Queue a CONNECT for admission, or refuse it at once."""
        if (code := self._refusal_at_once(session)) is not None:
            self._log.note(packet.client_id, connection_log.REFUSED, connection_log.code_of(code))
            session.refuse(code)
            return
        self._admission.add((session, Credentials.of(packet, session.address)))

    def _refusal_at_once(self, session: Session) -> ConnAck | None:
        """Return why a CONNECT is refused before anything is known of the device; None to have it admitted."""
        if not self.accepting:
            return ConnAck.SERVER_UNAVAILABLE
        if (code := self.limiter.refusal_of(session.address)) is not None:
            return code
        return ConnAck.SERVER_BUSY if len(self._admission) >= MAX_ADMITTING else None

    async def _admit(self, batch: list[tuple[Session, Credentials]]) -> None:
        """Admit a batch of connects: identify devices, write presence, then request pending rows."""
        batch = [(session, credentials) for session, credentials in batch if session.state is not State.CLOSED]
        if not batch:
            return  # all left while they waited
        try:
            verdicts = await self._threads.run(admit, [credentials for _, credentials in batch])
        except Exception as error:  # whatever it is, the devices connect again
            log_outage(log, error, "admission failed", connects=len(batch))
            verdicts = [Admission(ConnAck.SERVER_UNAVAILABLE)] * len(batch)
        admitted: list[tuple[Session, Admission]] = []
        for (session, credentials), verdict in zip(batch, verdicts, strict=True):
            if session.state is State.CLOSED:
                continue
            if not self.accepting:
                session.refuse(ConnAck.SERVER_UNAVAILABLE)
            elif verdict.device is None:
                self._log.note(credentials.client_id, connection_log.REFUSED, connection_log.code_of(verdict.code))
                self._refuse(session, verdict)
            else:
                self._take_over_here(session, verdict.device.id)
                if not self.limiter.admitted(verdict.device):
                    del self.sessions[verdict.device.id]
                    code = ConnAck.QUOTA_EXCEEDED
                    self._log.note(credentials.client_id, connection_log.REFUSED, connection_log.code_of(code))
                    session.refuse(code)
                    continue
                session.device = verdict.device
                admitted.append((session, verdict))
        formers = await self.lease.presence.announce([session for session, _ in admitted])
        for (session, verdict), former in zip(admitted, formers, strict=True):
            assert verdict.device is not None
            if session.state is State.CLOSED:
                self.lease.presence.remove(session)  # the device left while it was announced
                continue
            if self.sessions.get(verdict.device.id) is not session:
                continue
            self._former_nodes.device_connected(verdict.device.id, former)
            session.accept(verdict.device, issued_secret=verdict.secret, max_keep_alive=self._max_keep_alive)
            self._log.note(verdict.device.ad_token, connection_log.CONNECTED)
            if session.state is not State.OPEN:
                continue  # the device left right after its CONNECT
            self._keep_alives.reschedule(session)
            if not verdict.is_new:
                # The device may have changed between admission and presence, when nobody could notify this node.
                self._pending.outdated.add(verdict.device.id)
                session.request_pending(0)
            else:  # a new device cannot have pending rows
                self._broadcaster.offer((session,))

    def _refuse(self, session: Session, verdict: Admission) -> None:
        retry_after = verdict.exceeded.retry_after if verdict.exceeded is not None else 0
        delay = 0.0 if verdict.code == ConnAck.SERVER_UNAVAILABLE else self._throttle.failed(session.address)
        if delay:
            asyncio.get_running_loop().call_later(delay, session.refuse, verdict.code, retry_after)
        else:
            session.refuse(verdict.code, retry_after)

    def _take_over_here(self, session: Session, device_id: int) -> None:
        """Replace the device's session; an older one on this node ends with the reason."""
        former = self.sessions.get(device_id)
        self.sessions[device_id] = session
        if former is not None:
            former.disconnect(Reason.SESSION_TAKEN_OVER)

    def end_taken_over(self, device_id: int, session_id: str) -> None:
        """End the session of a device that connected to another node, once what it sent was read."""
        if self._former_nodes.mark_taken_over(device_id, session_id):
            self._in_background(self._former_nodes.end_taken_over())

    def takeover_query_received(self, number: int, sender: str, queries: Sequence[TakeoverQuery]) -> None:
        """Reply to the queries of another node about devices that connected there."""
        self._in_background(self._former_nodes.reply(number, sender, queries))

    def takeover_reply_received(self, number: int, replies: Sequence[TakeoverReply]) -> None:
        """Take the replies to a query of this node."""
        self._former_nodes.reply_received(number, replies)

    def _in_background(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def session_closed(self, session: Session) -> None:
        """Remove a session that ended, and remember what was sent on it and not acknowledged."""
        self._keep_alives.discard(session)
        self._requests.session_ended(session)
        self.limiter.closed(session.address)
        device = session.device
        if device is None:
            self.limiter.turned_away += 1
            return
        self.limiter.session_ended(device)
        reason = "" if session.end_reason is None else connection_log.code_of(session.end_reason)
        self._log.note(device.ad_token, connection_log.ENDED, reason)
        self._broadcaster.closed(session)
        unacknowledged = [one for one in session.unacknowledged() if one not in self._broadcaster.known_ids]
        for message_id in unacknowledged:
            self._memory.unacknowledged.add(message_id)
        self.lease.acks.report_unacknowledged(unacknowledged)
        if self.sessions.get(device.id) is session:
            del self.sessions[device.id]
            self._pending.outdated.discard(device.id)
            self._former_nodes.device_disconnected(device.id)
            self.lease.presence.remove(session)

    # -- messages -------------------------------------------------------------------------------------------------

    def deliver(self, deliveries: Iterable[DeliveryEntry]) -> None:
        """Send messages to the devices that are connected here."""
        sessions, acknowledged, earlier = self.sessions, self._acknowledged.current, self._acknowledged.previous
        has_marks, now_ms = bool(self._memory.revoked or self._memory.unacknowledged), int(clock.time() * 1000)
        for device_id, message_id, expire_at_ms, dup, payload in deliveries:
            session = sessions.get(device_id)
            if session is None or (has_marks and message_id in self._memory.revoked):
                continue
            if message_id in acknowledged or message_id in earlier:
                self._report_again(message_id)
                continue
            is_repeat = dup or (has_marks and message_id in self._memory.unacknowledged)
            session.deliver(message_id, payload, expire_at_ms, is_repeat, now_ms)

    def withdraw(self, revoked: Iterable[tuple[int, int]]) -> None:
        """Drop revoked messages that were not sent yet."""
        for device_id, message_id in revoked:
            self._memory.revoked.add(message_id)
            session = self.sessions.get(device_id)
            if session is not None:
                session.withdraw(message_id)

    def _report_again(self, message_id: int) -> None:
        """Report an acknowledgement again: its row is pending, so the sink is behind or the report was lost."""
        if message_id not in self._reported_again:
            self._reported_again.add(message_id)
            self.lease.acks.acknowledged(message_id)

    def message_acknowledged(self, session: Session, message_id: int) -> None:
        """Buffer a device's acknowledgement for the sink."""
        self._acknowledgements += 1
        progress = session.broadcasts
        if progress is not None and message_id in self._broadcaster.known_ids:
            self._broadcaster.acknowledged(progress, message_id)
            return
        self._acknowledged.current.add(message_id)
        report = self.lease.acks.acknowledged
        report(message_id)

    def pending_requested(self, session: Session, after: int) -> None:
        """Read a session's pending rows with the next batch."""
        self._pending.request(session, after)

    def devices_changed(self, device_ids: Sequence[int]) -> None:
        """Read what was not sent yet to devices again, after their users or channels changed."""
        for device_id in device_ids:
            session = self.sessions.get(device_id)
            if session is not None and session.state is State.OPEN:
                self._pending.outdated.add(device_id)
                session.discard_unsent(recheck=True)

    async def request_pending_for_all(self) -> None:
        """Read the pending rows of all devices and report acknowledgements again, after Valkey lost its data."""
        self._reported_again.clear()
        async for sessions in slices(self.sessions.values()):
            for session in sessions:
                if session.state is State.OPEN and session.device is not None:
                    self._broadcaster.report_cursor_again(session)
                    # A notification that the device changed may have been lost too.
                    self._pending.outdated.add(session.device.id)
                    session.discard_unsent(recheck=False)

    # -- broadcasts and requests ----------------------------------------------------------------------------------

    def broadcasts_changed(self) -> None:
        """Read the active broadcasts soon."""
        self._broadcaster.read_soon()

    def message_refused(self, session: Session, message_id: int) -> None:
        """Resolve a broadcast that a device refused."""
        self._broadcaster.refused(session, message_id)

    def publish_refused(self, session: Session, reason: PublishRefusal) -> None:
        """Count a refused publish."""
        self._refused_publishes[reason] += 1
        if session.device is not None:
            self._log.note(session.device.ad_token, connection_log.PUBLISH_REFUSED, detail=reason)

    def request_received(self, session: Session, request: DeviceRequest) -> None:
        """Queue a device's request."""
        self._requests.add(session, request)
