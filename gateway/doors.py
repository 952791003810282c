"""The gateway's doors: listening sockets, with TLS and the PROXY protocol where configured.

A door makes a protocol for each connection and tells it the client's address: that of the socket's other end, or the
one a trusted balancer names.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from gateway.proxy_protocol import Networks, ProxyHeaderError, is_trusted, read_address
from gateway.session import CONNECT_SECONDS

log = structlog.get_logger(__name__)

BACKLOG = 4096
# Connections of balancers whose header is being read; more wait in the kernel.
MAX_HEADERS_READ = 1_000
# How long a TLS connection may take to say goodbye.
TLS_CLOSE_SECONDS = 5.0
# Out of descriptors or memory: what is open goes on, new connections wait.
ACCEPT_AGAIN_SECONDS = 0.5

# Makes the protocol of a connection; the address is None where the socket's own peer is the client.
Factory = Callable[[str | None], asyncio.BaseProtocol]


class PortTakenError(Exception):
    """A port cannot be listened on; the message is one line."""


class CertificateError(Exception):
    """The certificate or its key cannot be used; the message is one line."""


class Certificate:
    """The certificate of the TLS doors; `reload` takes the files' present content for all handshakes to come."""

    def __init__(self, cert_file: str, key_file: str) -> None:
        self._files = Path(cert_file), Path(key_file)
        self.context = self._load()

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(*self._files)
        except (OSError, ssl.SSLError) as error:
            raise CertificateError(f"the certificate {self._files[0]} cannot be used: {error}") from None
        return context

    def reload(self) -> None:
        """Open connections stay as they are. Raises `CertificateError`, and then the former one stays."""
        self._load()  # a pair that does not fit would leave the context with half of it
        self.context.load_cert_chain(*self._files)


@dataclass(frozen=True, slots=True)
class Proxies:
    """Whom a PROXY header is required of, and believed."""

    networks: Networks


@dataclass(slots=True)
class Door:
    """One listening socket."""

    listener: socket.socket
    certificate: Certificate | None = None
    proxies: Proxies | None = None
    _server: asyncio.Server | None = None
    _accepting: asyncio.Task[None] | None = None
    _arriving: set[asyncio.Task[None]] = field(default_factory=set)

    async def open(self, make: Factory) -> None:
        """Take connections from here on."""
        loop = asyncio.get_running_loop()
        if self.proxies is not None:
            self._accepting = loop.create_task(self._accept(make, self.proxies))
        elif self.certificate is None:
            self._server = await loop.create_server(lambda: make(None), sock=self.listener, backlog=BACKLOG)
        else:
            self._server = await loop.create_server(
                lambda: make(None),
                sock=self.listener,
                backlog=BACKLOG,
                ssl=self.certificate.context,
                ssl_handshake_timeout=CONNECT_SECONDS,
                ssl_shutdown_timeout=TLS_CLOSE_SECONDS,
            )

    def close(self) -> None:
        """Take no more connections."""
        if self._server is not None:
            self._server.close()
        for task in (self._accepting, *self._arriving):
            if task is not None:
                task.cancel()
        if self._accepting is not None:
            self.listener.close()

    async def _accept(self, make: Factory, proxies: Proxies) -> None:
        loop = asyncio.get_running_loop()
        room = asyncio.Semaphore(MAX_HEADERS_READ)
        while True:
            await room.acquire()
            try:
                connection, peer = await loop.sock_accept(self.listener)
            except OSError as error:
                room.release()
                if error.errno not in (errno.ECONNABORTED, errno.EINTR):
                    log.warning("connections cannot be accepted; tried again", error=error.strerror)
                    await asyncio.sleep(ACCEPT_AGAIN_SECONDS)
                continue
            task = loop.create_task(self._arrive(connection, str(peer[0]), make, proxies))
            self._arriving.add(task)
            task.add_done_callback(self._arriving.discard)
            task.add_done_callback(lambda _: room.release())

    async def _arrive(self, connection: socket.socket, peer: str, make: Factory, proxies: Proxies) -> None:
        connection.setblocking(False)
        try:
            if not is_trusted(peer, proxies.networks):
                raise ProxyHeaderError("the address is not among those trusted")
            async with asyncio.timeout(CONNECT_SECONDS):
                address = await read_address(connection, peer)
                await self._hand_in(connection, address, make)
        except ProxyHeaderError as error:
            log.warning("connection refused: PROXY protocol", peer=peer, error=str(error))
            connection.close()
        except (OSError, TimeoutError):  # ssl.SSLError is an OSError
            connection.close()
        except asyncio.CancelledError:
            connection.close()
            raise

    async def _hand_in(self, connection: socket.socket, address: str, make: Factory) -> None:
        loop = asyncio.get_running_loop()
        context = None if self.certificate is None else self.certificate.context
        await loop.connect_accepted_socket(lambda: make(address), connection, ssl=context)


def listen(address: str, port: int, *, shared: bool = False) -> socket.socket:
    """A listening socket. Raises `PortTakenError`.

    `shared`: with other gateway processes, among which the kernel spreads the connections (SO_REUSEPORT, socket(7)).
    """
    listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((address, port))
    except OSError as error:
        listener.close()
        raise PortTakenError(f"port {port} on {address} cannot be listened on: {error.strerror}") from None
    listener.listen(BACKLOG)
    listener.setblocking(False)
    return listener
