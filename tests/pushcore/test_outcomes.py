"""Statuses change in one place, only forward, and each change counts once."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import connection
from django.utils import timezone

from pushcore import ids, outcomes
from pushcore.channels import Channel
from pushcore.codes import statuses
from pushcore.devices import KnownDevice
from pushcore.models import Message, PushTask, Receipt, Workspace
from pushcore.ports import Outcome
from tests.pushcore.conftest import KeepingLane

Send = Callable[..., PushTask]


@pytest.fixture
def message(send: Send, lane: KeepingLane, known: KnownDevice) -> Message:
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
def test_recorders_side_by_side_count_each_message_once(send: Send, lane: KeepingLane, known: KnownDevice) -> None:
    for n in range(20):
        send({known.ad_token: f"k{n}"}, delivery_type=1)
    acked = [Outcome(pk, statuses.ACKED) for pk in Message.objects.values_list("pk", flat=True)]
    changed: list[int] = []

    def record(batch: list[Outcome]) -> None:
        try:
            changed.append(outcomes.record(batch))
        finally:
            connection.close()

    threads = [threading.Thread(target=record, args=(acked[::step],)) for step in (1, -1, 1, -1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(changed) == 20
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


@pytest.mark.parametrize("share", [2, 20])
def test_rows_are_found_by_key_whatever_share_is_delivered(workspace: Workspace, share: int) -> None:
    """Left to itself, the planner compares each row with each where it expects few pending ones in a large table."""
    task = PushTask.objects.create(
        pk=ids.new_ids(1)[0], workspace=workspace, kind="simple", source="rpc", fingerprint=b"", delivery_type=1,
        content={}, expire_at=timezone.now(), created_at=timezone.now(),
    )  # fmt: skip
    rows = [
        Message(
            id=pk, workspace=workspace, task=task, delivery_type=1, target="t", msgkey="k", status=2,
            expire_at=timezone.now(), updated_at=timezone.now(),
        )
        for pk in ids.new_ids(20_000)
    ]  # fmt: skip
    Message.objects.bulk_create(rows, batch_size=5_000)
    waiting = [row.pk for row in rows[-1_000:]]
    with connection.cursor() as cursor:
        pending = [row.pk for row in rows[-20_000 // share :]]
        cursor.execute("UPDATE pushcore_message SET status = 0 WHERE id = ANY(%s)", [pending])
        cursor.execute("ANALYZE pushcore_message")
        cursor.execute(
            "EXPLAIN (ANALYZE, TIMING OFF) " + outcomes._UPDATE,
            {
                "ids": waiting, "statuses": [2] * 1_000, "channels": [0] * 1_000, "first": waiting[0],
                "last": waiting[-1], "now": timezone.now(),
            },
        )  # fmt: skip
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "AND (id = outcome.id)" in plan, plan
    assert "Join Filter" not in plan, plan
