"""Scheduling, listing and cancelling; a template in use is not deleted."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from pushcore.codes.results import ResultError
from pushcore.models import Occurrence, Schedule, Template, Workspace
from pushcore.push import pushes, templates
from pushcore.push.requests import TemplatePush
from pushcore.schedules import firing, service
from tests.pushcore.schedules.samples import REQUESTS, RPC, SIMPLE, each_day, make_due, soon


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


def test_cancelled_schedules_are_neither_sent_nor_listed(workspace: Workspace) -> None:
    schedule = service.create(workspace, SIMPLE, each_day(3), **RPC)
    first, second, third, fourth = schedule.occurrences.order_by("at")
    now, later = timezone.now() - timedelta(hours=1), timezone.now() + timedelta(days=9)
    assert service.list_occurrences(workspace, now, later).total == 4
    assert service.cancel(workspace, [second.pk], parents=False) == 1
    assert [one.pk for one in service.list_occurrences(workspace, now, later).occurrences] == [
        first.pk,
        third.pk,
        fourth.pk,
    ]
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
        return [one.pk for one in service.list_occurrences(workspace, now, later, **filters).occurrences]

    children = list(cyclic.occurrences.order_by("at").values_list("pk", flat=True))
    assert pks() == [timed.pk, *children]
    assert pks(kind="template") == [timed.pk]
    assert pks(unique_id=cyclic.pk) == children
    assert pks(unique_id=children[1]) == [children[1]]
    assert pks(page=2, page_size=2) == children[1:3]
    assert service.list_occurrences(workspace, now, later, page=9, page_size=2).total == 5
    assert service.list_occurrences(workspace, now, now + timedelta(minutes=5)).total == 1


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
