"""Every message reaches the handler, and none of them twice."""

from __future__ import annotations

import time

from conformance.conftest import Backend, Devices
from conformance.fault_proxy import PUBACK, PUBLISH, FaultProxy
from tests.e2e.database import Database

DAY = 86_400


def test_a_message_is_acknowledged_only_after_its_handler_returned(
    devices: Devices, backend: Backend, proxy: FaultProxy, database: Database
) -> None:
    agent = devices.connected()
    agent.do("handler", mode="hold")
    pushed = backend.push(agent)
    agent.wait_for_message(pushed.msgkey)
    assert proxy.sent(PUBACK) == 0
    agent.do("release")
    assert database.wait_for_status(pushed.task, 2)


def test_a_device_killed_between_store_and_acknowledgement_shows_the_message_once(
    devices: Devices, backend: Backend, proxy: FaultProxy, database: Database
) -> None:
    killed = devices.connected()
    proxy.swallow(PUBACK)
    first = backend.push(killed)
    killed.wait_for_message(first.msgkey)
    proxy.wait(lambda: proxy.sent(PUBACK) == 1, "the PUBACK")
    killed.kill()
    proxy.forward_all()
    agent = devices.connected()
    second = backend.push(agent)
    agent.wait_for_message(second.msgkey)
    assert agent.msgkeys() == [second.msgkey]
    assert database.wait_for_status(first.task, 2)


def test_a_device_killed_while_its_handler_runs_gets_the_message_again(
    devices: Devices, backend: Backend, database: Database
) -> None:
    killed = devices.connected()
    killed.do("handler", mode="hold")
    pushed = backend.push(killed)
    killed.wait_for_message(pushed.msgkey)
    killed.kill()
    agent = devices.connected()
    assert agent.wait_for_message(pushed.msgkey)["repeat"]
    assert database.wait_for_status(pushed.task, 2)


def test_a_message_whose_handler_failed_comes_again(
    devices: Devices, backend: Backend, proxy: FaultProxy, database: Database
) -> None:
    agent = devices.connected()
    agent.do("handler", mode="fail")
    pushed = backend.push(agent)
    agent.wait_for_message(pushed.msgkey)
    agent.do("handler", mode="accept")
    seen = len(agent.events)
    assert database.statuses(pushed.task) != [2]
    proxy.cut()
    agent.wait_for("message", after=seen)
    assert database.wait_for_status(pushed.task, 2)


def test_a_message_that_came_by_a_vendor_and_the_connection_is_shown_once(devices: Devices, backend: Backend) -> None:
    agent = devices.connected()
    agent.do("handler", mode="hold")
    first, second = backend.push(agent), backend.push(agent)
    agent.wait_for_message(first.msgkey)
    # Vendors that take many devices in one call give all of them the task as the key.
    assert not agent.do("vendor", data={"k": first.task, "taskId": first.task}), "its handler runs"
    assert agent.do("vendor", data={"k": second.task, "taskId": second.task})
    assert not agent.do("vendor", data={"k": second.task, "taskId": second.task})
    agent.do("release")
    third = backend.push(agent)
    agent.wait_for_message(third.msgkey)
    assert agent.msgkeys() == [first.msgkey, third.msgkey]
    assert not agent.do("vendor", data={"k": first.task, "taskId": first.task})


def test_a_revoked_message_is_taken_back_and_one_that_waits_is_not_shown(
    devices: Devices, backend: Backend, proxy: FaultProxy
) -> None:
    agent = devices.connected()
    agent.do("handler", mode="hold")
    shown, waiting = backend.push(agent), backend.push(agent)
    key = agent.wait_for_message(shown.msgkey)["k"]
    proxy.wait(lambda: proxy.received(PUBLISH) == 2, "both messages")
    backend.revoke(shown)
    backend.revoke(waiting)
    proxy.wait(lambda: proxy.received(PUBLISH) == 4, "both revocations")
    agent.do("withdraw")  # its answer comes after them
    agent.do("release")
    agent.wait_for("revoked", k=key)
    last = backend.push(agent)
    agent.wait_for_message(last.msgkey)
    assert agent.msgkeys() == [shown.msgkey, last.msgkey]


def test_a_message_that_expires_while_it_waits_is_not_shown(
    devices: Devices, backend: Backend, proxy: FaultProxy
) -> None:
    agent = devices.connected(clock="manual")
    agent.do("handler", mode="hold")
    shown = backend.push(agent)
    backend.push(agent, seconds=180)
    agent.wait_for_message(shown.msgkey)
    proxy.wait(lambda: proxy.received(PUBLISH) == 2, "both messages")
    agent.do("withdraw")  # its answer comes after them
    agent.do("advance", seconds=181)
    agent.do("release")
    last = backend.push(agent)
    agent.wait_for_message(last.msgkey)
    assert agent.msgkeys() == [shown.msgkey, last.msgkey]


def test_a_clock_that_is_wrong_by_a_day_loses_and_repeats_nothing(
    devices: Devices, backend: Backend, proxy: FaultProxy, database: Database
) -> None:
    for name, error in (("slow", -DAY), ("fast", DAY)):
        wrong = devices.connected(name, clock="manual", now=time.time() + error)
        acknowledged = proxy.sent(PUBACK)
        proxy.swallow(PUBACK)
        first = backend.push(wrong)
        key = wrong.wait_for_message(first.msgkey)["k"]
        proxy.wait(lambda sent=acknowledged: proxy.sent(PUBACK) == sent + 1, "the PUBACK")  # type: ignore[misc]
        wrong.do("opened", k=key)
        wrong.kill()
        proxy.forward_all()
        agent = devices.connected(name)
        second = backend.push(agent)
        agent.wait_for_message(second.msgkey)
        assert agent.msgkeys() == [second.msgkey]
        assert database.wait_for_status(first.task, 2)
