"""Statuses only move forward, and each change counts once."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from pushcore.channels import Channel
from pushcore.codes import statuses
from pushcore.delivery import outcomes
from pushcore.devices.registry import KnownDevice
from pushcore.models import Message, PushTask, Receipt, Workspace
from pushcore.ports import Outcome
from pushcore.storage import ids
from tests.pushcore.conftest import RecordingLane
from tests.support.threads import at_once

Send = Callable[..., PushTask]


@pytest.fixture
def message(send: Send, lane: RecordingLane, known: KnownDevice) -> Message:
    send({known.ad_token: "k1"}, delivery_type=1)
    return Message.objects.get()


@pytest.mark.django_db
def test_an_acknowledgement_counts_once(message: Message) -> None:
    acked = Outcome(message.pk, statuses.ACKED)
    assert outcomes.record([acked, acked]) == 1
    assert outcomes.record([acked]) == 0
    message.refresh_from_db()
    assert message.status == statuses.ACKED
    assert PushTask.objects.get().success_count == 1


@pytest.mark.django_db
def test_a_final_status_stays(message: Message) -> None:
    outcomes.record([Outcome(message.pk, statuses.ACKED)])
    assert outcomes.record([Outcome(message.pk, 80000004, Channel.HUAWEI)]) == 0
    message.refresh_from_db()
    assert (message.status, message.channel) == (statuses.ACKED, Channel.SELF_BUILT)


@pytest.mark.django_db
def test_a_vendors_refusal_is_kept_with_its_channel_and_is_no_success(message: Message) -> None:
    outcomes.record([Outcome(message.pk, 10302, Channel.VIVO)])
    message.refresh_from_db()
    assert message.status_entry.meaning == "invalid regId"
    assert PushTask.objects.get().success_count == 0


@pytest.mark.django_db
def test_outcomes_of_unknown_messages_change_nothing(message: Message) -> None:
    assert outcomes.record([Outcome(1, statuses.ACKED)]) == 0


@pytest.mark.django_db(transaction=True)
def test_recorders_side_by_side_count_each_message_once(send: Send, lane: RecordingLane, known: KnownDevice) -> None:
    for n in range(20):
        send({known.ad_token: f"k{n}"}, delivery_type=1)
    acked = [Outcome(pk, statuses.ACKED) for pk in Message.objects.values_list("pk", flat=True)]
    assert sum(at_once(4, lambda number: outcomes.record(acked[:: (1, -1)[number % 2]]))) == 20
    assert sum(PushTask.objects.values_list("success_count", flat=True)) == 20


@pytest.mark.django_db
def test_a_receipt_is_queued_only_where_the_workspace_wants_it(message: Message) -> None:
    outcomes.record([Outcome(message.pk, statuses.ACKED)])
    assert not Receipt.objects.exists()
    # Statuses are final: the callback switched on later tells nothing of the past.
    message.workspace.callback_enabled, message.workspace.callback_url = True, "http://127.0.0.1:9/"
    message.workspace.save()
    assert outcomes.record([Outcome(message.pk, statuses.ACKED)]) == 0
    assert not Receipt.objects.exists()


@pytest.mark.parametrize(("size", "share"), [(20_000, 2), (20_000, 20), (30, 1)])
def test_rows_are_found_by_key_whatever_share_is_delivered(workspace: Workspace, size: int, share: int) -> None:
    """Otherwise the planner scans a small table, and may compare all pairs in a large one with few pending rows."""
    task = PushTask.objects.create(
        pk=ids.new_ids(1)[0], workspace=workspace, kind="simple", source="rpc", fingerprint=b"", delivery_type=1,
        content={}, expire_at=timezone.now(), created_at=timezone.now(), last_message_id=ids.HIGHEST,
    )  # fmt: skip
    rows = [
        Message(
            id=pk, workspace=workspace, task=task, delivery_type=1, target="t", msgkey="k", status=2,
            expire_at=timezone.now(), updated_at=timezone.now(),
        )
        for pk in ids.new_ids(size)
    ]  # fmt: skip
    Message.objects.bulk_create(rows, batch_size=5_000)
    pending = [row.pk for row in rows[-size // share :]]
    with connection.cursor() as cursor:
        cursor.execute("UPDATE pushcore_message SET status = 0 WHERE id = ANY(%s)", [pending])
        cursor.execute("ANALYZE pushcore_message")
    batch = [row.pk for row in rows[-1_000:]]
    for recorded in (
        lambda: outcomes.record_arrivals(batch[:500]),
        lambda: outcomes.record([Outcome(pk, 2 if pk % 2 else 2009) for pk in batch[:500]]),
        lambda: outcomes.record_acknowledged(batch),
    ):
        for plan in plans_of_messages(recorded):
            assert "Index Cond: ((id = ANY" in plan, plan
            assert "_pkey on pushcore_message" in plan, plan
            assert not re.search("(Seq|Bitmap Heap) Scan on pushcore_message", plan), plan
    assert not Message.objects.filter(pk__in=batch, status=0).exists()


def plans_of_messages(work: Callable[[], object]) -> list[str]:
    """Call a function; returns the plans of its statements that search messages."""
    plans: list[str] = []

    def explain(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "pushcore_message m" in sql and not sql.startswith("EXPLAIN"):
            context["cursor"].execute("EXPLAIN " + sql, params)
            plans.append("\n".join(line for (line,) in context["cursor"].fetchall()))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explain):
        work()
    assert plans
    return plans


def test_recording_does_not_change_the_callers_planner_settings(workspace: Workspace, message: Message) -> None:
    outcomes.record([Outcome(message.pk, statuses.ACKED)])
    outcomes.record_arrivals([message.pk])
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('enable_seqscan'), current_setting('enable_bitmapscan')")
        assert cursor.fetchone() == ("on", "on")


def test_a_batch_of_several_outcomes_counts_each_task_by_its_own(
    send: Send, lane: RecordingLane, known: KnownDevice
) -> None:
    tasks = [send({known.ad_token: f"k{n}"}, delivery_type=1) for n in range(4)]
    first, second, third, fourth = Message.objects.order_by("pk").values_list("pk", flat=True)
    assert outcomes.record_arrivals([third, third]) == 1
    said = [
        Outcome(first, statuses.ACKED), Outcome(second, statuses.ACKED, Channel.HUAWEI), Outcome(third, statuses.ACKED),
        Outcome(fourth, 10302, Channel.VIVO), Outcome(first, 10302, Channel.VIVO),
    ]  # fmt: skip
    assert outcomes.record(said) == 4
    for task in tasks:
        task.refresh_from_db()
    # Huawei takes the message now and says later that it has arrived; the third had arrived before.
    assert [(task.success_count, task.arrival_count) for task in tasks] == [(1, 1), (1, 0), (1, 1), (0, 0)]
    assert list(Message.objects.order_by("pk").values_list("status", "channel")) == [
        (statuses.ACKED, Channel.SELF_BUILT), (statuses.ACKED, Channel.HUAWEI), (statuses.ACKED, Channel.SELF_BUILT),
        (10302, Channel.VIVO),
    ]  # fmt: skip
