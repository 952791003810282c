"""A device that unregisters is gone, from the service and from the phone."""

from __future__ import annotations

from conformance.conftest import Devices
from conformance.fault_proxy import FaultProxy
from tests.e2e.database import Database

DEVICES = "SELECT count(*) FROM pushcore_device WHERE ad_token = %s"


def test_an_unregistered_device_has_ended_and_the_next_start_makes_a_new_one(
    devices: Devices, database: Database
) -> None:
    agent = devices.connected()
    token = agent.do("token")
    agent.do("opened", k="1")
    agent.do("unregister")
    assert database.query(DEVICES, token) == [(0,)]
    agent.next_state("stopped")
    assert (agent.do("token"), agent.do("outbox")) == (None, 0)
    agent.do("start")
    agent.next_state("connected")
    assert agent.do("token") not in (None, token)


def test_a_device_unregisters_without_an_mqtt_connection(
    devices: Devices, proxy: FaultProxy, database: Database
) -> None:
    agent = devices.connected()
    token = agent.do("token")
    proxy.disappear()
    agent.next_state("waiting")
    agent.do("unregister")
    assert agent.do("token") is None
    assert database.query(DEVICES, token) == [(0,)]


def test_a_stopped_client_stays_stopped(devices: Devices, proxy: FaultProxy) -> None:
    agent = devices.connected(clock="manual")
    agent.do("stop")
    agent.next_state("stopped")
    attempts = proxy.attempts
    agent.do("advance", seconds=3600)
    assert agent.do("token")
    assert proxy.attempts == attempts
    agent.do("start")
    agent.next_state("connected")
