"""The sweeper dispatches messages that were committed and not dispatched."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from pushcore import ports
from pushcore.codes import statuses
from pushcore.delivery import outcomes, sweeper
from pushcore.devices.registry import KnownDevice
from pushcore.models import Binding, Message, PushTask, Watermark
from pushcore.ports import Outcome, OutgoingMessage
from pushcore.storage import ids
from tests.pushcore.conftest import RecordingLane

Send = Callable[..., PushTask]


@pytest.fixture(autouse=True)
def _at_once(settings: Settings) -> None:
    """Treat messages as old enough as soon as they are committed."""
    settings.SWEEP_AFTER_SECONDS = -1


@pytest.mark.django_db
def test_messages_that_the_lane_did_not_accept_are_dispatched_by_the_sweep(
    send: Send, lane: RecordingLane, known: KnownDevice
) -> None:
    lane.broken = True
    send({known.ad_token: "k1"}, delivery_type=1)
    sweeper.sweep()
    assert lane.got == []
    lane.broken = False
    assert sweeper.sweep() == 1
    assert lane.got[0].message_id == Message.objects.get().pk


@pytest.mark.django_db
def test_a_lane_that_cannot_tell_what_it_claims_undoes_no_push_and_leaves_it_to_the_sweep(
    send: Send, lane: RecordingLane, known: KnownDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Undecided(RecordingLane):
        def claims(self, outgoing: OutgoingMessage) -> bool:
            raise ConnectionError("lane away")

    with monkeypatch.context() as away:
        away.setattr(ports, "_lanes", [(0, Undecided()), (1, lane)])
        send({known.ad_token: "k1"}, delivery_type=1)
        sweeper.sweep()
        assert lane.got == []
    assert sweeper.sweep() == 1
    assert lane.got[0].message_id == Message.objects.get().pk


@pytest.mark.django_db
def test_while_a_lane_is_behind_the_sweep_waits_and_keeps_its_place(
    send: Send, lane: RecordingLane, known: KnownDevice
) -> None:
    lane.broken = True
    send({known.ad_token: "k1"}, delivery_type=1)
    lane.broken, lane.behind = False, True
    assert sweeper.sweep() == 0
    lane.behind = False
    assert sweeper.sweep() == 1


@pytest.mark.django_db
def test_messages_that_need_no_sweep_are_skipped(send: Send, lane: RecordingLane, known: KnownDevice) -> None:
    for key in ("acked", "expired", "deviceless"):
        send({known.ad_token if key != "deviceless" else "gone": key}, delivery_type=1)
    outcomes.record([Outcome(Message.objects.get(msgkey="acked").pk, statuses.ACKED)])
    Message.objects.filter(msgkey="expired").update(expire_at=timezone.now() - timedelta(hours=1))
    lane.got.clear()
    assert sweeper.sweep() == 0
    assert lane.got == []


@pytest.mark.django_db
def test_a_backlog_longer_than_a_page_is_swept_whole(
    send: Send, lane: RecordingLane, known: KnownDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeper, "BATCH", 2)
    for n in range(5):
        send({known.ad_token: f"k{n}"}, delivery_type=1)
    lane.got.clear()
    assert sweeper.sweep() == 5
    assert len({outgoing.message_id for outgoing in lane.got}) == 5


@pytest.mark.django_db
def test_a_page_of_undeliverable_messages_does_not_end_the_sweep(
    send: Send, lane: RecordingLane, known: KnownDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeper, "BATCH", 2)
    tasks = [send({known.ad_token: f"k{n}"}, delivery_type=1) for n in range(5)]
    PushTask.objects.filter(pk__in=[task.pk for task in tasks[:4]]).update(revoked_at=timezone.now())
    lane.got.clear()
    assert sweeper.sweep() == 1
    assert [outgoing.task_id for outgoing in lane.got] == [tasks[4].pk]


@pytest.mark.django_db
def test_a_sweeper_continues_where_it_stopped_long_ago(send: Send, lane: RecordingLane, known: KnownDevice) -> None:
    send({known.ad_token: "k1"}, delivery_type=1)
    message = Message.objects.get()
    an_hour_ago = ids.first_id_at(timezone.now() - timedelta(hours=1))
    Message.objects.filter(pk=message.pk).update(id=an_hour_ago)
    Watermark.objects.create(name="sweep", position=ids.first_id_at(timezone.now() - timedelta(hours=2)))
    lane.got.clear()
    assert sweeper.sweep() == 1
    assert lane.got[0].message_id == an_hour_ago
    assert sweeper.sweep() == 0


@pytest.mark.django_db
def test_a_second_sweeper_keeps_out_while_the_first_holds_the_lease(
    send: Send, lane: RecordingLane, known: KnownDevice
) -> None:
    send({known.ad_token: "k1"}, delivery_type=1)
    Watermark.objects.create(name="sweep", position=0, leased_until=timezone.now() + timedelta(seconds=5))
    assert sweeper.sweep() == 0
    Watermark.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    assert sweeper.sweep() == 1


@pytest.mark.django_db
def test_the_sweep_attaches_messages_that_a_bind_missed(send: Send, lane: RecordingLane, known: KnownDevice) -> None:
    send({"ann": "k1"})
    message = Message.objects.get()
    Binding.objects.create(
        workspace_id=message.workspace_id, device_id=known.id, user_id="ann", bound_at=timezone.now()
    )  # committed, and then the process was killed
    sweeper.sweep()
    assert {outgoing.device_id for outgoing in lane.got} == {known.id}
    message.refresh_from_db()
    assert message.status == statuses.WAITING
