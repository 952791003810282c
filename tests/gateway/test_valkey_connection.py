"""A node's connections to Valkey, on the event loop that the gateway runs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import redis
import uvloop
from django.conf import settings
from redis.asyncio.connection import SSLConnection, UnixDomainSocketConnection

from gateway.cluster import valkey_connection


async def close_below(client: Any) -> Any:
    """Close the transport of the client's connection, as the loop does when the server is killed, and return it.

    The client has not noticed: it had nothing to read.
    """
    await client.ping()
    [connection] = client.connection_pool._available_connections
    connection._writer.transport.abort()
    await asyncio.sleep(0)
    return connection


def test_a_connection_that_was_closed_below_is_replaced() -> None:
    async def run() -> object:
        client = valkey_connection.connect(settings.REDIS_URL)
        await close_below(client)
        try:
            return await client.ping()
        finally:
            await client.aclose()

    assert uvloop.run(run()) is True


def test_a_command_on_a_closed_transport_is_a_lost_connection() -> None:
    """Not uvloop's RuntimeError, which would end the gateway."""

    async def run() -> None:
        client = valkey_connection.connect(settings.REDIS_URL)
        connection = await close_below(client)
        try:
            with pytest.raises(redis.ConnectionError):
                await connection.send_command("PING", check_health=False)
        finally:
            await client.aclose()

    uvloop.run(run())


@pytest.mark.parametrize(
    ("url", "kind"),
    [("rediss://host:6380/1", SSLConnection), ("unix:///run/valkey.sock", UnixDomainSocketConnection)],
)
def test_connections_of_every_scheme_do_so(url: str, kind: type) -> None:
    made = valkey_connection.connect(url).connection_pool.connection_class
    assert issubclass(made, kind)
    assert issubclass(made, valkey_connection._ClosedIsLost)
