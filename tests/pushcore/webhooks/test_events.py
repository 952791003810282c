"""Each event is queued once, with what makes it true, and only where an endpoint wants it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from analytics import intake
from pushcore.channels import Channel
from pushcore.codes import statuses
from pushcore.delivery import expiry, outcomes
from pushcore.devices import bindings, registry, removal, tokens
from pushcore.devices.info import DeviceInfo
from pushcore.devices.registry import KnownDevice
from pushcore.devices.tokens import Claim
from pushcore.models import App, Device, Message, PushTask, WebhookDelivery, WebhookEndpoint, Workspace
from pushcore.ports import DeviceEvent, Outcome
from pushcore.revocation import revocations, task_rows
from pushcore.webhooks import endpoints, event_types
from tests.pushcore.conftest import RecordingLane
from tests.pushcore.webhooks.conftest import Subscribe

pytestmark = pytest.mark.django_db

Send = Callable[..., PushTask]


def queued(*leave_out: str) -> list[tuple[str, dict[str, Any]]]:
    """Return what is queued, oldest first; types that are left out are another test's subject."""
    rows = WebhookDelivery.objects.exclude(event_type__in=leave_out).order_by("pk")
    return [(row.event_type, json.loads(row.data)) for row in rows]


@pytest.fixture
def message(send: Send, lane: RecordingLane, known: KnownDevice) -> Message:
    send({known.ad_token: "k1"}, delivery_type=1)
    return Message.objects.get()


@pytest.mark.parametrize(
    ("status", "event"),
    [
        (statuses.ACKED, "message.arrived"),
        (80000004, "message.failed"),
        (statuses.EXPIRED, "message.expired"),
        (statuses.REVOKED, "message.revoked"),
        (statuses.HELD_BACK, "message.held_back"),
        (statuses.NO_CONSENT, "message.held_back"),
    ],
)
def test_a_final_status_is_an_event_once(subscribe: Subscribe, message: Message, status: int, event: str) -> None:
    subscribe()
    assert outcomes.record([Outcome(message.pk, status)]) == 1
    assert outcomes.record([Outcome(message.pk, status)]) == 0
    [(name, data)] = queued("task.finished")
    assert name == event
    assert (data["messageId"], data["msgKey"], data["statusCode"]) == (str(message.pk), "k1", str(status))
    assert data["statusDesc"]


def test_an_arrival_that_is_reported_before_its_status_is_told_once(subscribe: Subscribe, message: Message) -> None:
    subscribe()
    outcomes.record_arrivals([message.pk])
    outcomes.record([Outcome(message.pk, statuses.ACKED)])
    outcomes.record_arrivals([message.pk])
    assert [name for name, _ in queued("task.finished")] == ["message.arrived"]


def test_a_vendor_that_reports_arrivals_later_has_only_accepted_the_message(
    subscribe: Subscribe, message: Message
) -> None:
    subscribe()
    outcomes.record([Outcome(message.pk, statuses.ACKED, Channel.HUAWEI)])
    assert queued("task.finished") == []
    outcomes.record_arrivals([message.pk])
    assert [name for name, _ in queued("task.finished")] == ["message.arrived"]


def test_opens_are_told_once(subscribe: Subscribe, message: Message, known: KnownDevice) -> None:
    subscribe()
    opened = DeviceEvent(known.workspace_id, known.id, message.pk, "opened", timezone.now())
    intake.take([opened])
    intake.take([opened])
    [(name, data)] = queued()
    assert (name, data["messageId"], data["adToken"]) == ("message.opened", str(message.pk), known.ad_token)


def test_devices_and_users_are_told_of(subscribe: Subscribe, workspace: Workspace) -> None:
    subscribe()
    [(first, _), (second, _)] = registry.register([(workspace, DeviceInfo()), (workspace, DeviceInfo())])
    device = Device.objects.get(pk=first.id)
    bindings.bind(device, "ann")
    bindings.bind(device, "ann")
    bindings.bind(device, "bob")
    bindings.unbind(device, "bob")
    tokens.claim([Claim(workspace.pk, first.id, Channel.HUAWEI, "token")])
    tokens.claim([Claim(workspace.pk, second.id, Channel.HUAWEI, "token")])
    removal.remove([second.id])
    told = queued()
    who = {"adToken": first.ad_token, "platform": "android"}
    other = {"adToken": second.ad_token, "platform": "android"}
    assert sorted(told[:2], key=str) == sorted([("device.registered", who), ("device.registered", other)], key=str)
    assert told[2:] == [
        ("user.bound", who | {"userId": "ann"}),
        ("user.unbound", who | {"userId": "ann"}),
        ("user.bound", who | {"userId": "bob"}),
        ("user.unbound", who | {"userId": "bob"}),
        ("device.token_lost", who | {"reason": "taken_over"}),
        ("device.removed", other),
    ]


def test_a_task_is_finished_with_its_last_message(
    subscribe: Subscribe, send: Send, lane: RecordingLane, workspace: Workspace
) -> None:
    subscribe("https://backend.example/", "task.finished")
    devices = [known for known, _ in registry.register([(workspace, DeviceInfo())] * 3)]
    task = send({known.ad_token: f"k{number}" for number, known in enumerate(devices)}, delivery_type=1)
    first, second, third = task.own_messages().order_by("pk")
    outcomes.record([Outcome(first.pk, statuses.ACKED), Outcome(second.pk, 80000004)])
    assert queued() == []
    outcomes.record([Outcome(third.pk, statuses.ACKED)])
    [(_, data)] = queued()
    assert (data["taskId"], data["messages"], data["succeeded"]) == (str(task.pk), 3, 2)
    outcomes.record_arrivals([second.pk])
    assert len(queued()) == 1


@pytest.mark.django_db(transaction=True)
def test_a_task_is_finished_when_its_validity_is_over_and_told_once(
    subscribe: Subscribe, message: Message, lane: RecordingLane
) -> None:
    subscribe("https://backend.example/", "task.finished")
    over = timezone.now() - expiry.GRACE - timedelta(seconds=1)
    PushTask.objects.update(expire_at=over)
    Message.objects.update(expire_at=over)
    expiry.expire_due()
    assert [name for name, _ in queued()] == ["task.finished"]


@pytest.mark.django_db(transaction=True)
def test_a_revoked_message_is_told(subscribe: Subscribe, message: Message) -> None:
    subscribe("https://backend.example/", "message.revoked")
    revocations.revoke_task(message.workspace, message.task_id)
    task_rows.work_off_all()
    assert [name for name, _ in queued()] == ["message.revoked"]


def test_what_no_endpoint_wants_costs_no_statement_and_no_row(subscribe: Subscribe, send: Send, known: KnownDevice,
                                                              lane: RecordingLane) -> None:  # fmt: skip
    for number in range(3):
        send({known.ad_token: f"k{number}"}, delivery_type=1)
    first, second, third = Message.objects.order_by("pk").values_list("pk", flat=True)
    with CaptureQueriesContext(
        connection,
    ) as none:
        outcomes.record([Outcome(first, statuses.ACKED)])
    endpoint, _ = subscribe("https://backend.example/", "user.bound")
    with CaptureQueriesContext(connection) as other:
        outcomes.record([Outcome(second, statuses.ACKED)])
    assert len(none) == len(other)
    assert not any("webhookdelivery" in query["sql"] for query in (*none, *other))
    endpoint.event_types, endpoint.enabled = ["message.arrived"], False
    endpoints.save(endpoint)
    outcomes.record([Outcome(third, statuses.ACKED)])
    assert queued() == []


def test_an_event_goes_to_each_endpoint_that_wants_it_and_to_no_other_workspace(
    subscribe: Subscribe, message: Message, app: App
) -> None:
    wanting = {subscribe()[0].pk, subscribe("https://backend.example/", "message.arrived")[0].pk}
    subscribe("https://backend.example/", "user.bound")
    stranger = Workspace.objects.create(app=app, workspace_id="stranger")
    endpoints.create(WebhookEndpoint(workspace=stranger, url="https://b.example/", event_types=["message.arrived"]))
    outcomes.record([Outcome(message.pk, statuses.ACKED)])
    told = WebhookDelivery.objects.filter(event_type="message.arrived")
    assert set(told.values_list("endpoint", flat=True)) == wanting


@pytest.mark.django_db(transaction=True)
def test_an_event_is_undone_with_what_made_it_true(subscribe: Subscribe, message: Message) -> None:
    subscribe()
    with transaction.atomic():
        outcomes.record([Outcome(message.pk, statuses.ACKED)])
        assert queued()
        transaction.set_rollback(True)
    assert queued() == []


def test_a_batch_takes_one_statement_more(subscribe: Subscribe, send: Send, workspace: Workspace,
                                          lane: RecordingLane) -> None:  # fmt: skip
    subscribe("https://backend.example/", "message.arrived", "message.failed")
    devices = [known for known, _ in registry.register([(workspace, DeviceInfo())] * 4)]
    send({known.ad_token: f"k{number}" for number, known in enumerate(devices)}, delivery_type=1)
    ids = list(Message.objects.order_by("pk").values_list("pk", flat=True))
    with CaptureQueriesContext(connection) as queries:
        outcomes.record([Outcome(pk, (statuses.ACKED, 80000004)[place % 2]) for place, pk in enumerate(ids)])
    assert len([query for query in queries if "webhookdelivery" in query["sql"]]) == 1
    assert sorted(name for name, _ in queued()) == ["message.arrived"] * 2 + ["message.failed"] * 2


def test_a_workspace_has_ten_endpoints_at_most(subscribe: Subscribe) -> None:
    for _ in range(endpoints.MAX_ENDPOINTS):
        subscribe()
    with pytest.raises(ValidationError):
        subscribe()


def test_the_secret_is_kept_encrypted(subscribe: Subscribe, settings: Settings) -> None:
    endpoint, secret = subscribe()
    assert secret.startswith("whsec_")
    assert secret not in endpoint.secret_sealed
    assert endpoint.secrets(timezone.now()) == [secret]


def test_every_event_has_a_name_of_its_own_that_fits(subscribe: Subscribe) -> None:
    assert len(set(event_types.NAMES)) == len(event_types.EventType)
    assert max(map(len, event_types.NAMES)) <= 32


def test_a_bind_asks_nothing_of_webhooks_where_nobody_listens(known: KnownDevice) -> None:
    with CaptureQueriesContext(connection) as asked:
        bindings.bind(Device.objects.get(pk=known.id), "ann")
        bindings.bind(Device.objects.get(pk=known.id), "bob")
    assert not [query for query in asked.captured_queries if "pushcore_webhook" in query["sql"]]
