"""MQTT over TCP: an asyncio protocol for each connection, without a task or a buffer of its own while it is idle."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import cast

from gateway.node.limits import PendingConnection
from gateway.node.node import Node
from gateway.protocol.ports import CLOSED_WRITER, Writer
from gateway.protocol.session import Session
from gateway.transport.coalescing import CoalescingTransport

# A device that does not read is cut off when this much waits for it; the others never wait.
MAX_UNSENT_BYTES = 262_144
# How long a connection that is being closed may take to accept what was written to it.
CLOSE_SECONDS = 5.0


def _discard(_data: bytes) -> None:
    """Discard data while there is no session."""


class TcpConnection(CoalescingTransport, asyncio.Protocol):
    """The TCP connection of one session."""

    __slots__ = ("_address", "_node", "_pending", "_session", "_transport", "data_received", "writer")

    # Session and asyncio transport call each other directly while both exist. Before and after, data is discarded.
    writer: Writer
    data_received: Callable[[bytes], None]  # type: ignore[assignment]  # a method of the base

    def __init__(self, node: Node, address: str | None = None, pending: PendingConnection | None = None) -> None:
        """Create the connection.

        Args:
            node: The node of its session.
            address: The client's address, None for the socket's peer.
            pending: Counts the connection until it has a session (`gateway.transport.listeners`).
        """
        super().__init__()
        self._node = node
        self._address = address
        self._pending = pending
        self._transport: asyncio.Transport | None = None
        self._session: Session | None = None
        self.writer, self.data_received = CLOSED_WRITER, _discard

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Create the session."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=MAX_UNSENT_BYTES)
        self.writer = self._transport
        raw = transport.get_extra_info("socket")
        if raw is not None and raw.family in (socket.AF_INET, socket.AF_INET6):
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._address is None:
            peer = transport.get_extra_info("peername")
            self._address = str(peer[0]) if peer else ""
        if self._pending is not None:
            self._pending.ended()
            self._pending = None
        self._session = self._node.new_session(self, self._address)
        self.data_received = self._session.feed
        self._transport.set_protocol(self)  # a transport looks methods up once

    def pause_writing(self) -> None:
        """Abort the connection of a device that does not read."""
        if self._transport is not None:
            self._transport.abort()

    def connection_lost(self, _exc: Exception | None) -> None:
        """End the session."""
        session, self._session, self._transport = self._session, None, None
        self.writer, self.data_received = CLOSED_WRITER, _discard
        if session is not None:
            session.transport_lost()

    # -- Transport -----------------------------------------------------------------------------------------------------

    @property
    def unsent_bytes(self) -> int:
        """Bytes that the device has not taken yet."""
        return self._transport.get_write_buffer_size() if self._transport is not None else 0

    def write(self, data: bytes) -> None:
        """Send without waiting."""
        self.writer.write(data)

    def pause_reading(self) -> None:
        """Stop reading."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Resume reading."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def close(self) -> None:
        """Close once everything was sent, after `CLOSE_SECONDS` at the latest."""
        self.flush()
        transport = self._transport
        if transport is None:
            return
        transport.close()
        if transport.get_write_buffer_size():
            asyncio.get_running_loop().call_later(CLOSE_SECONDS, transport.abort)
