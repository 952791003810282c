"""The log of a device's connections: what is kept while somebody looks, and that nothing is otherwise."""

from __future__ import annotations

import asyncio
import json

import mqtt5
import pytest
import requests
from mqtt5 import QoS

from gateway.cluster import connection_log as log
from pushcore.devices import registry
from pushcore.devices.info import DeviceInfo
from pushcore.models import Workspace
from pushcore.storage.valkey import client
from tests.gateway.conftest import Known, RunningGateway
from tests.support.raw_device import RawDevice


def beat(gateway: RunningGateway) -> None:
    """Exchange with Valkey, as the node does with each heartbeat."""
    assert gateway.node is not None
    assert gateway._loop is not None
    lease = gateway.node.lease
    asyncio.run_coroutine_threadsafe(lease.connection_log.exchange(lease._client), gateway._loop).result(10)


def kept(ad_token: str) -> list[tuple[str, str, str]]:
    """What is kept of a device, the oldest first."""
    return [(entry.what, entry.code, entry.detail) for entry in reversed(log.entries_of(ad_token))]


def use(gateway: RunningGateway, username: str, known: Known) -> None:
    """Be refused, connect, ask twice, publish elsewhere, and be taken over."""
    device, secret = known
    with RawDevice(gateway.mqtt_port) as refused:
        assert refused.connect(device.ad_token, username, "wrong").reason_code == 0x86
    with RawDevice(gateway.mqtt_port) as first, RawDevice(gateway.mqtt_port) as second:
        first.connect(device.ad_token, username, secret)
        for body in (b'{"model": "M2"}', b"{}"):
            first.send(mqtt5.PublishPacket("mps/report", body))
            first.next_publish()
        first.send(mqtt5.PublishPacket("mps/elsewhere", b"{}", qos=QoS.AT_LEAST_ONCE, packet_id=1))
        first.recv()
        second.connect(device.ad_token, username, secret)
        assert isinstance(first.recv(), mqtt5.DisconnectPacket)


def test_what_happens_to_a_watched_device_is_kept_with_its_reasons(
    gateway: RunningGateway, username: str, known: Known
) -> None:
    device, _ = known
    log.watch(device.ad_token)
    assert 590 < log.seconds_left(device.ad_token) <= 600
    beat(gateway)
    use(gateway, username, known)
    beat(gateway)
    happened = [(what, code) for what, code, _ in kept(device.ad_token)]
    assert happened[:7] == [
        (log.REFUSED, "0x86"), (log.CONNECTED, ""), (log.REQUEST, "100"), (log.REQUEST, "3001"),
        (log.PUBLISH_REFUSED, ""), (log.ENDED, "0x8E"), (log.CONNECTED, ""),
    ]  # fmt: skip
    details = [detail for _, _, detail in kept(device.ad_token)]
    assert details[3].startswith("mps/report: ")
    assert details[4] == "foreign_topic"
    assert known[1] not in json.dumps(details)


def test_nothing_is_kept_of_a_device_that_nobody_watches(gateway: RunningGateway, username: str, known: Known) -> None:
    beat(gateway)
    use(gateway, username, known)
    beat(gateway)
    assert client().keys(f"{log.WATCHED}*") == []


@pytest.mark.django_db(transaction=True)
def test_requests_over_http_are_kept_too(
    live_server: object, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "_watched_here", log._WatchedHere())
    [(device, secret)] = registry.register([(workspace, DeviceInfo())])
    log.watch(device.ad_token)
    for password, status in ((secret, 200), ("wrong", 401)):
        answer = requests.post(f"{live_server}/device/v1/bind", "{}", auth=(device.ad_token, password), timeout=10)
        assert answer.status_code == status
    assert [(what, code) for what, code, _ in kept(device.ad_token)] == [(log.REQUEST, "3012"), (log.REQUEST, "401")]


def test_the_log_is_bounded_and_ends(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "MAX_ENTRIES", 3)
    monkeypatch.setattr(log, "MAX_WATCHED", 2)
    monkeypatch.setattr(log, "_watched_here", log._WatchedHere())
    log.watch("a")
    log.watch("b")
    log.watch("a")  # again: it is one of the two
    with pytest.raises(log.TooManyWatchedError):
        log.watch("c")
    for number in range(5):
        log.note_http_request("a", str(number), "x" * 1000)
    assert [(code, len(detail)) for _, code, detail in kept("a")] == [("2", 200), ("3", 200), ("4", 200)]
    assert client().ttl(f"{log.WATCHED}:a") > 0
    client().zadd(log.WATCHED, {"a": 0})
    assert log.seconds_left("a") == 0
    log.watch("c")
