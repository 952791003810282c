"""The stream of a node: other processes append entries for its devices, and the node reads them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

import structlog

from gateway.cluster import codec, presence
from gateway.cluster.codec import DeliveryEntry, EntryError, TakeoverQuery, TakeoverReply
from gateway.cluster.valkey_connection import COMMAND_SECONDS, LossMarker, connect
from gateway.protocol.session import Session
from pushcore.storage.retry import run_forever

log = structlog.get_logger(__name__)

READ_BLOCK_MS = 2_000
READ_COUNT = 32
# Messages written between two turns of the loop; sockets are read and written in between.
SLICE = 250


class StreamHandler(Protocol):
    """Handles the entries of a node's stream."""

    sessions: dict[int, Session]

    def deliver(self, deliveries: Sequence[DeliveryEntry]) -> None:
        """Send messages to devices."""

    def end_taken_over(self, device_id: int, session_id: str) -> None:
        """End the session of a device that connected to another node."""

    def takeover_query_received(self, number: int, sender: str, queries: Sequence[TakeoverQuery]) -> None:
        """Reply to the queries of another node about devices it took over."""

    def takeover_reply_received(self, number: int, replies: Sequence[TakeoverReply]) -> None:
        """Take the replies to a query of this node."""

    def withdraw(self, revoked: Sequence[tuple[int, int]]) -> None:
        """Drop revoked messages: (device id, message id)."""

    def devices_changed(self, device_ids: Sequence[int]) -> None:
        """Read again what devices may receive, after their users or channels changed."""

    def broadcasts_changed(self) -> None:
        """Read the active broadcasts: there is a new one, or one was revoked."""

    async def request_pending_for_all(self) -> None:
        """Read the pending messages of all connected devices."""

    def counters(self) -> dict[str, float | dict[str, int]]:
        """Return the node's counters by name."""


class NodeStream:
    """Read a node's stream, and append to those of other nodes.

    The stream's expiry is the node's lease: while it exists the node is alive.
    """

    def __init__(self, redis_url: str, client: Any, node_id: str, handler: StreamHandler, loss: LossMarker) -> None:
        self._client = client
        # Reading blocks, so it has a connection of its own that waits longer.
        self._reader = connect(redis_url, READ_BLOCK_MS / 1000 + 3 * COMMAND_SECONDS)
        self._handler = handler
        self._loss = loss
        self.key = presence.stream_key(node_id)
        self._last_id: str | bytes = "0"
        self._read_entries = 0

    async def create(self) -> None:
        """Create the stream with a fresh lease.

        Raises:
            RedisError: Valkey does not answer.
        """
        # A new stream's ids start anew, and by Valkey's clock.
        self._last_id, self._read_entries = "0", 0
        async with self._client.pipeline(transaction=True) as pipeline:
            pipeline.xadd(self.key, {"hello": b""}, maxlen=presence.STREAM_MAX_ENTRIES, approximate=True)
            pipeline.expire(self.key, presence.LEASE_SECONDS)
            await pipeline.execute()

    async def renew(self) -> bool:
        """Renew the lease; return False if the stream is gone."""
        return bool(await self._client.expire(self.key, presence.LEASE_SECONDS))

    async def send(self, node_id: str, entry: dict[str, bytes]) -> bool:
        """Append an entry to another node's stream; return False if there is no such node.

        Raises:
            RedisError: Valkey does not answer.
        """
        maximum = presence.STREAM_MAX_ENTRIES
        key = presence.stream_key(node_id)
        return await self._client.xadd(key, entry, nomkstream=True, maxlen=maximum, approximate=True) is not None

    async def read(self) -> None:
        """Read entries and handle them, forever."""
        await run_forever(self._read_next, work="stream of the node", on_failure=self._loss.mark)

    async def _read_next(self) -> None:
        answer = await self._reader.xread({self.key: self._last_id}, count=READ_COUNT, block=READ_BLOCK_MS)
        for _stream, found in answer or ():
            for entry_id, fields in found:
                try:
                    await self._handle(fields)
                except EntryError as error:
                    log.error("stream entry left out", error=str(error))
                self._last_id = entry_id
                self._read_entries += 1

    async def check_gap(self) -> None:
        """Read the rows of all devices if the stream was trimmed before it was read.

        Checked when nothing is left to read: what was added and not read then was cut off.
        """
        async with self._client.pipeline(transaction=True) as pipeline:
            pipeline.xread({self.key: self._last_id}, count=1)
            pipeline.xinfo_stream(self.key)
            unread, info = await pipeline.execute()
        if not unread and info["entries-added"] > self._read_entries:
            log.warning("the stream was cut; its rows are read", entries=info["entries-added"] - self._read_entries)
            self._read_entries = info["entries-added"]
            await self._handler.request_pending_for_all()

    async def trim(self) -> None:
        """Delete the entries that were read."""
        if self._last_id != "0":
            await self._client.xtrim(self.key, minid=self._last_id, approximate=True)

    async def close(self) -> None:
        """Close the reader's connection."""
        await self._reader.aclose()

    async def _handle(self, fields: dict[bytes, bytes]) -> None:
        if b"deliver" in fields:
            deliveries = codec.unpack_deliveries(fields[b"deliver"])
            for start in range(0, len(deliveries), SLICE):
                self._handler.deliver(deliveries[start : start + SLICE])
                await asyncio.sleep(0)
        elif b"take-over" in fields:
            self._handler.end_taken_over(*codec.unpack_take_over(fields[b"take-over"]))
        elif b"question" in fields:
            self._handler.takeover_query_received(*codec.unpack_takeover_query(fields[b"question"]))
        elif b"answer" in fields:
            self._handler.takeover_reply_received(*codec.unpack_takeover_reply(fields[b"answer"]))
        elif b"withdraw" in fields:
            self._handler.withdraw(codec.unpack_withdrawn(fields[b"withdraw"]))
        elif b"changed" in fields:
            self._handler.devices_changed(codec.unpack_changed(fields[b"changed"]))
        elif b"broadcasts" in fields:
            self._handler.broadcasts_changed()
