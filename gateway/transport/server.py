"""Serve one gateway process: TCP and WebSocket in one event loop, sharing one node."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence

import structlog
import uvicorn

from gateway.node.limits import ConnectionLimiter, PendingConnection
from gateway.node.node import Node
from gateway.protocol.packets import MAX_PACKET_BYTES
from gateway.transport.consumer import serve_node
from gateway.transport.listeners import BACKLOG, Factory, Listener
from gateway.transport.tcp import TcpConnection
from gateway.transport.websocket import ADDRESS, DeviceSocketProtocol, HandshakeProtocol

log = structlog.get_logger(__name__)


class _WebSocketServer(uvicorn.Server):
    """A uvicorn server without signal handlers; the process has its own, for both transports."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _web_sockets(application: object) -> _WebSocketServer:
    """Return a uvicorn server with our protocols; our listeners accept its connections."""
    config = uvicorn.Config(
        application,  # type: ignore[arg-type]
        http=HandshakeProtocol,
        ws=DeviceSocketProtocol,
        ws_per_message_deflate=False,
        ws_max_size=4 * MAX_PACKET_BYTES,
        # MQTT has its own keep alive.
        ws_ping_interval=None,
        lifespan="off",
        access_log=False,
        log_config=None,
        log_level="warning",  # below, it writes a line for each connection
        # The node has disconnected its devices by then, and a supervisor grants no more than 10 s in all.
        timeout_graceful_shutdown=1,
        backlog=BACKLOG,
    )
    config.load()
    return _WebSocketServer(config)


def _socket_factory(server: _WebSocketServer, limiter: ConnectionLimiter) -> Factory:
    def make(address: str | None, pending: PendingConnection | None) -> asyncio.BaseProtocol:
        state: dict[str, object] = {} if address is None else {ADDRESS: address}
        return HandshakeProtocol(server.config, server.server_state, state, limiter=limiter, pending=pending)

    return make


async def serve(
    node: Node,
    mqtt: Sequence[Listener],
    websocket: Sequence[Listener],
    application: object,
    *,
    stop: asyncio.Event,
    ready: Callable[[], object],
) -> None:
    """Serve all listeners until `stop` is set, then shut down cleanly.

    Args:
        node: The node that sessions belong to.
        mqtt: Listeners for MQTT over TCP.
        websocket: Listeners for WebSocket.
        application: The ASGI application for WebSocket connections.
        stop: Set to shut down.
        ready: Called once devices can connect.

    Raises:
        Exception: What ended a task that the node cannot do without.
    """
    await node.start()
    serve_node(node)
    sockets = _web_sockets(application)
    serving = asyncio.create_task(sockets.serve(sockets=[]))
    for listener in mqtt:
        await listener.open(lambda address, pending: TcpConnection(node, address, pending), node.limiter)
    for listener in websocket:
        await listener.open(_socket_factory(sockets, node.limiter), node.limiter)
    log.info("gateway ready", node=node.lease.node_id)
    ready()
    stopping = asyncio.create_task(stop.wait())
    ended, _ = await asyncio.wait([stopping, serving, *node.tasks], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    for listener in (*mqtt, *websocket):
        listener.close()
    await node.stop()
    sockets.should_exit = True
    await serving
    for task in ended.intersection(node.tasks):
        task.result()
