"""A device stays connected without hammering the server, and gives up where trying again cannot help."""

from __future__ import annotations

import shutil

from conformance.agent import Agent, AgentError
from conformance.conftest import Backend, Devices
from conformance.fault_proxy import CONNACK, CONNECT, FaultProxy

HOUR = 3600
LONGEST_WAIT = 300


def assert_no_more_attempts(agent: Agent, proxy: FaultProxy) -> None:
    attempts = proxy.attempts
    agent.do("advance", seconds=HOUR)
    assert agent.do("token")
    assert proxy.attempts == attempts


def test_a_device_connects_again_after_each_DISCONNECT_that_time_mends(devices: Devices, proxy: FaultProxy) -> None:
    agent = devices.connected(clock="manual")
    token = agent.do("token")
    for code in (0x81, 0x82, 0x8B, 0x8D, 0x93, 0x95, 0x97):
        proxy.disconnect(code)
        [wait] = agent.connect_again()
        assert wait <= LONGEST_WAIT
    assert agent.do("token") == token


def test_a_device_whose_connection_another_took_over_leaves_it_alone_until_the_app_asks(
    devices: Devices, proxy: FaultProxy
) -> None:
    agent = devices.connected(clock="manual")
    proxy.disconnect(0x8E)
    agent.next_state("replaced")
    assert_no_more_attempts(agent, proxy)
    agent.do("start")
    agent.next_state("connected")


def test_a_device_that_was_removed_registers_as_a_new_one(devices: Devices, proxy: FaultProxy) -> None:
    agent = devices.connected(clock="manual")
    token = agent.do("token")
    proxy.disconnect(0x98)
    agent.connect_again()
    assert agent.do("token") not in (None, token)


def test_a_device_tries_again_after_each_CONNACK_that_time_mends(devices: Devices, proxy: FaultProxy) -> None:
    agent = devices.connected(clock="manual")
    for code in (0x88, 0x89, 0x97, 0x9F):
        proxy.refuse_next(code)
        proxy.cut()
        waits = agent.connect_again()
        assert len(waits) == 2
        assert max(waits) <= LONGEST_WAIT


def test_a_device_gives_up_after_a_CONNACK_that_time_does_not_mend(devices: Devices, proxy: FaultProxy) -> None:
    agent = devices.connected(clock="manual")
    for code in (0x81, 0x84, 0x87):
        proxy.refuse_next(code)
        proxy.cut()
        agent.do("advance", seconds=agent.next_state("waiting")["seconds"])
        agent.next_state("refused")
        assert_no_more_attempts(agent, proxy)
        agent.do("start")
        agent.next_state("connected")


def test_a_device_whose_secret_is_refused_proves_to_be_the_same_one(devices: Devices, proxy: FaultProxy) -> None:
    agent = devices.connected(clock="manual")
    token = agent.do("token")
    proxy.refuse_next(0x86)
    proxy.cut()
    agent.connect_again()
    assert proxy.sent(CONNECT) == 3
    assert agent.do("token") == token


def test_a_device_waits_for_a_minute_for_the_answer_to_its_CONNECT(devices: Devices, proxy: FaultProxy) -> None:
    proxy.hold(CONNACK)
    agent = devices.agent(clock="manual")
    proxy.wait(lambda: proxy.received(CONNACK) == 1, "the CONNACK")
    agent.do("advance", seconds=60)
    assert agent.do("token") is None
    proxy.let_go()
    agent.next_state("connected")
    assert proxy.attempts == 1


def test_a_device_whose_CONNECT_is_never_answered_tries_again(devices: Devices, proxy: FaultProxy) -> None:
    proxy.hold(CONNACK)
    agent = devices.agent(clock="manual")
    proxy.wait(lambda: proxy.received(CONNACK) == 1, "the CONNACK")
    proxy.forward_all()
    agent.do("advance", seconds=120)
    assert len(agent.connect_again()) == 1


def test_an_hour_without_a_network_is_few_attempts_and_loses_nothing(
    devices: Devices, proxy: FaultProxy, backend: Backend
) -> None:
    agent = devices.connected(clock="manual")
    attempts, waits = proxy.attempts, list[float]()
    proxy.disappear()
    pushed = backend.push(agent)
    while sum(waits) < HOUR:
        waits.append(agent.next_state("waiting")["seconds"])
        agent.do("advance", seconds=waits[-1])
    assert max(waits) <= LONGEST_WAIT
    assert len(set(waits)) > len(waits) // 2, "waits are random"
    assert proxy.attempts - attempts < 100
    proxy.reappear()
    agent.connect_again()
    agent.wait_for_message(pushed.msgkey)


def test_waits_grow_until_a_connection_has_lasted_for_a_minute(devices: Devices, proxy: FaultProxy) -> None:
    agent, waits = devices.connected(clock="manual"), list[float]()
    for _ in range(9):
        proxy.cut()
        waits += agent.connect_again()
    assert waits[0] <= 1
    assert max(waits) > 2
    agent.do("advance", seconds=61)  # a clock that adds up random waits may show a little less than a minute after 60
    proxy.cut()
    assert agent.connect_again()[0] <= 1


def test_two_programs_on_one_store_do_not_throw_each_other_off(
    devices: Devices, proxy: FaultProxy, backend: Backend
) -> None:
    first = devices.connected()
    connects = proxy.sent(CONNECT)
    try:
        second = devices.agent()
    except AgentError:
        second = devices.running[-1]  # it says that the store is in use
    pushed = backend.push(first)
    first.wait_for_message(pushed.msgkey)
    assert proxy.sent(CONNECT) == connects
    assert second.messages() == [] or devices.sdk.shares_store
    assert "replaced" not in first.states()
    first.kill()
    second.kill()
    assert devices.connected().do("token") == pushed.target


def test_of_two_copies_of_a_device_one_gives_way(devices: Devices, proxy: FaultProxy) -> None:
    devices.connected(clock="manual").leave()
    kept, restored = devices.folder / "store", devices.folder / "restored"
    if kept.is_dir():
        shutil.copytree(kept, restored)
    else:
        shutil.copy(kept, restored)
    first, second = devices.connected(clock="manual"), devices.connected("restored", clock="manual")
    if first.do("token") == second.do("token"):
        first.next_state("replaced")
    for agent in (first, second):
        assert_no_more_attempts(agent, proxy)
