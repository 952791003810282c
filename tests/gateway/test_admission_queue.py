"""More devices connect than can be admitted at once: none is disconnected for that, and none that left costs work."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import mqtt5
import pytest
from mqtt5 import ConnAckReasonCode

from gateway.cluster import presence
from gateway.cluster.presence import FormerNode
from gateway.node import keep_alive, node
from gateway.node.admission import Admission, Credentials, admit
from gateway.protocol.session import Session
from pushcore.devices import registry
from pushcore.devices.info import DeviceInfo
from pushcore.models import Device, Workspace
from pushcore.storage import valkey
from tests.gateway.conftest import Known, RunningGateway
from tests.gateway.pushing import wait_for
from tests.support.raw_device import RawDevice


class Gate:
    """Admission that waits until it is opened; notes whom it is asked about."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.asked: list[str] = []

    def __call__(self, batch: Sequence[Credentials]) -> list[Admission]:
        self.open.wait(10)
        self.asked += [given.client_id for given in batch]
        return admit(batch)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    gate = Gate()
    monkeypatch.setattr(node, "admit", gate)
    yield gate
    gate.open.set()


@pytest.fixture
def knock(gateway: RunningGateway) -> Iterator[Callable[..., RawDevice]]:
    """Sends a CONNECT and waits for no answer."""
    with contextlib.ExitStack() as stack:

        def knock(client_id: str, username: str, password: str) -> RawDevice:
            device = stack.enter_context(RawDevice(gateway.mqtt_port))
            device.send(mqtt5.ConnectPacket(client_id, username=username, password=password.encode(), keep_alive=60))
            return device

        yield knock


def _fill(gateway: RunningGateway, knock: Callable[..., RawDevice]) -> None:
    """All that work on admissions wait at the gate."""
    assert gateway.node is not None
    for number in range(1, 3):
        knock(f"stranger{number}", "nobody", "x")
        assert wait_for(lambda: len(gateway.node._admission._running) == number)  # type: ignore[union-attr]  # noqa: B023


def test_a_device_that_waits_for_admission_is_not_disconnected_as_silent(
    gateway: RunningGateway, gate: Gate, knock: Callable[..., RawDevice], username: str, known: Known,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(keep_alive, "CONNECT_SECONDS", 0.5)
    device = knock(known[0].ad_token, username, known[1])
    time.sleep(2.5)  # the wheel has been round
    gate.open.set()
    answer = device.recv()
    assert isinstance(answer, mqtt5.ConnAckPacket)
    assert answer.reason_code == ConnAckReasonCode.SUCCESS


def test_a_device_that_left_while_it_waited_for_admission_costs_no_query(
    gateway: RunningGateway, gate: Gate, knock: Callable[..., RawDevice], workspace: Workspace, username: str
) -> None:
    _fill(gateway, knock)
    newcomer, leaver = knock("", username, workspace.client_key), knock("gone", username, "x")
    assert wait_for(lambda: len(gateway.node._admission) == 2)  # type: ignore[union-attr]
    newcomer.socket.close()
    leaver.socket.close()
    time.sleep(0.2)
    [(known, secret)] = registry.register([(workspace, DeviceInfo())])
    stays = knock(known.ad_token, username, secret)
    gate.open.set()
    assert isinstance(stays.recv(), mqtt5.ConnAckPacket)
    assert "gone" not in gate.asked
    assert Device.objects.count() == 1


def test_connects_beyond_the_admission_queue_are_refused_as_busy(
    gateway: RunningGateway, gate: Gate, knock: Callable[..., RawDevice], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node, "MAX_ADMITTING", 1)
    _fill(gateway, knock)
    knock("waits", "nobody", "x")
    assert wait_for(lambda: len(gateway.node._admission) == 1)  # type: ignore[union-attr]
    answer = knock("too many", "nobody", "x").recv()
    assert isinstance(answer, mqtt5.ConnAckPacket)
    assert answer.reason_code == ConnAckReasonCode.SERVER_BUSY


def test_a_device_that_leaves_while_it_is_announced_has_no_presence(
    gateway: RunningGateway, knock: Callable[..., RawDevice], username: str, known: Known
) -> None:
    assert gateway.node is not None
    lease = gateway.node.lease
    announce, begun, gone = lease.presence.announce, threading.Event(), threading.Event()

    async def late(sessions: Sequence[Session]) -> list[FormerNode | None]:
        begun.set()
        while not gone.is_set():
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)  # what its end withdraws is withdrawn by now
        return await announce(sessions)

    lease.presence.announce = late  # type: ignore[method-assign]
    device = knock(known[0].ad_token, username, known[1])
    assert begun.wait(10)
    device.socket.close()
    assert wait_for(lambda: not gateway.node.sessions)  # type: ignore[union-attr]
    gone.set()
    key = presence.presence_key(known[0].id)
    assert wait_for(lambda: not gateway.node._admission._running)  # type: ignore[union-attr]
    assert wait_for(lambda: presence.nodes_of(valkey.client(), [known[0].id]) == {})
    assert presence.PresenceValue.of(valkey.client().get(key)).left_at_ms is not None  # type: ignore[arg-type]


def test_a_fault_in_one_batch_of_connects_refuses_it_and_admits_the_next(
    gateway: RunningGateway, knock: Callable[..., RawDevice], username: str, known: Known,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def fails(batch: Sequence[Credentials]) -> list[Admission]:
        monkeypatch.setattr(node, "admit", admit)
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(node, "admit", fails)
    codes = []
    for _ in range(2):
        answer = knock(known[0].ad_token, username, known[1]).recv()
        assert isinstance(answer, mqtt5.ConnAckPacket)
        codes.append(answer.reason_code)
    assert codes == [ConnAckReasonCode.SERVER_UNAVAILABLE, ConnAckReasonCode.SUCCESS]
