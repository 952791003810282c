"""Write the presence of a node's devices: which node holds which device."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from redis.exceptions import RedisError

from gateway.cluster import codec, presence
from gateway.cluster.node_stream import StreamHandler
from gateway.cluster.presence import UNKNOWN_NODE, FormerNode, PresenceValue
from gateway.cluster.valkey_connection import LossMarker
from gateway.protocol.ports import State
from gateway.protocol.session import Session
from pushcore.storage import clock

RENEW_SECONDS = 1800.0
CHUNK = 500
# Departures kept while Valkey is unavailable; beyond, presence expires by itself.
MAX_BUFFERED_DEPARTURES = 200_000


class NodePresence:
    """Writes the presence of devices that connect, and deletes it when they leave."""

    def __init__(self, client: Any, node_id: str, handler: StreamHandler, loss: LossMarker) -> None:
        self._client = client
        self._node_id = node_id
        self._handler = handler
        self._loss = loss
        self._announce_again = client.register_script(presence.ANNOUNCE_AGAIN)
        self._leave = client.register_script(presence.LEAVE)
        self._departures: deque[tuple[int, str]] = deque(maxlen=MAX_BUFFERED_DEPARTURES)
        self._renewed_at = time.monotonic()

    async def announce(self, sessions: Sequence[Session]) -> list[FormerNode | None]:
        """Write that this node holds devices; tell their former nodes to end their sessions. Two round trips at most.

        Returns:
            The former node of each device, None if it was connected to none lately.
        """
        if not sessions or self._loss.is_marked:
            return [UNKNOWN_NODE] * len(sessions)  # all devices are announced when Valkey is back
        try:
            formers = await self._write(sessions)
            await self._end_former_sessions(sessions, formers)
        except RedisError:
            self._loss.mark()
            return [UNKNOWN_NODE] * len(sessions)
        return [former and FormerNode(former.node_id, former.left_at_ms) for former in formers]

    def remove(self, session: Session) -> None:
        """Delete a device's presence with the next flush, if it is still this session's."""
        assert session.device is not None
        self._departures.append((session.device.id, self._value_of(session)))

    async def announce_all(self) -> None:
        """Write the presence of all devices again. Of two sessions of a device, the older one is ended."""
        all_sessions = list(self._handler.sessions.values())
        for start in range(0, len(all_sessions), CHUNK):
            chunk = [session for session in all_sessions[start : start + CHUNK] if session.state is not State.CLOSED]
            keys = [presence.presence_key(session.device.id) for session in chunk if session.device is not None]
            values = [self._value_of(session) for session in chunk]
            formers = _decode(await self._announce_again(keys=keys, args=[presence.PRESENCE_SECONDS, *values]))
            replaced: list[PresenceValue | None] = []
            for session, former in zip(chunk, formers, strict=True):
                is_newer = former is not None and former.session_id > session.session_id
                replaced.append(None if is_newer else former)
                if is_newer and session.device is not None:
                    self._handler.end_taken_over(session.device.id, session.session_id)
                elif session.state is State.CLOSED:
                    self.remove(session)  # it left while it was announced
            await self._end_former_sessions(chunk, replaced)
        self._renewed_at = time.monotonic()

    @property
    def needs_renewal(self) -> bool:
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

    async def _write(self, sessions: Sequence[Session]) -> list[PresenceValue | None]:
        """Write the presence of devices; return the values that it replaces."""
        async with self._client.pipeline(transaction=False) as pipeline:
            for session in sessions:
                assert session.device is not None
                pipeline.set(
                    presence.presence_key(session.device.id),
                    self._value_of(session),
                    ex=presence.PRESENCE_SECONDS,
                    get=True,
                )
            return _decode(await pipeline.execute())

    def _value_of(self, session: Session) -> str:
        return f"{self._node_id}/{session.session_id}"

    async def _end_former_sessions(self, sessions: Sequence[Session], formers: Sequence[PresenceValue | None]) -> None:
        """Tell the nodes that held the devices to end their sessions."""
        async with self._client.pipeline(transaction=False) as pipeline:
            for session, former in zip(sessions, formers, strict=True):
                if former is None or session.device is None:
                    continue
                if former.node_id != self._node_id and former.left_at_ms is None:
                    pipeline.xadd(
                        presence.stream_key(former.node_id),
                        codec.pack_take_over(session.device.id, former.session_id),
                        nomkstream=True,
                    )
            await pipeline.execute()


def _decode(values: Sequence[bytes | None]) -> list[PresenceValue | None]:
    return [PresenceValue.of(value) if value is not None else None for value in values]
