"""How many may connect, and how fast: each refusal with its code, and nothing counted for ever."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest
from mqtt5 import ConnAckReasonCode as ConnAck

from gateway import limits as limits_module
from gateway.limits import Doorkeeper, Limits
from pushcore import devices
from pushcore.devices import Facts
from pushcore.models import Workspace
from tests.gateway import mqtt311
from tests.gateway.conftest import Known, RunningGateway
from tests.gateway.pushing import wait_for
from tests.support.raw_device import RawDevice

Start = Callable[[Limits], RunningGateway]


@pytest.fixture
def start(transactional_db: None) -> Iterator[Start]:
    running: list[RunningGateway] = []

    def start(limits: Limits) -> RunningGateway:
        running.append(RunningGateway(limits=limits).start())
        return running[-1]

    yield start
    for gateway in running:
        gateway.stop()


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (Limits(connections=1), ConnAck.SERVER_BUSY),
        (Limits(per_address=1), ConnAck.QUOTA_EXCEEDED),
        (Limits(per_workspace=1), ConnAck.QUOTA_EXCEEDED),
    ],
)
def test_one_too_many_is_told_why_until_there_is_room(
    start: Start, workspace: Workspace, username: str, known: Known, limits: Limits, code: ConnAck
) -> None:
    [(other, secret)] = devices.register([(workspace, Facts())])
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


def test_a_device_that_comes_again_is_not_one_more(start: Start, username: str, known: Known) -> None:
    gateway = start(Limits(per_workspace=1))
    with RawDevice(gateway.mqtt_port) as first, RawDevice(gateway.mqtt_port) as again:
        first.connect(known[0].ad_token, username, known[1])
        assert again.connect(known[0].ad_token, username, known[1]).reason_code == ConnAck.SUCCESS


def test_mqtt_3_1_1_is_told_that_the_server_is_unavailable(start: Start, username: str, known: Known) -> None:
    gateway = start(Limits(connections=1))
    with RawDevice(gateway.mqtt_port) as first:
        first.connect(known[0].ad_token, username, known[1])
        with socket.create_connection(("127.0.0.1", gateway.mqtt_port), timeout=15) as second:
            second.sendall(mqtt311.connect())
            assert second.recv(4) == b"\x20\x02\x00\x03"


def test_far_too_many_are_not_even_listened_to(start: Start) -> None:
    gateway = start(Limits(per_address=2))
    silent = [socket.create_connection(("127.0.0.1", gateway.mqtt_port), timeout=15) for _ in range(4)]
    with socket.create_connection(("127.0.0.1", gateway.mqtt_port), timeout=15) as one_more:
        assert one_more.recv(1) == b""
    for connection in silent:
        connection.close()


def test_an_address_that_comes_too_fast_is_told_so(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits_module, "BURST_SECONDS", 0.0)
    gateway = start(Limits(address_rate=1))
    codes = []
    for _ in range(2):
        with RawDevice(gateway.mqtt_port) as device:
            codes.append(device.connect("stranger", "u", "p").reason_code)
    assert codes == [ConnAck.BAD_USER_NAME_OR_PASSWORD, ConnAck.CONNECTION_RATE_EXCEEDED]


def test_a_burst_is_granted_and_the_rate_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("gateway.limits.time.monotonic", lambda: now)
    keeper = Doorkeeper(Limits(address_rate=2))
    answers = [keeper.verdict("a") for _ in range(20)]
    assert answers.count(None) == 11  # five seconds' worth and the one that comes at its time
    now += 1.0
    assert [keeper.verdict("a") for _ in range(3)].count(None) == 2
    assert keeper.verdict("b") is None


def test_nothing_is_kept_of_those_who_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits_module, "MAX_ADDRESSES", 10)
    keeper = Doorkeeper(Limits(address_rate=1))
    for number in range(100):
        keeper.opened(str(number))
        keeper.verdict(str(number))
        keeper.admitted(number)
        keeper.left(number)
        keeper.closed(str(number))
    assert (keeper._open, keeper._by_address, keeper._by_workspace, len(keeper._due)) == (0, {}, {}, 10)
