"""Listening sockets of the gateway, with TLS and the PROXY protocol where configured.

A listener creates a protocol for each connection and passes it the client's address: the socket's peer, or the address
that a trusted load balancer names.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from gateway.node.limits import ConnectionLimiter, PendingConnection
from gateway.protocol.session import CONNECT_SECONDS
from gateway.transport.proxy_protocol import ProxyHeaderError, read_address
from pushcore.security.proxies import Networks, is_in

log = structlog.get_logger(__name__)

BACKLOG = 4096
# Connections whose PROXY header is being read; more wait in the kernel.
MAX_HEADERS_READ = 1_000
# How long a TLS connection may take to shut down.
TLS_CLOSE_SECONDS = 5.0
# Pause before accepting again when out of descriptors or memory; open connections continue.
ACCEPT_AGAIN_SECONDS = 0.5

# How often refused connections are logged, together.
REFUSALS_SECONDS = 10.0

# Creates the protocol of a connection. Both arguments are None if the socket's peer is the client; else they are the
# client's address, and what counts the connection until it is a session.
Factory = Callable[[str | None, PendingConnection | None], asyncio.BaseProtocol]


class PortTakenError(Exception):
    """A port cannot be bound. The message is one line."""


class CertificateError(Exception):
    """The certificate or its key is unusable. The message is one line."""


class Certificate:
    """The certificate of the TLS listeners."""

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
        """Load the files again for later handshakes; open connections stay.

        Raises:
            CertificateError: The files are unusable; the former certificate stays.
        """
        self._load()  # a pair that does not fit would leave the context with half of it
        self.context.load_cert_chain(*self._files)


@dataclass(frozen=True, slots=True)
class Proxies:
    """The networks that must send a PROXY header, and are believed."""

    networks: Networks


@dataclass(slots=True)
class Listener:
    """One listening socket."""

    listener: socket.socket
    certificate: Certificate | None = None
    proxies: Proxies | None = None
    _server: asyncio.Server | None = None
    _accepting: asyncio.Task[None] | None = None
    _pending: set[asyncio.Task[None]] = field(default_factory=set)
    _refusals: int = 0
    _refusals_logged_at: float = -REFUSALS_SECONDS

    async def open(self, make: Factory, limiter: ConnectionLimiter) -> None:
        """Start accepting connections.

        Args:
            make: Creates a protocol for each.
            limiter: Counts them.
        """
        loop = asyncio.get_running_loop()
        if self.proxies is None and self.certificate is None:
            self._server = await loop.create_server(lambda: make(None, None), sock=self.listener, backlog=BACKLOG)
        else:
            self._accepting = loop.create_task(self._accept(make, limiter))

    def close(self) -> None:
        """Stop accepting connections."""
        if self._server is not None:
            self._server.close()
        for task in (self._accepting, *self._pending):
            if task is not None:
                task.cancel()
        if self._accepting is not None:
            self.listener.close()

    async def _accept(self, make: Factory, limiter: ConnectionLimiter) -> None:
        """Accept connections on which a PROXY header or TLS precedes MQTT; they count from here on."""
        loop = asyncio.get_running_loop()
        headers = asyncio.Semaphore(MAX_HEADERS_READ)
        while True:
            async with headers:  # wait for a free slot
                pass
            try:
                connection, peer = await loop.sock_accept(self.listener)
            except OSError as error:
                if error.errno not in (errno.ECONNABORTED, errno.EINTR):
                    log.warning("connections cannot be accepted; tried again", error=error.strerror)
                    await asyncio.sleep(ACCEPT_AGAIN_SECONDS)
                continue
            task = loop.create_task(self._serve(connection, str(peer[0]), make, limiter, headers))
            self._pending.add(task)
            task.add_done_callback(self._pending.discard)

    async def _serve(
        self,
        connection: socket.socket,
        address: str,
        make: Factory,
        limiter: ConnectionLimiter,
        headers: asyncio.Semaphore,
    ) -> None:
        connection.setblocking(False)
        pending = PendingConnection(limiter, address if self.proxies is None else None)
        try:
            if self.proxies is not None and pending.is_allowed:
                async with headers, asyncio.timeout(CONNECT_SECONDS):
                    address = await self._client_address(connection, address, self.proxies)
                pending.ended()
                pending = PendingConnection(limiter, address)
            if not pending.is_allowed:
                connection.close()
                return
            await self._start_protocol(connection, address, make, pending)
        except ProxyHeaderError as error:
            self._refuse(connection, address, error)
            pending.ended()
        except (OSError, TimeoutError):  # ssl.SSLError is an OSError
            connection.close()
            pending.ended()
        except asyncio.CancelledError:
            connection.close()
            pending.ended()
            raise

    @staticmethod
    async def _client_address(connection: socket.socket, peer: str, proxies: Proxies) -> str:
        """Read the client's address from a balancer's PROXY header.

        Raises:
            ProxyHeaderError: The peer is not trusted, or the header is unusable.
            OSError: The connection broke.
        """
        if not is_in(peer, proxies.networks):
            raise ProxyHeaderError("the address is not among those trusted")
        return await read_address(connection, peer)

    def _refuse(self, connection: socket.socket, peer: str, error: ProxyHeaderError) -> None:
        connection.close()
        self._refusals += 1
        now = time.monotonic()
        if now - self._refusals_logged_at >= REFUSALS_SECONDS:
            log.warning("connections refused: PROXY protocol", refused=self._refusals, last=peer, error=str(error))
            self._refusals, self._refusals_logged_at = 0, now

    async def _start_protocol(
        self, connection: socket.socket, address: str, make: Factory, pending: PendingConnection
    ) -> None:
        loop, tls = asyncio.get_running_loop(), self.certificate is not None
        await loop.connect_accepted_socket(
            lambda: make(address, pending),
            connection,
            ssl=self.certificate.context if self.certificate is not None else None,
            ssl_handshake_timeout=CONNECT_SECONDS if tls else None,
            ssl_shutdown_timeout=TLS_CLOSE_SECONDS if tls else None,
        )


def listen(address: str, port: int, *, shared: bool = False) -> socket.socket:
    """Return a listening socket.

    Args:
        address: The address to bind.
        port: The port to bind.
        shared: Share the port with other gateway processes, among which the kernel spreads connections (SO_REUSEPORT,
            socket(7)).

    Raises:
        PortTakenError: The port cannot be bound.
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
