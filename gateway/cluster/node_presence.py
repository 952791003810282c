"""Write which devices a node holds."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from redis.exceptions import RedisError

from gateway.cluster import codec, presence
from gateway.cluster.node_stream import StreamHandler
from gateway.cluster.presence import SOMEWHERE, Former
from gateway.cluster.valkey_connection import Outage
from gateway.protocol.outbound import State
from gateway.protocol.session import Session
from pushcore.storage import clock

RENEW_SECONDS = 1800.0
CHUNK = 500
# Departures kept while Valkey is unavailable; beyond, presence expires by itself.
MAX_KEPT_DEPARTURES = 200_000


class NodePresence:
    """Announce devices that connect, and withdraw those that leave."""

    def __init__(self, client: Any, node_id: str, handler: StreamHandler, outage: Outage) -> None:
        self._client = client
        self._node_id = node_id
        self._handler = handler
        self._outage = outage
        self._announce_again = client.register_script(presence.ANNOUNCE_AGAIN)
        self._leave = client.register_script(presence.LEAVE)
        self._departures: deque[tuple[int, str]] = deque(maxlen=MAX_KEPT_DEPARTURES)
        self._renewed_at = time.monotonic()

    async def announce(self, sessions: Sequence[Session]) -> list[Former | None]:
        """Write that devices are here, and tell other nodes to end their sessions. Two round trips at most.

        Returns:
            Where each device was before, None where it was nowhere lately.
        """
        if not sessions or self._outage.is_open:
            return [SOMEWHERE] * len(sessions)  # all devices are announced when Valkey is back
        try:
            formers = await self._write(sessions)
            await self._end_elsewhere(sessions, formers)
        except RedisError as error:
            self._outage.note(error)
            return [SOMEWHERE] * len(sessions)
        return [
            None if value is None else Former((place := presence.Place.of(value)).node_id, place.left_at_ms)
            for value in formers
        ]

    def withdraw(self, session: Session) -> None:
        """Withdraw a device that left; its presence is deleted with the next flush if it is still this session's."""
        assert session.device is not None
        self._departures.append((session.device.id, self._value_of(session)))

    async def announce_all(self) -> None:
        """Write the presence of all devices anew. Of a device's two sessions the older one ends, here or elsewhere."""
        everyone = list(self._handler.sessions.values())
        for start in range(0, len(everyone), CHUNK):
            chunk = [session for session in everyone[start : start + CHUNK] if session.state is not State.CLOSED]
            keys = [presence.presence_key(session.device.id) for session in chunk if session.device is not None]
            values = [self._value_of(session) for session in chunk]
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
            await self._end_elsewhere(chunk, replaced)
        self._renewed_at = time.monotonic()

    @property
    def is_old(self) -> bool:
        """Whether presence is to be written anew before it expires."""
        return time.monotonic() - self._renewed_at > RENEW_SECONDS

    async def flush_departures(self) -> None:
        """Delete the presence of devices that left.

        Raises:
            RedisError: Valkey does not answer; the departures are kept.
        """
        while self._departures:
            leaving = [self._departures.popleft() for _ in range(min(CHUNK, len(self._departures)))]
            try:
                await self._leave(
                    keys=[presence.presence_key(device_id) for device_id, _ in leaving],
                    args=[presence.REMEMBERED_SECONDS, int(clock.time() * 1000), *(value for _, value in leaving)],
                )
            except (RedisError, asyncio.CancelledError):
                self._departures.extendleft(reversed(leaving))
                raise

    async def _write(self, sessions: Sequence[Session]) -> list[bytes | None]:
        async with self._client.pipeline(transaction=False) as pipeline:
            for session in sessions:
                assert session.device is not None
                pipeline.set(
                    presence.presence_key(session.device.id),
                    self._value_of(session),
                    ex=presence.PRESENCE_SECONDS,
                    get=True,
                )
            formers: list[bytes | None] = await pipeline.execute()
        return formers

    def _value_of(self, session: Session) -> str:
        return f"{self._node_id}/{session.session_id}"

    async def _end_elsewhere(self, sessions: Sequence[Session], formers: Sequence[bytes | None]) -> None:
        async with self._client.pipeline(transaction=False) as pipeline:
            for session, former in zip(sessions, formers, strict=True):
                if former is None or session.device is None:
                    continue
                place = presence.Place.of(former)
                if place.node_id != self._node_id and place.left_at_ms is None:
                    pipeline.xadd(
                        presence.stream_key(place.node_id),
                        codec.pack_take_over(session.device.id, place.session_id),
                        nomkstream=True,
                    )
            await pipeline.execute()
