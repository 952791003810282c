"""The lease of a node: renewed by a heartbeat, which also repairs what Valkey lost."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Iterable
from typing import Any

import structlog
from redis.exceptions import RedisError

from gateway.cluster import presence
from gateway.cluster.ack_buffer import AckBuffer
from gateway.cluster.connection_log import ConnectionLog
from gateway.cluster.node_presence import NodePresence
from gateway.cluster.node_stream import SLICE, NodeStream, StreamHandler
from gateway.cluster.valkey_connection import LossMarker, connect
from gateway.protocol.session import Session
from pushcore.storage import clock
from pushcore.storage.retry import run_forever

log = structlog.get_logger(__name__)

HEARTBEAT_SECONDS = 2.0
# Sessions counted between two turns of the loop.
COUNTED_AT_ONCE = 1_000
# How long a node that stops waits for Valkey: with the disconnecting of its devices, less than a supervisor waits.
STOP_SECONDS = 2.0


async def slices(sessions: Iterable[Session]) -> AsyncIterator[list[Session]]:
    """Yield the present sessions in slices, one for each turn of the loop."""
    present = list(sessions)
    for start in range(0, len(present), SLICE):
        yield present[start : start + SLICE]
        await asyncio.sleep(0)


class NodeLease:
    """A node's membership of the cluster, with its stream, presence and acknowledgements.

    Valkey may be unavailable or lose everything at any moment. None of it is the truth, so the answer is always the
    same: write lease and presence anew, then read the rows. `node_id` is new with every start, so the presence of an
    earlier life points nowhere.
    """

    def __init__(self, redis_url: str, handler: StreamHandler) -> None:
        self.node_id = secrets.token_hex(6)
        self._handler = handler
        self._loss = LossMarker()
        self._client: Any = connect(redis_url)
        self.stream = NodeStream(redis_url, self._client, self.node_id, handler, self._loss)
        self.presence = NodePresence(self._client, self.node_id, handler, self._loss)
        self.connection_log = ConnectionLog()
        self.acks = AckBuffer(self._client, self.presence, self._loss)
        self.tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Take the lease and start the node's tasks.

        Raises:
            RedisError: Valkey does not answer: a node starts whole or not at all.
        """
        await self.stream.create()
        await self._publish_counters()
        self.tasks = [
            asyncio.create_task(self._heartbeat()),
            asyncio.create_task(self.stream.read()),
            asyncio.create_task(self.acks.run()),
        ]

    async def stop(self) -> None:
        """Flush the last acknowledgements and give up presence and lease."""
        running = set(self.tasks)
        while running:
            # Cancelled again if need be: a cancellation within a call of the client may come out as its TimeoutError.
            for task in running:
                task.cancel()
            _, running = await asyncio.wait(running, timeout=0.5)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self.acks.flush()
                await self.presence.flush_departures()
                await self._client.delete(self.stream.key, presence.info_key(self.node_id))
                await self._client.zrem(presence.NODES, self.node_id)
        except (RedisError, TimeoutError):
            log.warning("Valkey is unavailable at the end; lease and presence expire by themselves")
        await self.close()

    async def close(self) -> None:
        """Close the connections to Valkey."""
        await self._client.aclose()
        await self.stream.close()

    async def _heartbeat(self) -> None:
        """Renew the lease every `HEARTBEAT_SECONDS`, forever."""
        await run_forever(self._beat, work="lease of the node", on_failure=self._loss.mark)

    async def _beat(self) -> None:
        """Renew the lease. If it was gone, so was everything else: announce all devices again, then read the rows."""
        if not await self.stream.renew():
            self._loss.mark()
            await self.stream.create()
            await self._publish_counters()
        if self._loss.is_marked:
            # Before the sessions are listed: those that connect from here on are announced by themselves.
            self._loss.clear()
            await self.presence.announce_all()
            await self._handler.request_pending_for_all()
        elif self.presence.needs_renewal:
            await self.presence.announce_all()
        await self.stream.check_gap()
        await self.acks.check_sink()
        await self.stream.trim()
        await self._publish_counters()
        await self.connection_log.exchange(self._client)
        await asyncio.sleep(HEARTBEAT_SECONDS)

    async def _publish_counters(self) -> None:
        counters = await self._counters()
        now = clock.time()
        async with self._client.pipeline(transaction=False) as pipeline:
            pipeline.zadd(presence.NODES, {self.node_id: now})
            pipeline.zremrangebyscore(presence.NODES, "-inf", now - 10 * presence.LEASE_SECONDS)
            pipeline.set(presence.info_key(self.node_id), json.dumps(counters), ex=presence.LEASE_SECONDS)
            await pipeline.execute()

    async def _counters(self) -> dict[str, float | dict[str, int]]:
        """Return the node's counters, and sums over all sessions: one pass, a slice for each turn of the loop."""
        sessions, counters = list(self._handler.sessions.values()), self._handler.counters()
        in_flight = queued = unsent = 0
        for start in range(0, len(sessions), COUNTED_AT_ONCE):
            for session in sessions[start : start + COUNTED_AT_ONCE]:
                in_flight += session.in_flight
                queued += session.queued
                unsent += session.unsent_bytes
            await asyncio.sleep(0)
        return counters | {
            "connections": len(sessions),
            "in_flight": in_flight,
            "queued": queued,
            "unsent_bytes": unsent,
        }
