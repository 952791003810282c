"""The pending cursor: up to which message nothing is pending for a device."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from pushcore.delivery import deliverable, outcomes, pending_cursor
from pushcore.devices import bindings, registry, server_requests
from pushcore.devices.info import DeviceInfo
from pushcore.devices.registry import KnownDevice
from pushcore.models import Binding, Device, Message, PushTask, Workspace
from pushcore.storage import ids
from tests.pushcore.conftest import RecordingLane

Send = Callable[..., PushTask]
SECONDS = 20


@pytest.fixture(autouse=True)
def no_margin(monkeypatch: pytest.MonkeyPatch, lane: RecordingLane) -> None:
    """Treat messages just made as old enough, and deliver none."""
    monkeypatch.setattr(pending_cursor, "MARGIN", timedelta(0))


def come_back(known: KnownDevice) -> int:
    """Connect the device; returns its pending cursor."""
    time.sleep(0.002)  # ids tell the millisecond
    pending_cursor.advance_on_connect([known.id])
    device = Device.objects.get(pk=known.id)
    assert device.last_seen_at is not None
    assert timezone.now() - device.last_seen_at < timedelta(minutes=1)
    return device.pending_cursor


def waiting(known: KnownDevice) -> list[int]:
    return [one.message_id for one in deliverable.by_device([known.id], 100).messages.get(known.id, [])]


@pytest.mark.django_db
def test_the_cursor_of_a_returning_device_moves_up_to_its_first_pending_message(send: Send, known: KnownDevice) -> None:
    for number in range(4):
        send({known.ad_token: f"k{number}"}, delivery_type=1)
    first, second, third, fourth = Message.objects.order_by("pk").values_list("pk", flat=True)
    assert come_back(known) == first - 1
    outcomes.record_acknowledged([first, second, fourth])
    assert come_back(known) == third - 1
    assert waiting(known) == [third]
    outcomes.record_acknowledged([third])
    assert come_back(known) > fourth
    assert waiting(known) == []


@pytest.mark.django_db
def test_an_expired_message_does_not_hold_the_cursor(send: Send, known: KnownDevice) -> None:
    send({known.ad_token: "k"}, delivery_type=1)
    Message.objects.update(expire_at=timezone.now() - timedelta(hours=1))
    assert come_back(known) > Message.objects.get().pk


@pytest.mark.django_db
def test_a_message_for_a_user_bound_elsewhere_waits_for_its_return(
    send: Send, workspace: Workspace, known: KnownDevice
) -> None:
    server_requests.bind(workspace, "ann", known.ad_token, 1)
    send({"ann": "k"})
    server_requests.bind(workspace, "bob", known.ad_token, 1)
    come_back(known)
    assert waiting(known) == []
    server_requests.bind(workspace, "ann", known.ad_token, 1)
    assert waiting(known) == [Message.objects.get().pk]


@pytest.mark.django_db
def test_the_cursor_stays_behind_the_last_hour(send: Send, known: KnownDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    """A transaction may commit later than its ids were made."""
    monkeypatch.undo()
    assert come_back(known) < ids.first_id_at(timezone.now() - timedelta(minutes=59))


@pytest.mark.django_db
def test_a_device_gets_a_message_older_than_its_cursor(send: Send, workspace: Workspace, known: KnownDevice) -> None:
    send({"ann": "k"})
    before = Message.objects.get().pk
    assert come_back(known) > before
    server_requests.bind(workspace, "ann", known.ad_token, 1)
    assert Device.objects.get(pk=known.id).pending_cursor == before - 1
    assert waiting(known) == [before]
    # A message that would be read anyway does not move the cursor back.
    send({"eve": "k"})
    unbound = Message.objects.order_by("-pk")[0].pk
    pending_cursor.move_back([(known.id, unbound)])
    assert Device.objects.get(pk=known.id).pending_cursor == before - 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("return_first", [True, False])
def test_a_bind_and_a_return_that_cross_see_each_other(
    send: Send, workspace: Workspace, known: KnownDevice, return_first: bool
) -> None:
    send({"ann": "k"})
    Binding.objects.create(workspace=workspace, device_id=known.id, user_id="ann", bound_at=timezone.now())
    time.sleep(0.002)
    steps: list[Callable[[], Any]] = [
        lambda: pending_cursor.advance_on_connect([known.id]),
        lambda: bindings.attach_waiting(workspace.pk, ["ann"]),
    ]
    first, second = steps if return_first else steps[::-1]

    def do_second() -> None:
        try:
            second()
        finally:
            connection.close()

    other = threading.Thread(target=do_second)
    with transaction.atomic():
        first()
        other.start()
        wait_until_somebody_waits_for_a_lock()
    other.join(SECONDS)
    assert not other.is_alive()
    assert waiting(known) == [Message.objects.get().pk]


def wait_until_somebody_waits_for_a_lock() -> None:
    deadline = time.monotonic() + SECONDS
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            if cursor.fetchone()[0]:
                return
            time.sleep(0.01)
    pytest.fail("nobody waits")


def insert_acknowledged(workspace: Workspace, fleet: list[KnownDevice], each: int) -> list[int]:
    """Insert acknowledged messages in the order of their ids."""
    task = PushTask.objects.create(
        pk=ids.new_ids(1)[0], workspace=workspace, kind="simple", source="rpc", fingerprint=b"", delivery_type=1,
        content={}, expire_at=timezone.now() + timedelta(hours=1), created_at=timezone.now(),
        last_message_id=ids.HIGHEST,
    )  # fmt: skip
    message_ids = ids.new_ids(each * len(fleet))
    Message.objects.bulk_create(
        [
            Message(
                id=message_id, workspace=workspace, task=task, delivery_type=1, target=f"target{number}",
                msgkey=f"key{number}", device_id=fleet[number % len(fleet)].id, expire_at=task.expire_at,
                updated_at=timezone.now(),
            )
            for number, message_id in enumerate(message_ids)
        ],
        batch_size=5_000,
    )  # fmt: skip
    for start in range(0, len(message_ids), 1_000):
        outcomes.record_acknowledged(message_ids[start : start + 1_000])
    return message_ids


@pytest.mark.django_db
def test_a_connect_reads_only_messages_since_the_last_one(workspace: Workspace) -> None:
    fleet = [device for device, _ in registry.register([(workspace, DeviceInfo())] * 200)]
    insert_acknowledged(workspace, fleet, 30)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE pushcore_message")
    connecting = [device.id for device in fleet[:50]]

    def ask() -> None:
        assert deliverable.by_device(connecting, 100).messages == {}

    def settle() -> None:
        pending_cursor.advance_on_connect(connecting)

    assert messages_read(ask) == 50 * 30
    time.sleep(0.002)
    assert messages_read(settle) == 50 * 30
    assert messages_read(settle) == 0
    assert messages_read(ask) == 0


def messages_read(work: Callable[[], None]) -> int:
    """Return how many messages the statements of a function read. They find none, so conditions filtered all out."""
    seen: list[int] = []

    def walk(node: dict[str, Any]) -> None:
        if node.get("Relation Name", "").startswith("pushcore_message"):
            looked_at = round(node.get("Rows Removed by Filter", 0) * node["Actual Loops"])
            assert not looked_at or "device_id" in (node.get("Index Cond") or node["Recheck Cond"]), node
            seen.append(looked_at)
        for below in node.get("Plans", ()):
            walk(below)

    def explain(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "pushcore_message" in sql and not sql.startswith("EXPLAIN"):
            context["cursor"].execute("EXPLAIN (ANALYZE, FORMAT JSON) " + sql, params)
            [(plan,)] = context["cursor"].fetchall()
            walk((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"])
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explain):
        work()
    assert seen
    return sum(seen)


@pytest.mark.django_db
def test_an_outcome_stays_on_its_page_and_writes_to_no_index(workspace: Workspace) -> None:
    fleet = [device for device, _ in registry.register([(workspace, DeviceInfo())] * 10)]
    before = updates_and_hot_updates()
    message_ids = insert_acknowledged(workspace, fleet, 200)
    after = updates_and_hot_updates()
    assert [now - then for now, then in zip(after, before, strict=True)] == [len(message_ids), len(message_ids)]


def updates_and_hot_updates() -> tuple[int, int]:
    """Return updates and HOT updates of messages, with those this connection has not reported yet."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(pg_stat_get_xact_tuples_updated(relid)), sum(pg_stat_get_xact_tuples_hot_updated(relid))"
            " FROM pg_partition_tree('pushcore_message') WHERE isleaf"
        )
        updated, hot = cursor.fetchone()
    return updated, hot
