"""What is particular to MQTT over WebSocket; everything else is tested on both transports."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from ipaddress import ip_network
from typing import cast
from unittest.mock import AsyncMock, Mock

import mqtt5
import pytest
import requests
from pytest_django import Settings
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as open_socket
from websockets.typing import Subprotocol

from gateway.transport.consumer import WebSocketTransport
from tests.gateway.conftest import Known, RunningGateway
from tests.gateway.pushing import flood, wait_for
from tests.support.raw_device import open_websocket

MQTT = [Subprotocol("mqtt")]


@pytest.fixture
def url(gateway: RunningGateway) -> str:
    return f"ws://127.0.0.1:{gateway.ws_port}/gateway/mqtt"


@pytest.fixture
def open_device(url: str, gateway: RunningGateway, username: str, known: Known) -> Iterator[ClientConnection]:
    """A WebSocket on which the device has connected."""
    with open_socket(url, subprotocols=MQTT) as device:
        device.send(mqtt5.ConnectPacket(known[0].ad_token, username=username, password=known[1].encode()).write())
        device.recv()
        assert wait_for(lambda: gateway.holds(known[0]))
        yield device


def test_the_websocket_port_serves_no_pages(gateway: RunningGateway) -> None:
    assert requests.get(f"http://127.0.0.1:{gateway.ws_port}/console/", timeout=10).status_code == 404


def test_a_websocket_without_the_subprotocol_is_closed(url: str) -> None:
    with pytest.raises(InvalidStatus):
        open_socket(url)


def test_an_unknown_path_is_refused_without_an_error_in_the_log(url: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InvalidStatus) as refused:
        open_socket(url.replace("/gateway/mqtt", "/other"), subprotocols=MQTT)
    assert refused.value.response.status_code == 403
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("text", [b"text", b"\xff\xff"])
def test_text_frames_are_refused(url: str, text: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    with open_socket(url, subprotocols=MQTT) as device:
        assert device.subprotocol == "mqtt"
        device.send(text, text=True)
        with pytest.raises(ConnectionClosedError) as ended:
            device.recv()
        assert ended.value.rcvd is not None
        assert ended.value.rcvd.code == 1003
    assert capfd.readouterr().err == ""


def test_packets_may_be_split_over_frames(open_device: ClientConnection) -> None:
    pings = mqtt5.PingReqPacket().write() * 2
    for part in (pings[:1], pings[1:3], pings[3:]):
        open_device.send(part)
    answer = b""
    while len(answer) < 4:
        answer += open_device.recv()  # type: ignore[operator]
    assert answer == mqtt5.PingRespPacket().write() * 2


def test_a_websocket_that_does_not_read_is_closed(gateway: RunningGateway, username: str, known: Known) -> None:
    connect = mqtt5.ConnectPacket(known[0].ad_token, username=username, password=known[1].encode())
    with socket.create_connection(("127.0.0.1", gateway.ws_port), timeout=15) as device:
        device.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        open_websocket(device, connect)
        assert wait_for(lambda: gateway.holds(known[0]))
        flood(gateway, known[0])
        assert wait_for(lambda: not gateway.holds(known[0]))


def test_bytes_unsent_to_a_slow_websocket_are_bounded() -> None:
    class SlowSocket:
        unsent_bytes = 0
        transport = Mock()

        def send_binary(self, data: bytes) -> None:
            self.unsent_bytes += len(data)

    slow = SlowSocket()
    wire = WebSocketTransport(AsyncMock(), slow)  # type: ignore[arg-type]
    wire.write(bytes(150_000))
    wire.write(bytes(100_000))
    assert wire.unsent_bytes == 250_000
    assert not slow.transport.abort.called
    wire.write(bytes(20_000))
    assert slow.transport.abort.called
    wire.write(bytes(20_000))
    assert wire.unsent_bytes == 270_000


@pytest.mark.parametrize("gone", ["closing", "lost"])
def test_data_written_to_an_ending_websocket_is_discarded(
    gateway: RunningGateway, open_device: ClientConnection, known: Known, gone: str
) -> None:
    wire = cast(WebSocketTransport, gateway.session_of(known[0])._transport)
    done = threading.Event()

    def write() -> None:
        wire.write(mqtt5.PingRespPacket().write())
        done.set()

    def end() -> None:
        if gone == "closing":
            wire._socket.conn.send_close(1000)
            write()
        else:
            wire._socket.transport.abort()
            asyncio.get_running_loop().call_later(0.2, write)

    gateway.call(end)
    assert done.wait(10)


def test_a_handshake_that_does_not_end_is_closed(gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.transport.websocket.CONNECT_SECONDS", 0.5)
    with socket.create_connection(("127.0.0.1", gateway.ws_port), timeout=15) as connection:
        connection.sendall(b"GET /gateway/mqtt HTTP/1.1\r\nHost: x\r\n")
        assert connection.recv(1) == b""


def test_the_address_behind_a_trusted_proxy_is_the_one_it_names(
    gateway: RunningGateway, username: str, known: Known, settings: Settings
) -> None:
    settings.TRUSTED_PROXIES = [ip_network("127.0.0.0/8")]
    connect = mqtt5.ConnectPacket(known[0].ad_token, username=username, password=known[1].encode())
    with socket.create_connection(("127.0.0.1", gateway.ws_port), timeout=15) as device:
        open_websocket(device, connect, b"X-Forwarded-For: 1.2.3.4, 203.0.113.9\r\n")
        assert wait_for(lambda: gateway.holds(known[0]))
        assert gateway.session_of(known[0]).address == "203.0.113.9"
