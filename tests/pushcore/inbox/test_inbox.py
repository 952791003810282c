"""The inbox of a user and a device: what is in it, page by page, read, deleted, revoked."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from django.db import connection
from django.utils import timezone

from gateway.node import device_requests
from pushcore import retention
from pushcore.codes import statuses
from pushcore.delivery import outcomes
from pushcore.devices import bindings, registry
from pushcore.devices.info import DeviceInfo
from pushcore.devices.registry import KnownDevice
from pushcore.inbox import marks, owners, pages
from pushcore.inbox.owners import InboxOwner
from pushcore.models import Device, InboxMark, Message, PushTask, Workspace
from pushcore.ports import Outcome
from pushcore.privacy import erasure
from pushcore.revocation import revocations
from pushcore.storage import ids
from tests.pushcore.conftest import RecordingLane

pytestmark = pytest.mark.django_db

Send = Callable[..., PushTask]
SCHEMAS = Path(__file__).parents[3] / "sdk" / "schemas"


@pytest.fixture
def ann(workspace: Workspace, known: KnownDevice, lane: RecordingLane) -> InboxOwner:
    """Return Ann's inbox; her device is `known`."""
    bindings.bind(Device.objects.get(pk=known.id), "ann")
    return InboxOwner(workspace.pk, user_id="ann")


def titles(owner: InboxOwner, **asked: Any) -> list[str]:
    return [entry.content["title"] for entry in pages.read(owner, **asked).entries]


def request(device: KnownDevice, **payload: Any) -> dict[str, Any]:
    """Ask as a device does; return the answer's data, which keeps to the schema."""
    jsonschema.validate(payload, json.loads((SCHEMAS / "inbox.json").read_text()))
    answer = device_requests.serve(device, "mps/inbox", json.dumps(payload).encode())
    assert answer["success"], answer
    data: dict[str, Any] = answer["data"]
    jsonschema.validate(data, json.loads((SCHEMAS / "inbox-page.json").read_text()))
    return data


def test_only_pushes_that_say_so_are_in_it_delivered_or_not(ann: InboxOwner, send: Send) -> None:
    send({"ann": "k1"}, title="Code 4711")
    kept = send({"ann": "k2"}, title="Parcel", inbox=True)
    later = send({"ann": "k3"}, title="Later", inbox=True)
    outcomes.record([Outcome(kept.last_message_id, statuses.ACKED), Outcome(later.last_message_id, statuses.EXPIRED)])
    assert titles(ann) == ["Later", "Parcel"]
    assert pages.count_unread(ann) == 2


def test_a_device_reads_its_own_messages_and_its_users_and_no_former_users(
    ann: InboxOwner, send: Send, known: KnownDevice
) -> None:
    send({"ann": "k1"}, title="Ann's", inbox=True)
    send({known.ad_token: "k2"}, title="the device's", delivery_type=1, inbox=True)
    send({"bob": "k3"}, title="Bob's", inbox=True)
    data = request(known)
    assert [(one["bData"]["title"], one["of"]) for one in data["messages"]] == [
        ("the device's", "device"),
        ("Ann's", "user"),
    ]
    bindings.bind(Device.objects.get(pk=known.id), "bob")
    assert [one["bData"]["title"] for one in request(known)["messages"]] == ["Bob's", "the device's"]
    bindings.unbind(Device.objects.get(pk=known.id), "bob")
    assert [one["bData"]["title"] for one in request(known)["messages"]] == ["the device's"]


def test_a_user_with_two_devices_has_a_message_once_and_reads_it_on_both(
    ann: InboxOwner, send: Send, known: KnownDevice, workspace: Workspace
) -> None:
    second, _ = registry.register([(workspace, DeviceInfo())])[0]
    bindings.bind(Device.objects.get(pk=second.id), "ann")
    send({"ann": "k1"}, inbox=True)
    assert Message.objects.count() == 2
    [on_first], [on_second] = request(known)["messages"], request(second)["messages"]
    assert on_first == on_second
    assert request(second, read=[on_first["k"]])["unread"] == 0
    assert request(known)["messages"][0]["read"]


def test_pages_follow_each_other_without_gap_or_repeat(ann: InboxOwner, send: Send, known: KnownDevice) -> None:
    for number in range(7):
        target, kind = ("ann", 3) if number % 2 else (known.ad_token, 1)
        send({target: f"k{number}"}, title=str(number), delivery_type=kind, inbox=True)
    read, cursor = [], ""
    while True:
        data = request(known, before=cursor, limit=3)
        read += [one["bData"]["title"] for one in data["messages"]]
        send({"ann": f"new{len(read)}"}, title="new", inbox=True)  # what comes meanwhile is on no later page
        if not (cursor := data["next"]):
            break
    assert read == ["6", "5", "4", "3", "2", "1", "0"]


def test_a_page_stops_before_its_bytes_and_says_where_to_go_on(ann: InboxOwner, send: Send, known: KnownDevice) -> None:
    for number in range(20):
        send({"ann": f"k{number}"}, title=str(number), content="消息" * 100, inbox=True)
    first = request(known, limit=50)
    assert 1 < len(first["messages"]) < 20
    assert len(json.dumps(first)) < 16_384
    assert first["next"] == first["messages"][-1]["k"]
    read, cursor = [one["bData"]["title"] for one in first["messages"]], first["next"]
    while cursor:
        page = request(known, limit=50, before=cursor)
        read, cursor = read + [one["bData"]["title"] for one in page["messages"]], page["next"]
    assert read == [str(number) for number in reversed(range(20))]


def test_a_page_of_a_large_inbox_reads_its_page_by_the_index(
    ann: InboxOwner, send: Send, known: KnownDevice, workspace: Workspace
) -> None:
    task = send({"ann": "k"}, inbox=True)
    with connection.cursor() as cursor:
        # Each a task of its own, as pushes are; 40,000 messages of others around 10,000 of hers.
        columns = [str(field.column) for field in PushTask._meta.concrete_fields if field.column != "id"]
        cursor.execute(
            f"INSERT INTO pushcore_pushtask (id, {', '.join(columns)}) "
            f"SELECT {task.pk} + n, {', '.join(columns)} "
            "FROM pushcore_pushtask, generate_series(1, 50000) n WHERE id = %s",
            [task.pk],
        )
        columns = [str(field.column) for field in Message._meta.concrete_fields]
        values = {"id": f"{task.last_message_id} + n", "task_id": "task_id + n", "msgkey": "'k' || n"}
        values["target"] = "CASE WHEN n %% 5 = 0 THEN 'ann' ELSE 'user' || n END"
        chosen = ", ".join(values.get(name, name) for name in columns)
        cursor.execute(
            f"INSERT INTO pushcore_message ({', '.join(columns)}) "
            f"SELECT {chosen} FROM pushcore_message, generate_series(1, 50000) n WHERE id = %s",
            [task.last_message_id],
        )
        cursor.execute("ANALYZE pushcore_message, pushcore_pushtask, pushcore_inboxmark")
        values = pages.parameters(ann) | {"before": ids.HIGHEST, "at_most": 21}
        cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + pages.PAGE, values)
        [[plan]] = cursor.fetchall()
    plan = json.loads(plan) if isinstance(plan, str) else plan
    rows = _rows_read(plan[0]["Plan"])
    assert rows
    assert max(rows) < 500, plan
    assert len(pages.read(ann).entries) == 20


def _rows_read(node: dict[str, Any]) -> list[float]:
    """Return how many rows each scan of a plan looked at."""
    here = []
    if "Scan" in node["Node Type"]:
        here = [(node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]]
    return here + [rows for child in node.get("Plans", ()) for rows in _rows_read(child)]


def test_read_marks_and_deletions_are_kept_and_count_for_the_badge(
    ann: InboxOwner, send: Send, known: KnownDevice
) -> None:
    for number in range(3):
        send({"ann": f"k{number}"}, title=str(number), inbox=True)
    newest, middle, oldest = (one["k"] for one in request(known)["messages"])
    assert request(known, read=[newest, "1"], limit=0) == {"messages": [], "next": "", "unread": 2}
    assert request(known, read=[newest], delete=[middle], limit=0)["unread"] == 1
    assert [(one["k"], one["read"]) for one in request(known)["messages"]] == [(newest, True), (oldest, False)]
    assert request(known, read=[middle], limit=0)["unread"] == 1
    assert len(request(known)["messages"]) == 2
    assert request(known, read="all", limit=0)["unread"] == 0
    assert InboxMark.objects.count() == 3


def test_nobody_marks_what_is_anothers(ann: InboxOwner, send: Send, workspace: Workspace) -> None:
    task = send({"bob": "k1"}, inbox=True)
    assert marks.mark_read(ann, [task.last_message_id]) == 0
    assert marks.delete(ann, [task.last_message_id]) == 0
    assert pages.count_unread(InboxOwner(workspace.pk, user_id="bob")) == 1
    assert not InboxMark.objects.exists()


def test_a_revoked_message_leaves_the_inbox_delivered_or_not(
    ann: InboxOwner, send: Send, workspace: Workspace, known: KnownDevice
) -> None:
    delivered = send({"ann": "k1"}, inbox=True)
    outcomes.record([Outcome(delivered.last_message_id, statuses.ACKED)])
    send({"ann": "k2"}, inbox=True)
    of_task = send({"ann": "k3"}, inbox=True)
    send({"ann": "k4"}, title="stays", inbox=True)
    revocations.revoke_message(workspace, "k1", "ann")
    revocations.revoke_message(workspace, "k2", "ann")
    revocations.revoke_task(workspace, of_task.pk)
    assert titles(ann) == ["stays"]
    assert len(request(known)["messages"]) == 1


def test_messages_older_than_the_inbox_is_long_are_not_in_it(ann: InboxOwner, send: Send, settings: Any) -> None:
    send({"ann": "k1"}, inbox=True)
    assert len(titles(ann)) == 1
    settings.INBOX_DAYS = 0
    assert titles(ann) == []


def test_marks_go_when_their_messages_are_gone(workspace: Workspace, settings: Any) -> None:
    gone = timezone.now() - timedelta(days=settings.MESSAGE_RETENTION_DAYS + 2)
    for message_id in (ids.first_id_at(gone), ids.first_id_at(timezone.now())):
        InboxMark.objects.create(workspace=workspace, owner="user:ann", message_id=message_id)
    retention.purge()
    assert InboxMark.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_an_erased_user_has_an_empty_inbox_and_no_marks(ann: InboxOwner, send: Send, workspace: Workspace) -> None:
    send({"ann": "k1"}, inbox=True)
    assert marks.mark_read(ann, None) == 1
    erasure.erase(workspace, "ann", source=PushTask.Source.RPC, author="test")
    assert titles(ann) == []
    assert not InboxMark.objects.exists()


@pytest.mark.parametrize(
    "payload",
    [
        {"limit": 51}, {"limit": True}, {"limit": "3"}, {"before": "x"}, {"before": -1}, {"read": "some"},
        {"read": ["x"]}, {"delete": "all"}, {"delete": [str(number) for number in range(1, 102)]}, {"read": [[1]]},
        {"adToken": "another"},
    ],
)  # fmt: skip
def test_what_is_no_request_of_an_inbox_is_refused_and_changes_nothing(
    known: KnownDevice, payload: dict[str, Any]
) -> None:
    answer = device_requests.serve(known, "mps/inbox", json.dumps(payload).encode())
    assert answer["code"] in ("3028", "3054")
    assert not InboxMark.objects.exists()


def test_the_owner_of_a_device_without_a_user_is_the_device(known: KnownDevice, workspace: Workspace) -> None:
    assert owners.of_device(workspace.pk, known.id) == InboxOwner(workspace.pk, known.id, None)
