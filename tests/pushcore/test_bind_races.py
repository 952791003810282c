"""A user is bound between the query for devices and the commit of a push."""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from pushcore.devices import bindings
from pushcore.devices.registry import KnownDevice
from pushcore.file_push import source, upload
from pushcore.loading import load, wake
from pushcore.models import Binding, Device, Message, Occurrence, PushTask, Workspace
from pushcore.push import pushes, templates
from pushcore.push.requests import FilePush, SimplePush
from pushcore.push.targets import resolve, resolve_all
from pushcore.push.templates import TemplateDraft
from pushcore.push.validation import validate
from pushcore.schedules import firing, service
from pushcore.schedules.times import Timed
from tests.pushcore.conftest import RecordingLane

BY_TEST: dict[str, Any] = {"source": PushTask.Source.REST, "author": "test"}
REQUEST = SimplePush(delivery_type=3, expired_seconds=300, title="T", content="C", target_msgkey={"ann": "k"})


def push_now(workspace: Workspace) -> None:
    pushes.accept(workspace, REQUEST, **BY_TEST)


def push_by_schedule(workspace: Workspace) -> None:
    service.create(workspace, REQUEST, Timed(timezone.now() + timedelta(minutes=1)), **BY_TEST)
    Occurrence.objects.update(at=timezone.now())
    assert firing.fire_due() == 1


def push_by_file(workspace: Workspace) -> None:
    templates.create(workspace, TemplateDraft("hello", "d", "Hello", "Body"))
    raw = b"ann,k\nsomebody,k\n"
    request = FilePush(
        delivery_type=3, expired_seconds=300, template_name="hello", sha256=hashlib.sha256(raw).hexdigest()
    )
    upload.receive(workspace, request, io.BytesIO(raw).read, **BY_TEST)
    assert load.load_all() == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("push_to_ann", [push_now, push_by_schedule, push_by_file])
def test_a_user_bound_while_a_push_is_accepted_gets_it_at_once(
    workspace: Workspace,
    known: KnownDevice,
    lane: RecordingLane,
    monkeypatch: pytest.MonkeyPatch,
    push_to_ann: Callable[[Workspace], None],
) -> None:
    monkeypatch.setattr(wake, "wake_task", lambda *_: True)

    def bind() -> None:
        try:
            bindings.bind(Device.objects.get(pk=known.id), "ann")
        finally:
            connection.close()

    def then_bind(query: Callable[..., Any]) -> Callable[..., Any]:
        def query_and_bind(*args: Any) -> Any:
            found = query(*args)
            thread = threading.Thread(target=bind)
            thread.start()
            thread.join()
            return found

        return query_and_bind

    monkeypatch.setattr(pushes, "resolve_all", then_bind(resolve_all))
    monkeypatch.setattr(source, "resolve", then_bind(resolve))
    push_to_ann(workspace)
    assert [(outgoing.target, outgoing.device_id) for outgoing in lane.got] == [("ann", known.id)]
    assert Message.objects.get(target="ann").status == 0


@pytest.mark.django_db(transaction=True)
def test_a_push_is_accepted_although_the_second_query_for_bindings_fails(
    workspace: Workspace, lane: RecordingLane, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: object) -> None:
        raise DatabaseError("away")

    monkeypatch.setattr(Binding.objects, "filter", fail)
    task = pushes.accept(workspace, REQUEST, **BY_TEST)
    assert Message.objects.get().task_id == task.pk


@pytest.mark.django_db
def test_pushes_that_share_a_commit_share_the_second_query_for_bindings(
    workspace: Workspace, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    requests = [replace(REQUEST, target_msgkey={f"user{number}": "k"}) for number in range(5)]
    committed = [
        pushes.commit_scheduled(workspace, validate(workspace, request), **BY_TEST) for request in requests
    ]  # fmt: skip
    with django_assert_num_queries(1):
        pushes.make_first_attempt(committed)
