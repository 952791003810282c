"""Scheduled pushes: times across clock changes, each occurrence once, listing, cancelling, templates in use."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.utils import timezone

from pushcore.codes.results import ResultError
from pushcore.models import Message, Occurrence, PushTask, Schedule, Template, Workspace
from pushcore.push import pushes, templates
from pushcore.push.requests import (
    AnyPush,
    BroadcastPush,
    MultiplePush,
    SimplePush,
    TargetMessage,
    TemplatePush,
    as_json,
    from_json,
)
from pushcore.push.templates import TemplateDraft
from pushcore.schedules import firing, service
from pushcore.schedules.times import DAILY, MONTHLY, WEEKLY, Cyclic, Strategy, Timed, moments
from tests.pushcore.conftest import RecordingLane

RPC: dict[str, Any] = {"source": PushTask.Source.RPC, "author": "test"}
SIMPLE = SimplePush(delivery_type=3, expired_seconds=600, title="T", content="C", target_msgkey={"ann": "k1"})
BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def soon(seconds: float = 60) -> Timed:
    return Timed(timezone.now() + timedelta(seconds=seconds))


def each_day(days: int = 5, **changes: Any) -> Cyclic:
    start = (timezone.now() + timedelta(hours=1)).replace(microsecond=0)
    return replace(Cyclic(start, start + timedelta(days=days), DAILY, (), start.time()), **changes)


def make_due(*occurrences: Occurrence) -> None:
    for occurrence in occurrences:
        Occurrence.objects.filter(pk=occurrence.pk).update(at=timezone.now() - timedelta(seconds=1))


# -- times ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "America/New_York"])
@pytest.mark.parametrize("day", [(1, 1, 1, 0), (9999, 12, 31, 23)])
def test_times_at_the_ends_of_the_calendar_are_refused(zone: str, day: tuple[int, int, int, int]) -> None:
    at = datetime(*day, tzinfo=ZoneInfo(zone))
    for strategy in (Timed(at), Cyclic(at, at, DAILY, (), time(8))):
        with pytest.raises(ResultError):
            moments(strategy, ZoneInfo(zone), NOW)


def local(strategy: Strategy, zone: ZoneInfo = BERLIN) -> list[str]:
    return [moment.astimezone(zone).strftime("%d.%m. %H:%M%z") for moment in moments(strategy, zone, NOW)]


def between(start: str, end: str, circle: int, days: tuple[int, ...], at: time) -> Cyclic:
    begin, finish = (datetime.fromisoformat(day).replace(tzinfo=BERLIN) for day in (start, end))
    return Cyclic(begin, finish + timedelta(hours=23, minutes=59), circle, days, at)


def test_every_day_stays_at_its_time_when_the_clock_changes() -> None:
    assert local(between("2026-03-28", "2026-03-30", DAILY, (), time(8))) == [
        "28.03. 08:00+0100", "29.03. 08:00+0200", "30.03. 08:00+0200"
    ]  # fmt: skip


def test_a_time_that_the_clock_skips_is_moved_by_the_gap_and_happens_once() -> None:
    assert local(between("2026-03-28", "2026-03-30", DAILY, (), time(2, 30))) == [
        "28.03. 02:30+0100", "29.03. 03:30+0200", "30.03. 02:30+0200"
    ]  # fmt: skip


def test_a_time_that_occurs_twice_is_used_the_first_time() -> None:
    assert local(between("2026-10-24", "2026-10-26", DAILY, (), time(2, 30))) == [
        "24.10. 02:30+0200", "25.10. 02:30+0200", "26.10. 02:30+0100"
    ]  # fmt: skip


def test_days_of_the_week_and_of_the_month() -> None:
    assert local(between("2026-03-02", "2026-03-15", WEEKLY, (1, 7), time(9))) == [
        "02.03. 09:00+0100", "08.03. 09:00+0100", "09.03. 09:00+0100", "15.03. 09:00+0100"
    ]  # fmt: skip
    assert local(between("2026-03-02", "2026-06-30", MONTHLY, (31,), time(9))) == [
        "31.03. 09:00+0200",
        "31.05. 09:00+0200",
    ]


def test_days_are_those_of_the_time_zone() -> None:
    start = datetime(2026, 3, 2, 20, tzinfo=UTC)
    strategy = Cyclic(start, start + timedelta(hours=12), DAILY, (), time(1))
    # From 4 in the morning to 4 in the afternoon there: 1 o'clock is not in it, though it is in UTC.
    with pytest.raises(ResultError, match="no time"):
        moments(strategy, ZoneInfo("Asia/Shanghai"), NOW)
    assert local(strategy, ZoneInfo("UTC")) == ["03.03. 01:00+0000"]


@pytest.mark.parametrize(
    "strategy",
    [
        Timed(NOW),
        Timed(NOW + timedelta(days=367)),
        between("2026-02-01", "2026-02-05", DAILY, (), time(8)),
        between("2026-03-05", "2026-03-01", DAILY, (), time(8)),
        between("2026-03-05", "2026-03-09", 4, (), time(8)),
        between("2026-03-05", "2026-03-09", WEEKLY, (), time(8)),
        between("2026-03-05", "2026-03-09", WEEKLY, (8,), time(8)),
        between("2026-03-05", "2026-03-09", WEEKLY, (0,), time(8)),
        between("2026-03-05", "2026-03-09", MONTHLY, (32,), time(8)),
        between("2026-03-05", "2026-03-09", MONTHLY, (20,), time(8)),
        between("2026-03-05", "2027-03-09", DAILY, (), time(8)),
        between("2026-03-05", "2126-03-09", DAILY, (), time(8)),
    ],
)
def test_a_strategy_without_a_time_to_come_is_refused(strategy: Strategy) -> None:
    with pytest.raises(ResultError) as refused:
        moments(strategy, BERLIN, NOW)
    assert refused.value.result.code == "3028"


# -- making and sending -----------------------------------------------------------------------------------------------


@pytest.fixture
def template(workspace: Workspace) -> Template:
    return templates.create(workspace, TemplateDraft("hello", "d", "Hello #name#", "Body"))


REQUESTS: list[AnyPush] = [
    SIMPLE,
    TemplatePush(
        delivery_type=3, expired_seconds=600, template_name="hello", target_msgkey={"ann": "k1"},
        template_key_value={"name": "Ann"},
    ),
    MultiplePush(
        delivery_type=3, expired_seconds=600, template_name="hello",
        target_msg=[TargetMessage(target="ann", msgkey="k1", template_key_value={"name": "Ann"})],
    ),
    BroadcastPush(
        delivery_type=2, expired_seconds=600, template_name="hello", template_key_value={"name": "all"}, msgkey="b1",
        bind_window=(NOW, NOW + timedelta(days=1)),
    ),
]  # fmt: skip


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: type(request).__name__)
def test_each_kind_of_push_is_sent_when_its_time_comes(
    workspace: Workspace, template: Template, lane: RecordingLane, request_: AnyPush
) -> None:
    assert from_json(request_.kind, as_json(request_)) == request_
    schedule = service.create(workspace, request_, soon(), **RPC)
    assert firing.fire_due() == 0
    assert not PushTask.objects.exists()
    occurrence = schedule.occurrences.get()
    make_due(occurrence)
    assert firing.fire_due() == 1
    occurrence.refresh_from_db()
    task = PushTask.objects.get()
    assert (occurrence.status, occurrence.task_id) == (Occurrence.Status.EXECUTED, task.pk)
    assert (task.kind, task.author, occurrence.pk) == (schedule.kind, "test", schedule.pk)
    assert firing.fire_due() == 0


def test_a_cyclic_push_reaches_the_same_targets_each_time(workspace: Workspace, lane: RecordingLane) -> None:
    schedule = service.create(workspace, SIMPLE, each_day(3), **RPC)
    occurrences = list(schedule.occurrences.order_by("at"))
    assert len(occurrences) == 4
    for count, occurrence in enumerate(occurrences, 1):
        make_due(occurrence)
        assert firing.fire_due() == 1
        assert Message.objects.filter(target="ann", msgkey="k1").count() == count


def test_a_scheduled_push_uses_the_template_as_it_is_when_sent(workspace: Workspace, template: Template) -> None:
    schedule = service.create(workspace, REQUESTS[1], soon(), **RPC)
    Template.objects.update(title="Good morning #name#")
    make_due(schedule.occurrences.get())
    firing.fire_due()
    assert PushTask.objects.get().title == "Good morning Ann"


@pytest.mark.usefixtures("transactional_db")
def test_two_beats_send_each_occurrence_once(workspace: Workspace, lane: RecordingLane) -> None:
    schedules = [
        service.create(workspace, replace(SIMPLE, target_msgkey={f"u{n}": f"k{n}"}), soon(), **RPC) for n in range(20)
    ]
    make_due(*(schedule.occurrences.get() for schedule in schedules))
    sent: list[int] = []

    def beat() -> None:
        try:
            sent.append(firing.fire_due())
        finally:
            connection.close()

    beats = [threading.Thread(target=beat) for _ in range(4)]
    for one in beats:
        one.start()
    for one in beats:
        one.join()
    assert sum(sent) == 20
    assert PushTask.objects.count() == 20


@pytest.mark.usefixtures("transactional_db")
def test_a_schedule_whose_worker_dies_is_sent_by_the_next(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = service.create(workspace, SIMPLE, soon(), **RPC)
    make_due(schedule.occurrences.get())
    with monkeypatch.context() as patched:
        patched.setattr(Occurrence, "save", lambda *_a, **_k: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            firing.fire_due()
    assert not PushTask.objects.exists()
    assert firing.fire_due() == 1
    assert PushTask.objects.count() == 1


def test_a_schedule_far_past_its_time_is_missed_and_a_slightly_late_one_is_sent(workspace: Workspace) -> None:
    for late, status in ((599, Occurrence.Status.EXECUTED), (601, Occurrence.Status.MISSED)):
        schedule = service.create(workspace, replace(SIMPLE, target_msgkey={"u": str(late)}), soon(), **RPC)
        schedule.occurrences.update(at=timezone.now() - timedelta(seconds=late))
        firing.fire_due()
        assert schedule.occurrences.get().status == status


def test_a_failing_schedule_records_the_reason_and_delays_no_other(workspace: Workspace, template: Template) -> None:
    broken = service.create(workspace, REQUESTS[1], soon(), **RPC)
    good = service.create(workspace, replace(SIMPLE, target_msgkey={"bob": "k2"}), soon(), **RPC)
    Template.objects.update(body="now needs #more#", variables=["more"])
    for schedule in (broken, good):
        make_due(schedule.occurrences.get())
    assert firing.fire_due() == 1
    occurrence = broken.occurrences.get()
    assert (occurrence.status, "#more#" in occurrence.fault) == (Occurrence.Status.FAILED, True)


def test_an_internal_error_delays_no_other_schedule(workspace: Workspace) -> None:
    odd = service.create(workspace, SIMPLE, soon(), **RPC)
    Schedule.objects.update(request={})
    make_due(odd.occurrences.get())
    assert firing.fire_due() == 0
    assert odd.occurrences.get().status == Occurrence.Status.FAILED


def test_a_disabled_workspace_sends_nothing(workspace: Workspace) -> None:
    schedule = service.create(workspace, SIMPLE, soon(), **RPC)
    Workspace.objects.update(enabled=False)
    make_due(schedule.occurrences.get())
    assert firing.fire_due() == 0
    assert not PushTask.objects.exists()


def test_the_same_schedule_again_is_the_first_and_another_is_refused(workspace: Workspace) -> None:
    strategy = soon()
    first = service.create(workspace, SIMPLE, strategy, **RPC)
    assert service.create(workspace, SIMPLE, strategy, **RPC).pk == first.pk
    for other in (
        lambda: service.create(workspace, SIMPLE, soon(61), **RPC),
        lambda: pushes.accept(workspace, SIMPLE, **RPC),
    ):
        with pytest.raises(ResultError, match="k1"):
            other()
    assert Schedule.objects.count() == 1


def test_a_push_that_breaks_a_limit_is_refused_when_it_is_scheduled(workspace: Workspace) -> None:
    with pytest.raises(ResultError) as refused:
        service.create(workspace, replace(SIMPLE, title=""), soon(), **RPC)
    assert refused.value.result.code == "3024"
    assert not Schedule.objects.exists()


def test_the_number_of_waiting_schedules_is_limited(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MAX_OPEN", 1)
    service.create(workspace, SIMPLE, soon(), **RPC)
    with pytest.raises(ResultError, match="1 schedules"):
        service.create(workspace, replace(SIMPLE, target_msgkey={"bob": "k2"}), soon(), **RPC)


# -- listing and cancelling -------------------------------------------------------------------------------------------


def test_cancelled_schedules_are_neither_sent_nor_listed(workspace: Workspace) -> None:
    schedule = service.create(workspace, SIMPLE, each_day(3), **RPC)
    first, second, third, fourth = schedule.occurrences.order_by("at")
    now, later = timezone.now() - timedelta(hours=1), timezone.now() + timedelta(days=9)
    assert service.listed(workspace, now, later).total == 4
    assert service.cancel(workspace, [second.pk], parents=False) == 1
    assert [one.pk for one in service.listed(workspace, now, later).occurrences] == [first.pk, third.pk, fourth.pk]
    make_due(first, second)
    assert firing.fire_due() == 1
    assert service.cancel(workspace, [schedule.pk], parents=True) == 2
    make_due(third, fourth)
    assert firing.fire_due() == 0
    with pytest.raises(ResultError, match=str(schedule.pk)):
        service.cancel(workspace, [schedule.pk], parents=True)


def test_cancelling_is_all_or_nothing_and_for_ones_own(workspace: Workspace) -> None:
    mine = service.create(workspace, SIMPLE, soon(), **RPC)
    other = Workspace.objects.create(app=workspace.app, workspace_id="other")
    theirs = service.create(other, SIMPLE, soon(), **RPC)
    for unique_ids in ([mine.pk, theirs.pk], [mine.pk, 5], [], [mine.pk] * 31):
        with pytest.raises(ResultError):
            service.cancel(workspace, unique_ids, parents=True)
    assert set(Occurrence.objects.values_list("status", flat=True)) == {Occurrence.Status.PENDING}
    assert service.cancel(workspace, [mine.pk] * 30, parents=True) == 1


def test_a_list_is_filtered_and_paged(workspace: Workspace, template: Template) -> None:
    cyclic = service.create(workspace, SIMPLE, each_day(3), **RPC)
    hello = TemplatePush(
        delivery_type=3, expired_seconds=600, template_name="hello", target_msgkey={"bob": "k9"},
        template_key_value={"name": "Bob"},
    )  # fmt: skip
    timed = service.create(workspace, hello, soon(), **RPC)
    now, later = timezone.now(), timezone.now() + timedelta(days=9)

    def pks(**filters: Any) -> list[int]:
        return [one.pk for one in service.listed(workspace, now, later, **filters).occurrences]

    children = list(cyclic.occurrences.order_by("at").values_list("pk", flat=True))
    assert pks() == [timed.pk, *children]
    assert pks(kind="template") == [timed.pk]
    assert pks(unique_id=cyclic.pk) == children
    assert pks(unique_id=children[1]) == [children[1]]
    assert pks(page=2, page_size=2) == children[1:3]
    assert service.listed(workspace, now, later, page=9, page_size=2).total == 5
    assert service.listed(workspace, now, now + timedelta(minutes=5)).total == 1


# -- templates --------------------------------------------------------------------------------------------------------


def test_a_template_that_a_schedule_needs_is_not_deleted(workspace: Workspace, template: Template) -> None:
    schedule = service.create(workspace, REQUESTS[1], soon(), **RPC)
    with pytest.raises(ResultError, match=f"{schedule.pk}.*cancel"):
        templates.delete(workspace, "hello")
    service.cancel(workspace, [schedule.pk], parents=True)
    templates.delete(workspace, "hello")
    assert not Template.objects.exists()


@pytest.mark.usefixtures("transactional_db")
def test_of_a_deletion_and_a_schedule_at_once_one_waits_for_the_other(
    workspace: Workspace, template: Template, monkeypatch: pytest.MonkeyPatch
) -> None:
    holding, go_on = threading.Event(), threading.Event()
    hold: Callable[..., None] = templates.hold

    def slowly(*arguments: Any) -> None:
        hold(*arguments)
        holding.set()
        go_on.wait(10)

    def schedule() -> None:
        try:
            monkeypatch.setattr(templates, "hold", slowly)
            service.create(workspace, REQUESTS[1], soon(), **RPC)
        finally:
            connection.close()

    thread = threading.Thread(target=schedule)
    thread.start()
    assert holding.wait(10)
    monkeypatch.setattr(templates, "hold", hold)
    threading.Timer(0.2, go_on.set).start()
    with pytest.raises(ResultError, match="cancel"):
        templates.delete(workspace, "hello")
    thread.join()
    assert Template.objects.exists()
