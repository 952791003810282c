"""Revoking a push in the console: asked first, for operators, once, and kept in the task's history."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from pushcore.codes import statuses
from pushcore.models import Message, PushTask, Workspace
from pushcore.push import pushes
from tests.console.conftest import BY_TEST, Everything, a_push


def address(task: PushTask) -> str:
    return f"/console/pushcore/pushtask/{task.pk}/revoke/"


@pytest.fixture
def waiting(workspace: Workspace) -> PushTask:
    return pushes.accept(workspace, a_push({"nobody-bound": "key"}), **BY_TEST)


def test_an_operator_revokes_a_push_by_posting_only(member: Callable[[str], Client], waiting: PushTask) -> None:
    operator = member("operator")
    asked = operator.get(address(waiting))
    assert "Messages of this push: 1." in asked.text
    waiting.refresh_from_db()
    assert waiting.revoked_at is None
    answer = operator.post(address(waiting), follow=True)
    assert "The push is revoked." in answer.text
    waiting.refresh_from_db()
    assert waiting.revoked_at is not None
    assert Message.objects.get(task=waiting).status == statuses.REVOKED


def test_who_revoked_is_in_the_history(member: Callable[[str], Client], waiting: PushTask) -> None:
    member("operator").post(address(waiting))
    entry = LogEntry.objects.get(object_id=str(waiting.pk))
    assert (entry.user.username, entry.change_message) == ("a-operator", "Revoked.")


@pytest.mark.parametrize("role", ["viewer", "analyst"])
def test_those_who_may_not_push_may_not_revoke(member: Callable[[str], Client], waiting: PushTask, role: str) -> None:
    browser = member(role)
    assert browser.get(address(waiting)).status_code == 403
    assert browser.post(address(waiting)).status_code == 403
    waiting.refresh_from_db()
    assert waiting.revoked_at is None


def test_another_apps_push_does_not_exist(
    member: Callable[[str], Client], theirs: Everything, waiting: PushTask
) -> None:
    assert member("operator").post(address(theirs[PushTask])).status_code == 404
    theirs[PushTask].refresh_from_db()
    assert theirs[PushTask].revoked_at is None


def test_a_push_that_is_too_old_is_refused_with_the_services_word(
    member: Callable[[str], Client], waiting: PushTask
) -> None:
    PushTask.objects.filter(pk=waiting.pk).update(created_at=timezone.now() - timedelta(days=8))
    answer = member("operator").post(address(waiting), follow=True)
    assert "only tasks of the last 7 days can be revoked" in answer.text
    assert not LogEntry.objects.exists()
