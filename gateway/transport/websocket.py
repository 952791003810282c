"""uvicorn's protocols adapted to devices, beyond what ASGI offers.

- A connection that does not complete its handshake is closed, like one that sends no CONNECT.
- A text frame is refused at once: MQTT is binary (MQTT 5, 6.0).
- The application gets the connection itself. So it sends and receives frames without a task, an ASGI message and a
  pause of reading for each, knows how many bytes the peer has not read, and can abort instead of waiting for a close.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import h11
from django.conf import settings
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.exceptions import InvalidState
from websockets.frames import CloseCode, Frame
from websockets.http11 import Request

from gateway.node.limits import ConnectionLimiter, PendingConnection
from gateway.protocol.session import CONNECT_SECONDS
from pushcore.security.proxies import is_in

# Key of the scope's extensions; its value is {"socket": a `DeviceSocketProtocol`}.
SOCKET = "mps.socket"
# Key of the scope's state: the client's address, where it is not that of the socket's other end.
ADDRESS = "mps.address"
# Key of the scope's state: the `PendingConnection` that counts the connection until it has a session.
PENDING = "mps.pending"


class HandshakeProtocol(H11Protocol):
    """HTTP up to the WebSocket upgrade, limited to `CONNECT_SECONDS`."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        *,
        limiter: ConnectionLimiter,
        pending: PendingConnection | None,
    ) -> None:
        super().__init__(config, server_state, app_state)
        self._limiter = limiter
        self._pending = pending

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Count the connection and start its timer."""
        super().connection_made(transport)
        if self._pending is None:
            peer = self.client[0] if self.client else ""
            # A proxy's address is not limited: it brings many clients.
            self._pending = PendingConnection(self._limiter, None if is_in(peer, settings.TRUSTED_PROXIES) else peer)
            if not self._pending.is_allowed:
                transport.abort()
        self.app_state[PENDING] = self._pending
        self._timeout = self.loop.call_later(CONNECT_SECONDS, self._abort_unfinished)

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Stop the timer: the handshake is complete."""
        super().handle_websocket_upgrade(event)
        self._timeout.cancel()  # the timer would keep this object alive

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer and stop counting the connection."""
        super().connection_lost(exc)
        self._timeout.cancel()
        self.app_state[PENDING].ended()

    def _abort_unfinished(self) -> None:
        if self.transport.get_protocol() is self and not self.transport.is_closing():
            self.transport.abort()


class DeviceSocketProtocol(WebSocketsSansIOProtocol):
    """The WebSocket of a device.

    Once the application has set `frame_handler`, it is called with frames; ASGI's `receive` then only reports the end.
    """

    frame_handler: Callable[[bytes], None] | None = None

    def handle_connect(self, event: Request) -> None:
        """Offer the application this object as an ASGI extension."""
        super().handle_connect(event)
        if self.response.status_code == 101:
            extensions: dict[str, dict[object, object]] = {SOCKET: {"socket": self}}
            self.scope["extensions"] = {**(self.scope["extensions"] or {}), **extensions}
            event.headers.clear()  # the scope has them, and the request is kept as long as the connection

    def send_receive_event_to_app(self) -> None:
        """Pass a frame to the application's `frame_handler`."""
        if self.frame_handler is None or self.close_sent:
            super().send_receive_event_to_app()
            return
        data, self.frames = b"".join(self.frames), []
        self.frame_handler(data)

    def send_binary(self, data: bytes) -> None:
        """Send a frame without waiting; discard it once the connection ends."""
        if self.disconnected:
            return
        with contextlib.suppress(InvalidState):  # a close is under way
            self.conn.send_binary(data)
            self.transport.write(b"".join(self.conn.data_to_send()))

    @property
    def unsent_bytes(self) -> int:
        """Bytes that the peer has not read."""
        return self.transport.get_write_buffer_size()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop counting the connection."""
        super().connection_lost(exc)
        self.app_state[PENDING].ended()

    def handle_text(self, event: Frame) -> None:
        """Refuse a text frame."""
        self.conn.fail(CloseCode.UNSUPPORTED_DATA, "binary only")
        self.handle_parser_exception()
