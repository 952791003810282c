"""Limits of connections and of their rate: each refusal with its code, and no count kept for ever."""

from __future__ import annotations

import resource
import socket
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import mqtt5
import pytest
from mqtt5 import ConnAckReasonCode as ConnAck
from pytest_django import Settings

from gateway.management.commands.gateway import raise_file_limit
from gateway.node import limits as limits_module
from gateway.node.limits import ConnectionLimiter, Limits, PendingConnection
from gateway.node.throttle import FREE_FAILURES, FailureThrottle
from gateway.transport.listeners import Certificate, Proxies
from pushcore.devices import registry
from pushcore.devices.info import DeviceInfo
from pushcore.devices.registry import KnownDevice
from pushcore.models import Workspace
from tests.gateway import mqtt311
from tests.gateway.conftest import Known, RunningGateway
from tests.gateway.pushing import wait_for
from tests.support.certificates import write_certificate
from tests.support.raw_device import RawDevice, open_websocket

Start = Callable[..., RunningGateway]


@pytest.fixture
def start(transactional_db: None) -> Iterator[Start]:
    running: list[RunningGateway] = []

    def start(limits: Limits, **options: Any) -> RunningGateway:
        running.append(RunningGateway(limits=limits, **options).start())
        return running[-1]

    yield start
    for gateway in running:
        gateway.stop()


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (Limits(connections=1), ConnAck.SERVER_BUSY),
        (Limits(per_address=1), ConnAck.QUOTA_EXCEEDED),
        (Limits(per_app=1), ConnAck.QUOTA_EXCEEDED),
        (Limits(per_workspace=1), ConnAck.QUOTA_EXCEEDED),
    ],
)
def test_a_connection_over_a_limit_is_refused_with_the_reason_until_another_ends(
    start: Start, workspace: Workspace, username: str, known: Known, limits: Limits, code: ConnAck
) -> None:
    [(other, secret)] = registry.register([(workspace, DeviceInfo())])
    gateway = start(limits)
    with RawDevice(gateway.mqtt_port) as first:
        assert first.connect(known[0].ad_token, username, known[1]).reason_code == ConnAck.SUCCESS
        # Opened only now: a connection takes its place before its CONNECT.
        with RawDevice(gateway.mqtt_port) as second:
            assert second.connect(other.ad_token, username, secret).reason_code == code
            assert second.recv() is None

    def is_let_in() -> bool:
        with RawDevice(gateway.mqtt_port) as second:
            return second.connect(other.ad_token, username, secret).reason_code == ConnAck.SUCCESS

    assert wait_for(is_let_in)


def test_a_device_that_connects_again_is_counted_once(start: Start, username: str, known: Known) -> None:
    gateway = start(Limits(per_workspace=1))
    with RawDevice(gateway.mqtt_port) as first, RawDevice(gateway.mqtt_port) as again:
        first.connect(known[0].ad_token, username, known[1])
        assert again.connect(known[0].ad_token, username, known[1]).reason_code == ConnAck.SUCCESS


def test_mqtt_3_1_1_clients_over_a_limit_are_refused_as_server_unavailable(
    start: Start, username: str, known: Known
) -> None:
    gateway = start(Limits(connections=1))
    with RawDevice(gateway.mqtt_port) as first:
        first.connect(known[0].ad_token, username, known[1])
        with socket.create_connection(("127.0.0.1", gateway.mqtt_port), timeout=15) as second:
            second.sendall(mqtt311.connect())
            assert second.recv(4) == b"\x20\x02\x00\x03"


def test_an_apps_workspaces_share_its_limit(start: Start, workspace: Workspace, username: str, known: Known) -> None:
    other = Workspace.objects.create(app=workspace.app, workspace_id="other")
    [(device, secret)] = registry.register([(other, DeviceInfo())])
    gateway = start(Limits(per_app=1))
    with RawDevice(gateway.mqtt_port) as first, RawDevice(gateway.mqtt_port) as second:
        assert first.connect(known[0].ad_token, username, known[1]).reason_code == ConnAck.SUCCESS
        assert second.connect(device.ad_token, device.username, secret).reason_code == ConnAck.QUOTA_EXCEEDED


@pytest.mark.parametrize("transport", ["tcp", "websockets"])
@pytest.mark.parametrize("before", ["nothing", "TLS", "PROXY"])
def test_connections_far_over_a_limit_are_closed_unread(
    start: Start, tmp_path: Path, transport: str, before: str
) -> None:
    """Silent ones: in their TLS handshake, their PROXY header, the HTTP of a WebSocket, or before their CONNECT."""
    gateway = start(
        # Behind a balancer an address is known only when the header has been read.
        Limits(connections=1) if before == "PROXY" else Limits(per_address=2),
        certificate=Certificate(*write_certificate(tmp_path)) if before == "TLS" else None,
        proxies=Proxies([ip_network("127.0.0.0/8")]) if before == "PROXY" else None,
    )
    port = gateway.ws_port if transport == "websockets" else gateway.mqtt_port
    silent = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(17 if before == "PROXY" else 4)]

    def is_closed() -> bool:
        with socket.create_connection(("127.0.0.1", port), timeout=0.5) as one_more:
            try:
                return one_more.recv(1) == b""
            except ConnectionResetError:
                return True
            except TimeoutError:
                return False

    assert wait_for(is_closed)
    for connection in silent:
        connection.close()
    assert wait_for(lambda: not is_closed())


def test_behind_a_proxy_that_speaks_http_its_devices_count_by_their_own_addresses(
    start: Start, username: str, known: Known, settings: Settings
) -> None:
    settings.TRUSTED_PROXIES = [ip_network("127.0.0.0/8")]
    gateway = start(Limits(per_address=1))
    silent = [socket.create_connection(("127.0.0.1", gateway.ws_port), timeout=5) for _ in range(4)]
    connect = mqtt5.ConnectPacket(known[0].ad_token, username=username, password=known[1].encode())
    with socket.create_connection(("127.0.0.1", gateway.ws_port), timeout=15) as device:
        open_websocket(device, connect, b"X-Forwarded-For: 203.0.113.9\r\n")
        assert wait_for(lambda: gateway.holds(known[0]))
    for connection in silent:
        connection.close()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("::ffff:203.0.113.9", "203.0.113.9", True),
        ("::ffff:203.0.113.9", "::ffff:203.0.113.8", False),
        ("203.0.113.9", "203.0.113.8", False),
    ],
)
def test_what_counts_as_one_address(one: str, other: str, same: bool) -> None:
    keeper, throttle = ConnectionLimiter(Limits(per_address=1)), FailureThrottle()
    keeper.opened(one)
    keeper.opened(other)
    assert (keeper.refusal_of(one) is ConnAck.QUOTA_EXCEEDED) is same
    for _ in range(FREE_FAILURES):
        throttle.failed(one)
    assert (throttle.failed(other) > 0) is same


def test_an_address_that_connects_too_fast_is_refused_with_the_reason(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits_module, "BURST_SECONDS", 0.0)
    gateway = start(Limits(address_rate=1))
    codes = []
    for _ in range(2):
        with RawDevice(gateway.mqtt_port) as device:
            codes.append(device.connect("stranger", "u", "p").reason_code)
    assert codes == [ConnAck.BAD_USER_NAME_OR_PASSWORD, ConnAck.CONNECTION_RATE_EXCEEDED]


def test_a_burst_is_granted_and_the_rate_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("gateway.node.limits.time.monotonic", lambda: now)
    keeper = ConnectionLimiter(Limits(address_rate=2))
    answers = [keeper.refusal_of("a") for _ in range(20)]
    assert answers.count(None) == 11  # five seconds' worth and the one that comes at its time
    now += 1.0
    assert [keeper.refusal_of("a") for _ in range(3)].count(None) == 2
    assert keeper.refusal_of("b") is None


def test_a_gateway_raises_its_limit_of_open_files() -> None:
    before, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard - 1, hard))
        raise_file_limit()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before, hard))


def test_counts_of_closed_connections_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits_module, "MAX_ADDRESSES", 10)
    keeper = ConnectionLimiter(Limits(address_rate=1))
    for number in range(100):
        device = KnownDevice(number, number, number, "", "", "", True)
        pending = PendingConnection(keeper, str(number))
        pending.ended()
        pending.ended()
        keeper.opened(str(number))
        keeper.refusal_of(str(number))
        keeper.admitted(device)
        keeper.session_ended(device)
        keeper.closed(str(number))
    kept = (keeper._open, keeper._by_network, keeper._by_app, keeper._by_workspace, len(keeper._next_due))
    assert kept == (0, {}, {}, {}, 10)
