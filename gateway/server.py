"""One gateway process: the TCP bridge and the WebSocket server in one uvloop, sharing one node."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator

import structlog
import uvicorn

from gateway.consumer import serve_node
from gateway.node import Node
from gateway.packets import MAX_PACKET_BYTES
from gateway.tcp import TcpConnection
from gateway.websocket import DeviceSocketProtocol, HandshakeProtocol

log = structlog.get_logger(__name__)

BACKLOG = 4096


class PortTakenError(Exception):
    """A port cannot be listened on; the message is one line."""


class _WebSocketServer(uvicorn.Server):
    """uvicorn without its own handling of signals: the process has one, for both transports."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(address: str, port: int) -> socket.socket:
    """A listening socket. Raises `PortTakenError`."""
    listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address, port))
    except OSError as error:
        listener.close()
        raise PortTakenError(f"port {port} on {address} cannot be listened on: {error.strerror}") from None
    listener.listen(BACKLOG)
    listener.setblocking(False)
    return listener


async def serve(
    node: Node,
    tcp: socket.socket,
    websocket: socket.socket,
    application: object,
    *,
    stop: asyncio.Event,
    ready: Callable[[], object],
) -> None:
    """Serve both listeners until `stop` is set, then leave cleanly; `ready` is called once devices can connect.

    Leaves also when something the node cannot do without has ended, and raises what ended it.
    """
    loop = asyncio.get_running_loop()
    await node.start()
    serve_node(node)
    bridge = await loop.create_server(lambda: TcpConnection(node), sock=tcp, backlog=BACKLOG)
    sockets = _WebSocketServer(
        uvicorn.Config(
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
            timeout_graceful_shutdown=2,
        )
    )
    serving = asyncio.create_task(sockets.serve(sockets=[websocket]))
    log.info("gateway ready", node=node.courier.node_id)
    ready()
    stopping = asyncio.create_task(stop.wait())
    ended, _ = await asyncio.wait([stopping, serving, *node.tasks], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    bridge.close()
    await node.stop()
    sockets.should_exit = True
    await serving
    for task in ended.intersection(node.tasks):
        task.result()
