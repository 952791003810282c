"""Half-open connections, on every listener: nothing arrives from the device, and it takes nothing."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import mqtt5
import psutil
import pytest
from mqtt5 import DisconnectReasonCode

from gateway.cluster import presence
from gateway.transport.listeners import Certificate
from pushcore.storage import valkey
from tests.gateway.conftest import Known, RunningGateway
from tests.gateway.pushing import wait_for
from tests.gateway.test_tls import trusting
from tests.support.certificates import write_certificate
from tests.support.raw_device import open_websocket

GOODBYE = mqtt5.DisconnectPacket(reason_code=DisconnectReasonCode.KEEP_ALIVE_TIMEOUT).write()


@pytest.fixture(params=["plain", "TLS"])
def running(
    request: pytest.FixtureRequest, transactional_db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RunningGateway]:
    monkeypatch.setattr("gateway.transport.consumer.CLOSE_SECONDS", 0.5)
    monkeypatch.setattr("gateway.transport.listeners.TLS_CLOSE_SECONDS", 0.5)
    certificate = Certificate(*write_certificate(tmp_path)) if request.param == "TLS" else None
    running = RunningGateway(certificate=certificate).start()
    yield running
    running.stop()


@pytest.mark.parametrize("transport", ["tcp", "websockets"])
def test_a_silent_device_is_disconnected_after_one_and_a_half_keep_alives(
    running: RunningGateway, tmp_path: Path, username: str, known: Known, transport: str
) -> None:
    port = running.ws_port if transport == "websockets" else running.mqtt_port
    connection = socket.create_connection(("127.0.0.1", port), timeout=15)
    if running.certificate is not None:
        connection = trusting(tmp_path).wrap_socket(connection, server_hostname="localhost")
    connect = mqtt5.ConnectPacket(known[0].ad_token, username=username, password=known[1].encode(), keep_alive=1)
    with connection:
        if transport == "websockets":
            open_websocket(connection, connect)
        else:
            connection.sendall(connect.write())
        assert wait_for(lambda: running.holds(known[0]))
        # It says no more, and takes no part in a close: no answer to a closing frame or to TLS's goodbye.
        heard = b""
        while GOODBYE not in heard:
            more = connection.recv(4096)
            assert more
            heard += more
        assert wait_for(lambda: not presence.nodes_of(valkey.client(), [known[0].id]))
        assert wait_for(lambda: is_let_go(connection))


def is_let_go(connection: socket.socket) -> bool:
    """Whether the gateway, which runs in this process, has closed its end."""
    here = connection.getsockname()
    return all(other.raddr != here for other in psutil.Process().net_connections("tcp"))
