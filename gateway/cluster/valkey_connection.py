"""A node's asynchronous connections to Valkey, and whether Valkey may have lost what the node wrote."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import redis.asyncio
from redis.asyncio.connection import Connection, ConnectionPool, SSLConnection, UnixDomainSocketConnection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

COMMAND_SECONDS = 2.0


class LossMarker:
    """Whether Valkey failed since the node last wrote its lease and presence, and so may have lost them."""

    def __init__(self) -> None:
        self.is_marked = False

    def mark(self) -> None:
        """Note that a command failed, or that the lease is gone."""
        self.is_marked = True

    def clear(self) -> None:
        """Note that lease and presence are being written again."""
        self.is_marked = False


class _ClosedIsLost:
    """A connection that reports a transport which is closed already as a lost connection.

    uvloop raises RuntimeError then, which redis-py passes on and nobody takes for an outage (uvloop 0.23, redis 8).
    """

    async def _send_packed_command(self, command: Iterable[bytes]) -> None:
        try:
            await super()._send_packed_command(command)  # type: ignore[misc]
        except RuntimeError as error:
            raise ConnectionResetError("the connection is closed") from error


class _Tcp(_ClosedIsLost, Connection):
    """A connection over TCP."""


class _Tls(_ClosedIsLost, SSLConnection):
    """A connection over TLS."""


class _Unix(_ClosedIsLost, UnixDomainSocketConnection):
    """A connection over a Unix socket."""


_CLASSES: dict[type, type] = {Connection: _Tcp, SSLConnection: _Tls, UnixDomainSocketConnection: _Unix}


def connect(redis_url: str, answer_seconds: float = 0.0) -> Any:
    """Return a client that retries once, for a pooled connection may be dead; further retries are the callers'.

    Args:
        redis_url: The server's URL.
        answer_seconds: How long an answer is waited for; `COMMAND_SECONDS` if 0.
    """
    options: dict[str, Any] = dict(parse_url(redis_url))
    pool = ConnectionPool(
        connection_class=_CLASSES[options.pop("connection_class", Connection)],
        socket_connect_timeout=COMMAND_SECONDS,
        socket_timeout=answer_seconds or COMMAND_SECONDS,
        retry=Retry(NoBackoff(), 1),
        **options,
    )
    return redis.asyncio.Redis.from_pool(pool)
