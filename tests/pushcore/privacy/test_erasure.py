"""All that is kept of a user is erased, and nothing else; what is counted stays counted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from analytics import queries, rollups
from pushcore.audience import aliases, profiles
from pushcore.audience.changes import NamesChange, ProfileChange
from pushcore.codes import statuses
from pushcore.delivery import outcomes
from pushcore.devices import bindings, registry
from pushcore.devices.info import DeviceInfo
from pushcore.devices.state import TargetType
from pushcore.models import (
    Device,
    Erasure,
    FileFault,
    FileImport,
    Message,
    MessageCategory,
    Occurrence,
    PushTask,
    Receipt,
    WebhookDelivery,
    WebhookEndpoint,
    Workspace,
)
from pushcore.ports import DeviceEvent, Outcome, event_sinks
from pushcore.privacy import erasure, export
from pushcore.push import templates
from pushcore.push.requests import MultiplePush, SimplePush, TargetMessage
from pushcore.push.templates import TemplateDraft
from pushcore.schedules import service
from pushcore.storage import ids
from pushcore.webhooks import endpoints, event_types
from tests.pushcore.conftest import RecordingLane
from tests.pushcore.schedules.samples import soon
from tests.support.threads import at_once

Send = Callable[..., PushTask]
RPC: dict[str, Any] = {"source": PushTask.Source.RPC, "author": "test"}
# No other text holds them.
ANN, ALIAS, PHONE, SECRET = "ann-4711", "ann-4711@example.org", "+4712345678", "only for her"


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasure, "wake_task", lambda _: None)


@pytest.fixture
def phone(workspace: Workspace) -> Device:
    """Ann's device."""
    [(known, _)] = registry.register([(workspace, DeviceInfo())])
    device = Device.objects.get(pk=known.id)
    bindings.bind(device, ANN)
    bindings.keep_phone_number(device, ANN, PHONE)
    return device


@pytest.fixture
def ann(workspace: Workspace, phone: Device, lane: RecordingLane, send: Send) -> Workspace:
    """A workspace with all that can be kept of a user, and a neighbour, bob, in each place."""
    Workspace.objects.filter(pk=workspace.pk).update(callback_enabled=True, callback_url="https://backend.example.org/")
    workspace.refresh_from_db()
    endpoint = WebhookEndpoint(workspace=workspace, url="https://backend.example.org/")
    endpoint.event_types = list(event_types.NAMES)
    endpoints.create(endpoint)
    aliases.change(workspace, {ALIAS: ANN, "bob@example.org": "bob"})
    workspace.refresh_from_db()
    change = ProfileChange(tags=NamesChange(add=("vip",)), attributes={"city": "Oslo"})
    profiles.update(workspace.pk, TargetType.USER, [ANN, "bob"], change)
    MessageCategory.objects.create(workspace=workspace, name="offers", daily_cap=5, created_at=timezone.now())
    delivered = send({ANN: "order-1"}, title=SECRET, message_category="offers")
    acknowledge(delivered)
    for sink in event_sinks():
        sink([DeviceEvent(workspace.pk, phone.pk, delivered.own_messages().get().pk, "opened", timezone.now())])
    rollups.fold()
    send({ANN: "order-2", "bob": "order-3"})
    templates.create(workspace, TemplateDraft("hello", "d", "Hello #name#", "Body"))
    several = MultiplePush(
        delivery_type=3, expired_seconds=600, template_name="hello",
        target_msg=[
            TargetMessage(target=ALIAS, msgkey="order-4", template_key_value={"name": SECRET}),
            TargetMessage(target="bob", msgkey="order-5", template_key_value={"name": "Bob"}),
        ],
    )  # fmt: skip
    service.create(workspace, several, soon(), **RPC)
    alone = SimplePush(delivery_type=3, expired_seconds=600, title=SECRET, content="C", target_msgkey={ANN: "order-6"})
    service.create(workspace, alone, soon(), **RPC)
    file = FileImport.objects.create(pk=ids.new_ids(1)[0], workspace=workspace, created_at=timezone.now())
    for line, record in enumerate((f"{ANN},order-7", "bob,order-8"), 1):
        FileFault.objects.create(file=file, line=line, reason="used before", record=record)
    return workspace


def acknowledge(task: PushTask) -> None:
    outcomes.record([Outcome(pk, statuses.ACKED) for pk in task.own_messages().values_list("pk", flat=True)])


def sent_receipts() -> None:
    """Have all receipts and events that are due delivered."""
    for model in (Receipt, WebhookDelivery):
        model.objects.update(state=Receipt.State.DELIVERED, finished_at=timezone.now())


def tables_with(*texts: str) -> dict[str, int]:
    """Search all columns of all tables: how many rows hold one of the texts, by table."""
    found = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(
                f'SELECT count(*) FROM "{table}" AS t WHERE t::text LIKE ANY (%s)', [[f"%{text}%" for text in texts]]
            )
            [[rows]] = cursor.fetchall()
            if rows:
                found[table] = rows
    return found


@pytest.mark.django_db
def test_no_row_of_any_table_holds_anything_of_an_erased_user(ann: Workspace) -> None:
    assert tables_with(ANN, SECRET).keys() >= {
        "pushcore_message", "pushcore_pushtask", "pushcore_receipt", "pushcore_binding", "pushcore_audienceprofile",
        "pushcore_useralias", "pushcore_schedule", "pushcore_filefault", "pushcore_capcount",
        "pushcore_webhookdelivery", "pushcore_openhours",
    }  # fmt: skip
    bob = tables_with("bob")
    sent_receipts()
    made = erasure.erase(ann, f" {ANN} ", **RPC)
    # The receipt that says the waiting message is revoked is not sent yet.
    assert (made.finished_at, made.bindings, made.messages) == (None, 1, 1)
    sent_receipts()
    erasure.work_off_all()
    made.refresh_from_db()
    assert (made.finished_at is not None, made.user_id, made.messages) == (True, "", 2)
    assert tables_with(ANN, SECRET, "order-1", "order-2", "order-4", "order-6", "order-7") == {}
    assert tables_with("bob") == bob


@pytest.mark.django_db
def test_what_is_counted_stays_counted(ann: Workspace) -> None:
    report = queries.report_of_days(ann, timezone.now() - timedelta(days=1), timezone.now())
    before = queries.totals(report)
    delivered = PushTask.objects.order_by("pk")[0]
    sent_receipts()
    erasure.erase(ann, ANN, **RPC)
    sent_receipts()
    erasure.work_off_all()
    rollups.fold()
    after = queries.totals(report)
    assert (
        (after.succeeded, after.arrived, after.opened) == (before.succeeded, before.arrived, before.opened) == (1, 1, 1)
    )
    assert not rollups.differences()
    again = PushTask.objects.get(pk=delivered.pk)
    assert (again.message_count, again.success_count) == (delivered.message_count, delivered.success_count) == (1, 1)


@pytest.mark.django_db
def test_what_waits_is_delivered_no_more_and_schedules_go_on_without_the_user(
    ann: Workspace, phone: Device, lane: RecordingLane
) -> None:
    several, alone = Occurrence.objects.order_by("schedule_id")
    sent_receipts()
    erasure.erase(ann, ANN, **RPC)
    waiting = Message.objects.get(task__message_count=2, device=phone)
    assert waiting.status == statuses.REVOKED
    several.refresh_from_db()
    alone.refresh_from_db()
    assert (several.status, alone.status) == (Occurrence.Status.PENDING, Occurrence.Status.CANCELLED)
    assert [entry["target"] for entry in several.schedule.request["target_msg"]] == ["bob"]
    lane.got.clear()
    bindings.bind(phone, ANN)
    assert lane.got == []


@pytest.mark.django_db
def test_a_message_keeps_its_target_until_its_receipt_was_sent(ann: Workspace) -> None:
    made = erasure.erase(ann, ANN, **RPC)
    assert made.finished_at is None
    assert Receipt.objects.filter(target=ANN, state=Receipt.State.DUE).count() == 2
    assert Message.objects.filter(target=ANN).count() == 2
    Receipt.objects.filter(target=ANN).update(state=Receipt.State.FAILED)
    erasure.work_off_all()
    assert not Message.objects.filter(target=ANN).exists()
    assert Erasure.objects.get().finished_at is None  # events wait, too
    WebhookDelivery.objects.update(state=Receipt.State.FAILED)
    erasure.work_off_all()
    assert Erasure.objects.get().finished_at is not None


@pytest.mark.django_db
def test_an_erasure_that_is_cut_off_goes_on_and_one_asked_for_twice_is_one(
    workspace: Workspace, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        acknowledge(send({ANN: f"k{number}"}))
    monkeypatch.setattr(erasure, "STEP", 2)
    monkeypatch.setattr(erasure, "INLINE_SECONDS", 0.0)
    first = erasure.erase(workspace, ANN, **RPC)
    second = erasure.erase(workspace, ANN, **RPC)
    assert first.pk == second.pk
    assert 0 < second.messages < 5
    erasure.work_off_all()
    second.refresh_from_db()
    assert (second.messages, second.finished_at is not None) == (5, True)
    # Another time it is another user's data.
    assert erasure.erase(workspace, ANN, **RPC).pk != second.pk


@pytest.mark.usefixtures("transactional_db")
def test_two_workers_erase_each_message_once(workspace: Workspace, send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(12):
        send({ANN: f"k{number}"})
    monkeypatch.setattr(erasure, "STEP", 2)
    monkeypatch.setattr(erasure, "INLINE_SECONDS", 0.0)
    made = erasure.erase(workspace, ANN, **RPC)
    at_once(3, lambda _: erasure.work_off_all())
    made.refresh_from_db()
    assert (made.messages, made.finished_at is not None) == (12, True)
    assert set(Message.objects.values_list("target", "status")) == {("", statuses.REVOKED)}


@pytest.mark.django_db
def test_the_export_has_all_of_the_user_and_nothing_of_others(ann: Workspace, phone: Device) -> None:
    kept = export.of_user(ann, ANN)
    assert (kept.profile.tags, kept.profile.attributes, list(kept.aliases)) == (["vip"], {"city": "Oslo"}, [ALIAS])
    assert sorted(kept.open_hours)[-2:] == [0, 1]
    [bound] = kept.bindings
    assert (bound.binding.device, bound.phone_number) == (phone, PHONE)
    assert [one.message.msgkey for one in kept.messages] == ["order-2", "order-1"]
    assert kept.messages[1].message.content["title"] == SECRET
    assert [event.kind for event in kept.messages[1].events] == ["opened"]
    assert kept.next_message_id is None
    other = Workspace.objects.create(app=ann.app, workspace_id="other")
    nothing = export.of_user(other, ANN)
    assert [*nothing.profile.tags, *nothing.open_hours, *nothing.aliases, *nothing.bindings, *nothing.messages] == []


@pytest.mark.django_db
def test_the_pages_of_an_export_have_each_message_once(
    workspace: Workspace, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        send({ANN: f"k{number}"})
    monkeypatch.setattr(export, "PAGE", 2)
    found, up_to = [], None
    for _ in range(3):
        page = export.of_user(workspace, ANN, up_to=up_to)
        found += [one.message.msgkey for one in page.messages]
        up_to = page.next_message_id
    assert (found, up_to) == (["k4", "k3", "k2", "k1", "k0"], None)
