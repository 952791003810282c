"""A gateway node: the sessions of one process, and what connects them with the rest of the service.

    transports -> Session -> Node -> admission (PostgreSQL, batched)      who is it
                                  -> Courier  (Valkey)                    presence, the node's stream, acknowledgements
                                  -> pending rows (PostgreSQL, batched)   what waits for it

Order on connect: presence is written, THEN pending rows are asked for. A sender commits, THEN reads presence. So a
message meets its device on one of the two ways; on both, the session's ids in flight drop the second.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import structlog
from django.db import DEFAULT_DB_ALIAS, DatabaseError, close_old_connections, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from mqtt5 import ConnAckReasonCode as ConnAck
from mqtt5 import ConnectPacket
from mqtt5 import DisconnectReasonCode as Reason

from gateway import device_requests
from gateway.admission import Admission, Credentials, admit
from gateway.batcher import Batcher
from gateway.courier import Courier
from gateway.entries import Parcel
from gateway.lane import parcel_of
from gateway.recent import RecentIds
from gateway.session import Request, Session, State, Wire
from gateway.throttle import FailureThrottle
from gateway.wheel import KeepAliveWheel
from pushcore import delivery

log = structlog.get_logger(__name__)

T = TypeVar("T")

THREADS = 8
# Connects within this time share their queries.
CONNECT_DELAY = 0.003
PENDING_DELAY = 0.003
PENDING_PER_DEVICE = 100
BATCH = 500
RETRY_SECONDS = 1.0


class Node:
    """See the module. All methods but those run through `_in_thread` belong to the event loop's thread."""

    def __init__(self, redis_url: str, *, max_keep_alive: int) -> None:
        self.sessions: dict[int, Session] = {}
        self.courier = Courier(redis_url, self)
        self._max_keep_alive = max_keep_alive
        # Each thread has its own database connection; they are closed with the pool.
        self._databases: list[BaseDatabaseWrapper] = []
        self._threads = ThreadPoolExecutor(
            THREADS,
            thread_name_prefix="gateway",
            initializer=lambda: self._databases.append(connections[DEFAULT_DB_ALIAS]),
        )
        self._throttle = FailureThrottle()
        self._wheel = KeepAliveWheel()
        self._admission: Batcher[tuple[Session, Credentials]] = Batcher(
            self._admit, size=BATCH, delay=CONNECT_DELAY, width=2
        )
        self._pending: Batcher[Session] = Batcher(self._send_pending, size=BATCH, delay=PENDING_DELAY, width=2)
        # Requests of a session run one after the other; these are the queues of those that have more than one open.
        self._requests: dict[Session, list[Request]] = {}
        # Acknowledged here lately: not sent again while the sink lags, and told again if the word was lost.
        self._acknowledged = RecentIds(seconds=120, limit=200_000)
        # Written to a connection that ended without acknowledging: the repeat says DUP.
        self._left_open = RecentIds(seconds=3600, limit=200_000)
        self._tasks: list[asyncio.Task[None]] = []
        self.accepting = True

    # -- life -----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        await self.courier.start()
        self._tasks = [asyncio.create_task(self._watch_keep_alives())]

    async def stop(self) -> None:
        """Say goodbye to all devices, tell what they acknowledged, take back presence and lease."""
        self.accepting = False
        for task in self._tasks:
            task.cancel()
        here = list(self.sessions.values())
        for session in here:
            session.disconnect(Reason.SERVER_SHUTTING_DOWN)
        await self.courier.stop()
        await asyncio.to_thread(self._end_threads)

    def _end_threads(self) -> None:
        """In a thread: Django refuses to close a connection in one that runs a loop."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        for database in self._databases:
            database.inc_thread_sharing()
            database.close()

    async def _watch_keep_alives(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            for session in self._wheel.overdue():
                session.disconnect(Reason.KEEP_ALIVE_TIMEOUT)

    async def _in_thread(self, work: Callable[..., T], *arguments: object) -> T:
        """Run database work in a thread; a broken connection is replaced before the next use."""

        def run() -> T:
            close_old_connections()
            try:
                return work(*arguments)
            finally:
                close_old_connections()

        return await asyncio.get_running_loop().run_in_executor(self._threads, run)

    # -- connecting -----------------------------------------------------------------------------------------------

    def new_session(self, wire: Wire, address: str) -> Session:
        """A transport has a new connection."""
        session = Session(self, wire, address=address, session_id=secrets.token_hex(8))
        self._wheel.add(session)
        return session

    def connect_requested(self, session: Session, packet: ConnectPacket) -> None:
        if not self.accepting:
            session.refuse(ConnAck.SERVER_UNAVAILABLE)
            return
        self._admission.add((session, Credentials.of(packet)))

    async def _admit(self, batch: list[tuple[Session, Credentials]]) -> None:
        """Decide about a batch of connects: who they are, presence for those admitted, then what waits for them."""
        try:
            verdicts = await self._in_thread(admit, [credentials for _, credentials in batch])
        except DatabaseError:
            log.exception("admission failed", connects=len(batch))
            verdicts = [Admission(ConnAck.SERVER_UNAVAILABLE)] * len(batch)
        admitted: list[tuple[Session, Admission]] = []
        for (session, _), verdict in zip(batch, verdicts, strict=True):
            if session.state is State.CLOSED:
                continue
            if verdict.device is None:
                self._refuse(session, verdict.code)
            else:
                self._take_over_here(session, verdict.device.id)
                session.device = verdict.device
                admitted.append((session, verdict))
        await self.courier.announce([session for session, _ in admitted])
        for session, verdict in admitted:
            assert verdict.device is not None
            if session.state is State.CLOSED or self.sessions.get(verdict.device.id) is not session:
                continue
            session.accept(verdict.device, issued_secret=verdict.secret, max_keep_alive=self._max_keep_alive)
            self._wheel.moved(session)
            if verdict.secret is None:  # nothing can wait for a device that did not exist
                self._pending.add(session)

    def _refuse(self, session: Session, code: ConnAck) -> None:
        delay = 0.0 if code == ConnAck.SERVER_UNAVAILABLE else self._throttle.failed(session.address)
        if delay:
            asyncio.get_running_loop().call_later(delay, session.refuse, code)
        else:
            session.refuse(code)

    def _take_over_here(self, session: Session, device_id: int) -> None:
        """The device's place is the new session's; the old one, if it is here, learns why it ends."""
        former = self.sessions.get(device_id)
        self.sessions[device_id] = session
        if former is not None:
            former.disconnect(Reason.SESSION_TAKEN_OVER)

    def take_over_elsewhere(self, device_id: int, session_id: str) -> None:
        """The device has connected to another node."""
        session = self.sessions.get(device_id)
        if session is not None and session.session_id == session_id:
            session.disconnect(Reason.SESSION_TAKEN_OVER)

    def closed(self, session: Session) -> None:
        self._wheel.discard(session)
        self._requests.pop(session, None)
        device = session.device
        if device is None:
            return
        left_open = session.unacknowledged()
        for message_id in left_open:
            self._left_open.add(message_id)
        self.courier.left_open(left_open)
        if self.sessions.get(device.id) is session:
            del self.sessions[device.id]
            self.courier.withdraw(session)

    # -- messages -------------------------------------------------------------------------------------------------

    def deliver(self, parcels: Sequence[Parcel]) -> None:
        """Write messages to the devices that are here."""
        for parcel in parcels:
            session = self.sessions.get(parcel.device_id)
            if session is None:
                continue
            if parcel.message_id in self._acknowledged:
                # The row says it waits, the device has it: the word was lost on its way to the sink.
                self.courier.acknowledged(parcel.message_id)
                continue
            session.deliver(
                parcel.message_id,
                parcel.payload,
                parcel.expire_at_ms,
                dup=parcel.dup or parcel.message_id in self._left_open,
            )

    def acknowledged(self, session: Session, message_id: int) -> None:
        self._acknowledged.add(message_id)
        self.courier.acknowledged(message_id)

    def drained(self, session: Session) -> None:
        self._pending.add(session)

    def ask_pending_for_all(self) -> None:
        """The bus was away or emptied: what it carried is still in the rows."""
        for session in self.sessions.values():
            if session.state is State.OPEN:
                self._pending.add(session)

    async def _send_pending(self, batch: list[Session]) -> None:
        """Send what waits for the devices of a batch of sessions. One query; asked again later when it fails."""
        asking = {session.device.id: session for session in batch if session.device and session.state is State.OPEN}
        if not asking:
            return
        try:
            waiting = await self._in_thread(_pending_parcels, list(asking))
        except DatabaseError:
            log.exception("pending messages cannot be read; asked again", devices=len(asking))
            await asyncio.sleep(RETRY_SECONDS)
            for session in asking.values():
                self._pending.add(session)
            return
        for device_id, parcels in waiting.items():
            self.deliver(parcels)
            present = self.sessions.get(device_id)
            if present is not None and len(parcels) == PENDING_PER_DEVICE:
                present.expect_more()

    # -- requests -------------------------------------------------------------------------------------------------

    def request_received(self, session: Session, request: Request) -> None:
        queue = self._requests.get(session)
        if queue is not None:
            queue.append(request)  # bounded by the session: MAX_OPEN_REQUESTS
            return
        self._requests[session] = [request]
        task = asyncio.get_running_loop().create_task(self._serve_requests(session))
        task.add_done_callback(lambda done: done.exception())

    async def _serve_requests(self, session: Session) -> None:
        assert session.device is not None
        while queue := self._requests.get(session):
            request = queue[0]
            answer = await self._in_thread(device_requests.serve, session.device, request.topic, request.payload)
            session.answer(request, json.dumps(answer).encode())
            queue.pop(0)
        self._requests.pop(session, None)


def _pending_parcels(device_ids: list[int]) -> dict[int, list[Parcel]]:
    """What waits for each device, encoded; runs in a thread."""
    waiting = delivery.pending_for_devices(device_ids, PENDING_PER_DEVICE)
    return {device_id: [parcel_of(outgoing) for outgoing in batch] for device_id, batch in waiting.items()}
