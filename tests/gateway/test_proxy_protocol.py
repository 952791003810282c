"""The PROXY protocol: headers of trusted balancers name the client, and are required where it is on."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import mqtt5
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from gateway.management.commands.gateway import proxies_of
from gateway.transport.listeners import Certificate, Proxies
from gateway.transport.proxy_protocol import (
    MAX_HEADER_BYTES,
    SIGNATURE,
    ProxyHeaderError,
    rest_bytes,
    source_address,
    source_address_v1,
)
from tests.gateway.conftest import Known, RunningGateway
from tests.gateway.pushing import wait_for
from tests.gateway.test_tls import trusting
from tests.support.certificates import write_certificate

LOOPBACK = Proxies([ip_network("127.0.0.0/8")])


def header(source: str = "203.0.113.9", *, command: int = 0x21, family: int | None = None, extra: bytes = b"") -> bytes:
    kind = socket.AF_INET6 if ":" in source else socket.AF_INET
    addresses = socket.inet_pton(kind, source) * 2 + (4711).to_bytes(2, "big") * 2 + extra
    said = (0x21 if kind is socket.AF_INET6 else 0x11) if family is None else family
    return SIGNATURE + bytes((command, said)) + len(addresses).to_bytes(2, "big") + addresses


def read(raw: bytes) -> str | None:
    count = rest_bytes(raw[:16])
    assert len(raw) == 16 + count
    return source_address(raw[:16], raw[16:])


def test_a_header_names_the_client() -> None:
    assert read(header()) == "203.0.113.9"
    assert read(header("2001:db8::9")) == "2001:db8::9"
    assert read(header(extra=b"\x04\x00\x03abc")) == "203.0.113.9"
    assert read(header(command=0x20)) is None


@pytest.mark.parametrize(
    "raw",
    [
        b"PROXY TCP4 203.0.113.9 127.0.0.1 1 2\r\n"[:16],
        header(command=0x11),
        header(command=0x22),
        header(family=0x12),
        header(family=0x31),
        header(family=0x21),  # says IPv6 and brings too little
        header(extra=bytes(MAX_HEADER_BYTES)),
    ],
)
def test_another_header_is_refused(raw: bytes) -> None:
    with pytest.raises(ProxyHeaderError):
        read(raw)


def test_a_line_of_version_1_names_the_client() -> None:
    assert source_address_v1(b"PROXY TCP4 203.0.113.9 127.0.0.1 1 2\r\n") == "203.0.113.9"
    assert source_address_v1(b"PROXY TCP6 2001:db8::9 ::1 1 2\r\n") == "2001:db8::9"
    assert source_address_v1(b"PROXY UNKNOWN\r\n") is None


@pytest.mark.parametrize(
    "line",
    [
        b"PROXY \r\n",
        b"PROXY TCP4 203.0.113.9\r\n",
        b"PROXY TCP4 2001:db8::9 ::1 1 2\r\n",
        b"PROXY TCP4 \xff 127.0.0.1 1 2\r\n",
        b"PROXY UDP4 203.0.113.9 127.0.0.1 1 2\r\n",
    ],
)
def test_another_line_is_refused(line: bytes) -> None:
    with pytest.raises(ProxyHeaderError):
        source_address_v1(line)


@given(rest=st.binary(max_size=60), kinds=st.tuples(st.integers(0, 255), st.integers(0, 255)))
def test_no_header_raises_anything_else(rest: bytes, kinds: tuple[int, int]) -> None:
    fixed = SIGNATURE + bytes(kinds) + len(rest).to_bytes(2, "big")
    try:
        rest_bytes(fixed)
        source_address(fixed, rest)
    except ProxyHeaderError:
        pass


@pytest.fixture
def behind(transactional_db: None) -> Iterator[RunningGateway]:
    running = RunningGateway(proxies=LOOPBACK).start()
    yield running
    running.stop()


def connect_packet(username: str, known: Known) -> bytes:
    return mqtt5.ConnectPacket(known[0].ad_token, username=username, password=known[1].encode()).write()


def test_the_clients_address_survives_the_balancer(behind: RunningGateway, username: str, known: Known) -> None:
    whole = header("2001:db8::9") + connect_packet(username, known)
    with socket.create_connection(("127.0.0.1", behind.mqtt_port), timeout=15) as connection:
        for start in range(0, len(whole), 7):  # it comes in any pieces
            connection.sendall(whole[start : start + 7])
        assert connection.recv(100).startswith(b"\x20")
        assert behind.session_of(known[0]).address == "2001:db8::9"


@pytest.mark.parametrize(
    ("line", "address"),
    [(b"PROXY TCP4 203.0.113.9 127.0.0.1 1 2\r\n", "203.0.113.9"), (b"PROXY UNKNOWN\r\n", "127.0.0.1")],
)
def test_version_1_is_read_to_its_end_and_no_further(
    behind: RunningGateway, username: str, known: Known, line: bytes, address: str
) -> None:
    with socket.create_connection(("127.0.0.1", behind.mqtt_port), timeout=15) as connection:
        connection.sendall(line + connect_packet(username, known))
        assert connection.recv(100).startswith(b"\x20")
        assert behind.session_of(known[0]).address == address


def test_the_clients_address_survives_the_balancer_on_a_websocket(
    behind: RunningGateway, username: str, known: Known
) -> None:
    packet = connect_packet(username, known)
    with socket.create_connection(("127.0.0.1", behind.ws_port), timeout=15) as connection:
        connection.sendall(
            header() + b"GET /gateway/mqtt HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Protocol: mqtt\r\n\r\n"
        )
        assert connection.recv(4096).startswith(b"HTTP/1.1 101")
        connection.sendall(b"\x82\xfe" + len(packet).to_bytes(2, "big") + bytes(4) + packet)
        assert wait_for(lambda: behind.holds(known[0]))
        assert behind.session_of(known[0]).address == "203.0.113.9"


def test_the_header_comes_before_the_tls_handshake(
    transactional_db: None, tmp_path: Path, username: str, known: Known
) -> None:
    running = RunningGateway(certificate=Certificate(*write_certificate(tmp_path)), proxies=LOOPBACK).start()
    try:
        raw = socket.create_connection(("127.0.0.1", running.mqtt_port), timeout=15)
        raw.sendall(header())
        with trusting(tmp_path).wrap_socket(raw, server_hostname="localhost") as device:
            device.sendall(connect_packet(username, known))
            assert device.recv(100).startswith(b"\x20")
            assert running.session_of(known[0]).address == "203.0.113.9"
    finally:
        running.stop()


@pytest.mark.parametrize(
    "sent", [b"\x10\x20" + bytes(30), header(command=0x33), b"PROXY " + bytes(200), b"GET / HTTP/1.1\r\n\r\n"]
)
def test_a_connection_without_the_header_is_closed(behind: RunningGateway, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", behind.mqtt_port), timeout=15) as connection:
        connection.sendall(sent)
        assert _closed(connection)


def test_a_header_from_an_untrusted_balancer_is_refused(transactional_db: None) -> None:
    running = RunningGateway(proxies=Proxies([ip_network("10.0.0.0/8")])).start()
    try:
        with socket.create_connection(("127.0.0.1", running.mqtt_port), timeout=15) as connection:
            assert _closed(connection)
    finally:
        running.stop()


def test_slow_handshakes_do_not_block_other_connections(
    transactional_db: None, tmp_path: Path, username: str, known: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.transport.listeners.MAX_HEADERS_READ", 2)
    running = RunningGateway(certificate=Certificate(*write_certificate(tmp_path)), proxies=LOOPBACK).start()
    try:
        slow = [socket.create_connection(("127.0.0.1", running.mqtt_port), timeout=5) for _ in range(4)]
        for connection in slow:
            connection.sendall(header())
        raw = socket.create_connection(("127.0.0.1", running.mqtt_port), timeout=5)
        raw.sendall(header())
        with trusting(tmp_path).wrap_socket(raw, server_hostname="localhost") as device:
            device.sendall(connect_packet(username, known))
            assert device.recv(100).startswith(b"\x20")
        for connection in slow:
            connection.close()
    finally:
        running.stop()


def test_many_refusals_are_logged_in_one_line(behind: RunningGateway, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", behind.mqtt_port), timeout=15) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert _closed(connection)
    assert [record.levelname for record in caplog.records if "PROXY" in record.getMessage()] == ["WARNING"]


@pytest.mark.parametrize(("wanted", "doors"), [("none", []), ("mqtt", ["mqtt"]), ("all", ["mqtt", "websocket"])])
def test_the_proxy_protocol_is_switched_on_by_transport(settings: Settings, wanted: str, doors: list[str]) -> None:
    settings.PROXY_PROTOCOL = wanted
    assert [door for door in ("mqtt", "websocket") if proxies_of(door)] == doors


def _closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True
