"""A phone is one device, whatever happens while it registers."""

from __future__ import annotations

from collections.abc import Callable

from conformance.conftest import Backend, Devices
from conformance.fault_proxy import CONNACK, FaultProxy
from tests.e2e.database import Database


def test_nothing_happens_without_the_users_consent(devices: Devices, proxy: FaultProxy) -> None:
    agent = devices.agent(start=False)
    assert agent.do("token") is None
    assert proxy.attempts == 0


def test_a_device_registers_and_receives(devices: Devices, backend: Backend, database: Database) -> None:
    agent = devices.connected()
    pushed = backend.push(agent)
    assert agent.wait_for_message(pushed.msgkey)["bData"]["title"] == "Python test"
    assert database.wait_for_status(pushed.task, 2)


def test_a_device_whose_first_CONNACK_was_lost_is_not_registered_twice(
    devices: Devices, proxy: FaultProxy, count_devices: Callable[[], int]
) -> None:
    before = count_devices()
    proxy.hold(CONNACK)
    agent = devices.agent()
    proxy.wait(lambda: proxy.received(CONNACK) == 1, "the CONNACK")
    proxy.forward_all()
    proxy.cut()
    agent.next_state("connected")
    assert count_devices() == before + 1


def test_a_device_killed_before_its_first_CONNACK_is_not_registered_twice(
    devices: Devices, proxy: FaultProxy, count_devices: Callable[[], int]
) -> None:
    before = count_devices()
    proxy.hold(CONNACK)
    killed = devices.agent()
    proxy.wait(lambda: proxy.received(CONNACK) == 1, "the CONNACK")
    killed.kill()
    proxy.forward_all()
    devices.connected()
    assert count_devices() == before + 1


def test_a_device_stays_the_same_when_its_connection_was_cut_and_its_program_restarted(
    devices: Devices, proxy: FaultProxy, count_devices: Callable[[], int]
) -> None:
    before = count_devices()
    agent = devices.connected()
    token = agent.do("token")
    proxy.cut()
    agent.next_state("connected")
    agent.do("stop")
    agent.leave()
    again = devices.connected()
    assert again.do("token") == token
    assert count_devices() == before + 1
