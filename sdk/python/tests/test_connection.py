"""A connection's socket."""

from __future__ import annotations

import socket

import pytest

from mps_device import Config
from mps_device.connection import UNSENT_MILLISECONDS, Connection


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="this system has no TCP_USER_TIMEOUT")
def test_a_link_that_takes_nothing_is_ended_by_the_system_before_another_keep_alive() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"mqtt://127.0.0.1:{server.getsockname()[1]}"
        connection = Connection(Config(endpoint=url, app_id="a", workspace_id="w", client_key="the-key"))
        connection.open(None, [])
        timeout = connection.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        connection.close()
    assert timeout == UNSENT_MILLISECONDS
