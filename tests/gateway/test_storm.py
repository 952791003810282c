"""Twenty thousand devices connect at once: queries in batches, not one each, and a node that keeps up."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from gateway.cluster import presence
from gateway.protocol import packets
from pushcore.devices import registry
from pushcore.devices.info import DeviceInfo
from pushcore.models import Message, PushTask, Workspace
from pushcore.storage import ids, valkey
from tests.gateway import mqtt311
from tests.gateway.conftest import RunningGateway
from tests.gateway.pushing import wait_for

CONNACK = 2
DEVICES = 20_000
# Connects and pending messages are asked for by 500: a handful of statements for each, were all of one size.
STATEMENTS = 600


class FakeTransport:
    """A device's end: counts what it is sent."""

    def __init__(self, sent: Counter[int]) -> None:
        self._sent = sent

    @property
    def writer(self) -> FakeTransport:
        return self

    def write(self, data: bytes) -> None:
        self._sent[data[0] >> 4] += 1

    write_coalesced = write

    def close(self) -> None:
        self._sent[-1] += 1

    def pause_reading(self) -> None:
        pass

    resume_reading = pause_reading

    @property
    def unsent_bytes(self) -> int:
        return 0


def _fleet(workspace: Workspace) -> list[tuple[int, bytes]]:
    """Devices with a message each: their ids and CONNECT packets."""
    made = []
    for _ in range(0, DEVICES, 2000):
        made += registry.register([(workspace, DeviceInfo())] * 2000)
    task = PushTask.objects.create(
        pk=ids.new_ids(1)[0], workspace=workspace, kind=PushTask.Kind.SIMPLE, delivery_type=1, fingerprint=b"",
        source=PushTask.Source.RPC, content={"title": "t", "content": "c", "url": ""}, created_at=timezone.now(),
        expire_at=timezone.now() + timedelta(hours=1), message_count=DEVICES,
        last_message_id=ids.HIGHEST,
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO pushcore_message (id, workspace_id, task_id, delivery_type, target, msgkey, device_id, status,"
            " channel, expire_at, updated_at) SELECT pushcore_new_ids(1), workspace_id, %s, 1, ad_token, id::text, id,"
            " 0, 0, %s, now() FROM pushcore_device WHERE id = ANY(%s)",
            [task.pk, task.expire_at, [device.id for device, _ in made]],
        )
    return [(device.id, mqtt311.connect(device.ad_token, device.username, secret.encode())) for device, secret in made]


def test_twenty_thousand_devices_that_connect_at_once_are_served_in_batches(
    gateway: RunningGateway, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet = _fleet(workspace)
    statements: Counter[str] = Counter()
    execute, lock = CursorWrapper.execute, threading.Lock()

    def counted(cursor: Any, sql: str, *arguments: Any) -> Any:
        with lock:
            statements[threading.current_thread().name.partition("_")[0]] += 1
        return execute(cursor, sql, *arguments)

    monkeypatch.setattr(CursorWrapper, "execute", counted)
    sent: Counter[int] = Counter()
    node = gateway.node
    assert node is not None

    def storm() -> None:
        for _, connect in fleet:
            node.new_session(FakeTransport(sent), "127.0.0.1").feed(connect)

    gateway.call(storm)
    alive = []

    def all_served() -> bool:
        alive.append(len(presence.live_nodes(valkey.client())))
        return sent[packets.PUBLISH] == DEVICES

    assert wait_for(all_served, 60)
    assert set(alive) == {1}
    assert sent[CONNACK] == DEVICES
    assert sent[-1] == 0
    assert 0 < statements["gateway-batch"] < STATEMENTS
    assert presence.online([fleet[0][0], fleet[-1][0]]) == {fleet[0][0], fleet[-1][0]}
    assert Message.objects.filter(workspace=workspace, status=0).count() == DEVICES
