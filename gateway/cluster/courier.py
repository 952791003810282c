"""A node's dealings with Valkey: its lease and stream, its devices' presence, and what they acknowledged.

Valkey may be away or lose everything at any moment. Nothing here is the truth, so the answer is always the same:
write lease and presence anew, then ask the rows.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import redis.asyncio
import structlog
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from gateway.cluster import codec, presence
from gateway.cluster.codec import BroadcastAck, DeliveryEntry, EntryError, TakeoverQuery, TakeoverReply
from gateway.cluster.presence import SOMEWHERE, Former
from gateway.protocol.session import State
from pushcore.storage import clock

if TYPE_CHECKING:
    from gateway.broadcast.progress import Cursor
    from gateway.protocol.session import Session

log = structlog.get_logger(__name__)

T = TypeVar("T")

HEARTBEAT_SECONDS = 2.0
READ_BLOCK_MS = 2_000
READ_COUNT = 32
# Messages written between two turns of the loop: sockets are read and written in between.
SLICE = 250
# Sessions counted between two turns of the loop.
COUNTED_AT_ONCE = 1_000
COMMAND_SECONDS = 2.0
# How long a node that stops waits for Valkey: with the goodbye to its devices, less than a supervisor's patience.
LAST_WORD_SECONDS = 2.0
# Acknowledgements are told when there are so many, or after so long; it is looked so often.
ACK_BATCH = 1000
ACK_FLUSH_SECONDS = 0.05
ACK_LOOK_SECONDS = 0.01
# Acknowledgements kept while Valkey is away; beyond, the rows stay pending and the device gets a repeat.
MAX_KEPT_ACKS = 200_000
RENEW_SECONDS = 1800.0
CHUNK = 500


async def slices(sessions: Iterable[Session]) -> AsyncIterator[list[Session]]:
    """All of them as they are now, a slice for each turn of the loop."""
    here = list(sessions)
    for start in range(0, len(here), SLICE):
        yield here[start : start + SLICE]
        await asyncio.sleep(0)


class StreamHandler(Protocol):
    """What the courier brings things to."""

    sessions: dict[int, Session]

    def deliver(self, deliveries: Sequence[DeliveryEntry]) -> None: ...

    def take_over_elsewhere(self, device_id: int, session_id: str) -> None: ...

    def asked(self, number: int, asker: str, asked: Sequence[TakeoverQuery]) -> None: ...

    def answered(self, number: int, known: Sequence[TakeoverReply]) -> None: ...

    def withdraw(self, held: Sequence[tuple[int, int]]) -> None: ...

    def devices_changed(self, device_ids: Sequence[int]) -> None: ...

    def broadcast_news(self) -> None: ...

    async def ask_pending_for_all(self) -> None: ...

    def counters(self) -> dict[str, float | dict[str, int]]: ...


class Courier:
    """See the module. One per node; `node_id` is new with every start, so an old life's presence points nowhere."""

    def __init__(self, redis_url: str, recipient: StreamHandler) -> None:
        self.node_id = secrets.token_hex(6)
        self._handler = recipient
        self._bus = _connection(redis_url, COMMAND_SECONDS)
        # Reading blocks, so it has a connection of its own with a longer patience.
        self._reader = _connection(redis_url, READ_BLOCK_MS / 1000 + 3 * COMMAND_SECONDS)
        self._announce_again = self._bus.register_script(presence.ANNOUNCE_AGAIN)
        self._leave = self._bus.register_script(presence.LEAVE)
        self._stream = presence.stream_key(self.node_id)
        self._last_id: str | bytes = "0"
        self._lost = False
        self._read_entries = 0
        self._renewed_at = time.monotonic()
        self._acks: deque[int] = deque(maxlen=MAX_KEPT_ACKS)
        # A device has acknowledged a message: the queue's own method, for it is called for each.
        self.acknowledged: Callable[[int], None] = self._acks.append
        self._left_open: deque[int] = deque(maxlen=MAX_KEPT_ACKS)
        # How far devices have come with broadcasts, and which.
        self._cursors: dict[Cursor, list[int]] = {}
        self._cursors_kept = 0
        self._withdrawn: deque[tuple[int, str]] = deque(maxlen=MAX_KEPT_ACKS)
        # How old the oldest acknowledgement is that no sink has recorded yet, when it was last looked.
        self.acks_wait_seconds = 0.0
        self.tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Take the lease. Raises `RedisError` where Valkey does not answer: a node starts whole or not at all."""
        await self._take_lease()
        self.tasks = [
            asyncio.create_task(self._heartbeat()),
            asyncio.create_task(self._read_stream()),
            asyncio.create_task(self._flush_acks()),
        ]

    async def stop(self) -> None:
        """Tell the last acknowledgements, give back presence and lease."""
        running = set(self.tasks)
        while running:
            # Again if need be: a cancellation within a call of the client may come out as its TimeoutError.
            for task in running:
                task.cancel()
            _, running = await asyncio.wait(running, timeout=0.5)
        try:
            async with asyncio.timeout(LAST_WORD_SECONDS):
                await self._flush_once()
                await self._bus.delete(self._stream, presence.info_key(self.node_id))
                await self._bus.zrem(presence.NODES, self.node_id)
        except (RedisError, TimeoutError):
            log.warning("Valkey is unavailable at the end; lease and presence run out by themselves")
        await self._bus.aclose()
        await self._reader.aclose()

    # -- lease ----------------------------------------------------------------------------------------------------

    async def _take_lease(self) -> None:
        # A new stream's ids start anew, and by Valkey's clock.
        self._last_id, self._read_entries = "0", 0
        async with self._bus.pipeline(transaction=True) as pipeline:
            pipeline.xadd(self._stream, {"hello": b""}, maxlen=presence.STREAM_MAX_ENTRIES, approximate=True)
            pipeline.expire(self._stream, presence.LEASE_SECONDS)
            await pipeline.execute()
        await self._tell_counters()

    async def _tell_counters(self) -> None:
        counters = await self._counters()
        now = clock.time()
        async with self._bus.pipeline(transaction=False) as pipeline:
            pipeline.zadd(presence.NODES, {self.node_id: now})
            pipeline.zremrangebyscore(presence.NODES, "-inf", now - 10 * presence.LEASE_SECONDS)
            pipeline.set(presence.info_key(self.node_id), json.dumps(counters), ex=presence.LEASE_SECONDS)
            await pipeline.execute()

    async def _counters(self) -> dict[str, float | dict[str, int]]:
        """What the node says of itself, and sums over all sessions: one pass, a slice for each turn of the loop."""
        here, told = list(self._handler.sessions.values()), self._handler.counters()
        in_flight = queued = unsent = 0
        for start in range(0, len(here), COUNTED_AT_ONCE):
            for session in here[start : start + COUNTED_AT_ONCE]:
                in_flight += session.in_flight
                queued += session.queued
                unsent += session.unsent_bytes
            await asyncio.sleep(0)
        return told | {
            "connections": len(here),
            "in_flight": in_flight,
            "queued": queued,
            "unsent_bytes": unsent,
        }

    async def _heartbeat(self) -> None:
        """Renew the lease. If it was gone, so was everything else: announce all devices again, then ask the rows."""
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            try:
                if not await self._bus.expire(self._stream, presence.LEASE_SECONDS):
                    self._lost = True
                    await self._take_lease()
                if self._lost:
                    # Before the sessions are listed: those that come from here on are announced by themselves.
                    self._lost = False
                    await self._announce_all()
                    await self._handler.ask_pending_for_all()
                elif time.monotonic() - self._renewed_at > RENEW_SECONDS:
                    await self._announce_all()
                await self._look_for_a_gap()
                await self._look_at_acks()
                if self._last_id != "0":
                    await self._bus.xtrim(self._stream, minid=self._last_id, approximate=True)
                await self._tell_counters()
            except RedisError as error:
                self._note_loss(error)

    def _note_loss(self, error: RedisError) -> None:
        if not self._lost:
            log.warning("Valkey is unavailable; devices stay connected", error=type(error).__name__)
        self._lost = True

    # -- presence -------------------------------------------------------------------------------------------------

    async def announce(self, sessions: Sequence[Session]) -> list[Former | None]:
        """Write that these devices are here, and tell other nodes to let go of them; returns where each was before,
        None where it was nowhere lately. One round trip, two at most."""
        if not sessions or self._lost:
            return [SOMEWHERE] * len(sessions)  # nobody waits for Valkey: all are announced when it is back
        try:
            formers = await self._write_presence(sessions)
            await self._ask_others_to_let_go(sessions, formers)
        except RedisError as error:
            self._note_loss(error)
            return [SOMEWHERE] * len(sessions)
        return [
            None if value is None else Former((place := presence.Place.of(value)).node_id, place.left_at_ms)
            for value in formers
        ]

    async def _write_presence(self, sessions: Sequence[Session]) -> list[bytes | None]:
        async with self._bus.pipeline(transaction=False) as pipeline:
            for session in sessions:
                assert session.device is not None
                pipeline.set(
                    presence.presence_key(session.device.id),
                    self._presence_of(session),
                    ex=presence.PRESENCE_SECONDS,
                    get=True,
                )
            formers: list[bytes | None] = await pipeline.execute()
        return formers

    def _presence_of(self, session: Session) -> str:
        return f"{self.node_id}/{session.session_id}"

    async def _ask_others_to_let_go(self, sessions: Sequence[Session], formers: Sequence[bytes | None]) -> None:
        async with self._bus.pipeline(transaction=False) as pipeline:
            for session, former in zip(sessions, formers, strict=True):
                if former is None or session.device is None:
                    continue
                place = presence.Place.of(former)
                if place.node_id != self.node_id and place.left_at_ms is None:
                    pipeline.xadd(
                        presence.stream_key(place.node_id),
                        codec.pack_take_over(session.device.id, place.session_id),
                        nomkstream=True,
                    )
            await pipeline.execute()

    async def _announce_all(self) -> None:
        """Write the presence of all devices anew. Of a device's two sessions the older is let go of, here or there."""
        everyone = list(self._handler.sessions.values())
        for start in range(0, len(everyone), CHUNK):
            chunk = [session for session in everyone[start : start + CHUNK] if session.state is not State.CLOSED]
            keys = [presence.presence_key(session.device.id) for session in chunk if session.device is not None]
            values = [self._presence_of(session) for session in chunk]
            formers: list[bytes | None] = await self._announce_again(
                keys=keys, args=[presence.PRESENCE_SECONDS, *values]
            )
            replaced: list[bytes | None] = []
            for session, former in zip(chunk, formers, strict=True):
                newer = former is not None and presence.Place.of(former).session_id > session.session_id
                replaced.append(None if newer else former)
                if newer and session.device is not None:
                    self._handler.take_over_elsewhere(session.device.id, session.session_id)
                elif session.state is State.CLOSED:
                    self.withdraw(session)  # it left while it was announced
            await self._ask_others_to_let_go(chunk, replaced)
        self._renewed_at = time.monotonic()

    def withdraw(self, session: Session) -> None:
        """The device has left; its presence says so if it is still this session's."""
        assert session.device is not None
        self._withdrawn.append((session.device.id, self._presence_of(session)))

    # -- the node's stream ----------------------------------------------------------------------------------------

    async def _read_stream(self) -> None:
        while True:
            try:
                answer = await self._reader.xread({self._stream: self._last_id}, count=READ_COUNT, block=READ_BLOCK_MS)
            except RedisError as error:
                self._note_loss(error)
                await asyncio.sleep(0.5)
                continue
            for _stream, found in answer or ():
                for entry_id, fields in found:
                    try:
                        await self._take(fields)
                    except EntryError as error:
                        log.error("stream entry left out", error=str(error))
                    self._last_id = entry_id
                    self._read_entries += 1

    async def send(self, node_id: str, entry: dict[str, bytes]) -> bool:
        """Append an entry to another node's stream; whether there is such a node. Raises `RedisError`."""
        maximum = presence.STREAM_MAX_ENTRIES
        key = presence.stream_key(node_id)
        return await self._bus.xadd(key, entry, nomkstream=True, maxlen=maximum, approximate=True) is not None

    async def _look_at_acks(self) -> None:
        """How long acknowledgements have been waiting for the sink. The stream's ids are milliseconds by its clock."""
        oldest = await self._bus.xrange(codec.ACKS_STREAM, count=1)
        if not oldest:
            self.acks_wait_seconds = 0.0
            return
        seconds, microseconds = await self._bus.time()
        self.acks_wait_seconds = seconds + microseconds / 1e6 - int(oldest[0][0].partition(b"-")[0]) / 1000

    async def _look_for_a_gap(self) -> None:
        """Where the stream grew too long, senders cut off what was not read yet: it is in the rows, and asked for.

        Looked at when nothing is left to read: what was ever added and not read then was cut off.
        """
        async with self._bus.pipeline(transaction=True) as pipeline:
            pipeline.xread({self._stream: self._last_id}, count=1)
            pipeline.xinfo_stream(self._stream)
            unread, told = await pipeline.execute()
        if not unread and told["entries-added"] > self._read_entries:
            log.warning("the stream was cut; its rows are read", entries=told["entries-added"] - self._read_entries)
            self._read_entries = told["entries-added"]
            await self._handler.ask_pending_for_all()

    async def _take(self, fields: dict[bytes, bytes]) -> None:
        if b"deliver" in fields:
            deliveries = codec.unpack_deliveries(fields[b"deliver"])
            for start in range(0, len(deliveries), SLICE):
                self._handler.deliver(deliveries[start : start + SLICE])
                await asyncio.sleep(0)
        elif b"take-over" in fields:
            self._handler.take_over_elsewhere(*codec.unpack_take_over(fields[b"take-over"]))
        elif b"question" in fields:
            self._handler.asked(*codec.unpack_question(fields[b"question"]))
        elif b"answer" in fields:
            self._handler.answered(*codec.unpack_answer(fields[b"answer"]))
        elif b"withdraw" in fields:
            self._handler.withdraw(codec.unpack_withdrawn(fields[b"withdraw"]))
        elif b"changed" in fields:
            self._handler.devices_changed(codec.unpack_changed(fields[b"changed"]))
        elif b"broadcasts" in fields:
            self._handler.broadcast_news()

    # -- acknowledgements -----------------------------------------------------------------------------------------

    def report_cursor(self, device_id: int, cursor: Cursor) -> None:
        """The device has come so far with broadcasts: it acknowledged them, and passed the others.

        Said again, it counts once; so what does not fit while Valkey is away is no loss.
        """
        if self._cursors_kept < MAX_KEPT_ACKS:
            self._cursors_kept += 1
            devices = self._cursors.get(cursor)
            if devices is None:
                self._cursors[cursor] = [device_id]
            else:
                devices.append(device_id)

    def left_open(self, message_ids: Sequence[int]) -> None:
        """Messages written to a connection that ended before they were acknowledged."""
        self._left_open.extend(message_ids)

    async def _flush_acks(self) -> None:
        """An entry for the sink, and a call for presence, where there is anything to tell."""
        flushed_at = time.monotonic()
        while True:
            await asyncio.sleep(ACK_LOOK_SECONDS)
            if len(self._acks) < ACK_BATCH and time.monotonic() - flushed_at < ACK_FLUSH_SECONDS:
                continue
            try:
                await self._flush_once()
            except RedisError as error:
                self._note_loss(error)
                await asyncio.sleep(0.5)
            flushed_at = time.monotonic()

    async def _flush_once(self) -> None:
        while self._acks or self._left_open or self._cursors:
            acks, left_open, cursors = _taken(self._acks), _taken(self._left_open), self._take_cursors()
            with self._kept_if_lost(acks, left_open, cursors):
                passed = [BroadcastAck(one.position, one.acknowledged, devices) for one, devices in cursors.items()]
                await self._bus.xadd(
                    codec.ACKS_STREAM,
                    codec.pack_acks(acks, left_open, passed),
                    maxlen=codec.ACKS_MAX_ENTRIES,
                    approximate=True,
                )
        while self._withdrawn:
            leaving = [self._withdrawn.popleft() for _ in range(min(CHUNK, len(self._withdrawn)))]
            try:
                await self._leave(
                    keys=[presence.presence_key(device_id) for device_id, _ in leaving],
                    args=[presence.REMEMBERED_SECONDS, int(clock.time() * 1000), *(value for _, value in leaving)],
                )
            except (RedisError, asyncio.CancelledError):
                self._withdrawn.extendleft(reversed(leaving))
                raise

    def _take_cursors(self) -> dict[Cursor, list[int]]:
        """Where devices stand, of at most a batch of them, taken out. In any order: each tells all it is about."""
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
    """The oldest, at most a batch, taken out."""
    return [waiting.popleft() for _ in range(min(ACK_BATCH, len(waiting)))]


def _connection(redis_url: str, patience: float) -> Any:
    """A client that tries again once (a pooled connection may be dead); more trying is the callers', who can wait."""
    return redis.asyncio.Redis.from_url(
        redis_url, socket_connect_timeout=COMMAND_SECONDS, socket_timeout=patience, retry=Retry(NoBackoff(), 1)
    )
