"""Deciding which variant of an A/B test the rest of the audience gets: once, whoever decides at the same time.

A decision moves the walk from its phase DECISION to REST in one conditional update. Who comes second changes nothing.
"""

from __future__ import annotations

from datetime import timedelta
from enum import Enum

import structlog
from django.db import transaction
from django.db.models import QuerySet

from pushcore.ab_tests.results import TestResults
from pushcore.codes.results import ResultCode, ResultError
from pushcore.loading.wake import wake_loader
from pushcore.models import AbTest, AudienceWalk, PushTask, Workspace
from pushcore.storage import clock

log = structlog.get_logger(__name__)


class State(Enum):
    """What an A/B test is at."""

    SENDING = "sending"  # the test group gets its messages
    WAITING = "waiting"  # open rates are awaited, which decide
    UNDECIDED = "undecided"  # somebody has to decide
    DECIDED = "decided"
    ENDED = "ended"  # without a decision: nobody decided in time, or the push was revoked
    WHOLE = "whole"  # all of the audience was tested: there is nothing to decide


def state_of(test: AbTest) -> State:
    """Return what a test is at."""
    if test.winner:
        return State.DECIDED
    if test.walk.finished_at is not None:
        return State.ENDED if test.winner_by else State.WHOLE
    if test.walk.phase == AudienceWalk.Phase.TEST:
        return State.SENDING
    return State.UNDECIDED if test.decides_at is None else State.WAITING


def test_of(workspace: Workspace, task_id: int) -> AbTest:
    """Return the A/B test of a push.

    Raises:
        ResultError: The workspace has no such push, or it has no variants (INVALID_PARAM).
    """
    test = AbTest.objects.select_related("walk").filter(pk=task_id, walk__workspace=workspace).first()
    if test is None:
        raise ResultError(ResultCode.INVALID_PARAM, "taskId is not a push of this workspace with variants")
    return test


def decide_by_hand(workspace: Workspace, task_id: int, variant: str, *, author: str) -> None:
    """Have the rest of an audience get a variant; nothing more happens if the same one was decided before.

    Args:
        workspace: Whose push it is.
        task_id: The push.
        variant: The variant's name.
        author: The AccessKey ID or the operator.

    Raises:
        ResultError: There is no such test or variant, it is decided otherwise, or it is not the time to decide
            (INVALID_PARAM).
    """
    test = test_of(workspace, task_id)
    known = [one["name"] for one in test.variants]
    if variant not in known:
        raise ResultError(ResultCode.INVALID_PARAM, f"variant is one of {', '.join(known)}", parameter="variant")
    if PushTask.objects.filter(pk=task_id, revoked_at__isnull=False).exists():
        raise ResultError(ResultCode.INVALID_PARAM, "the push is revoked")
    if _decide(test, variant, author=author[:150]):
        wake_loader()
        return
    test = test_of(workspace, task_id)
    if test.winner == variant:
        return
    raise ResultError(ResultCode.INVALID_PARAM, _why_not(test))


def _why_not(test: AbTest) -> str:
    if test.winner:
        return f"variant {test.winner} is decided already"
    if not test.winner_by:
        return "all of the audience is tested: there is nothing to decide"
    return "the time to decide is over" if test.walk.finished_at else "the test group does not have its messages yet"


def decide_due(walk: AudienceWalk) -> None:
    """Do what is due of a test whose time has come: part of the caller's transaction.

    The open rates decide, or where they are not to, somebody has to until `decide_by`. The push ends there if nobody
    has, or if it was revoked.
    """
    test = walk.ab_test
    task = PushTask.objects.get(pk=walk.pk)
    now = clock.now()
    if task.revoked_at is None and test.decides_at is not None:
        comparison = TestResults.of(task, test).comparison
        if comparison.is_significant or not test.require_significance:
            _decide(test, comparison.best.name, is_significant=comparison.is_significant)
            return
        if now < test.decide_by:
            AbTest.objects.filter(pk=walk.pk).update(decides_at=None, is_significant=False)
            _undecided(walk).update(not_before=test.decide_by)
            log.info("A/B test is not significant; somebody has to decide", task=walk.pk)
            return
    _undecided(walk).update(finished_at=now)
    log.info("A/B test ended without a decision", task=walk.pk)


def _decide(test: AbTest, variant: str, *, author: str = "", is_significant: bool | None = None) -> bool:
    """Decide unless that has been done, or cannot be; tell whether this call did."""
    now = clock.now()
    with transaction.atomic():
        if not _undecided(test.walk).update(phase=AudienceWalk.Phase.REST, position=0, not_before=None):
            return False
        changes = {"winner": variant, "decided_at": now, "decided_by": author}
        if is_significant is not None:
            changes["is_significant"] = is_significant
        AbTest.objects.filter(pk=test.pk).update(**changes)
        # The rest's messages are valid from now on; nothing of the push is valid for longer.
        PushTask.objects.filter(pk=test.pk).update(expire_at=now + timedelta(seconds=test.expired_seconds))
    log.info("A/B test decided", task=test.pk, winner=variant, by_hand=bool(author))
    return True


def _undecided(walk: AudienceWalk) -> QuerySet[AudienceWalk]:
    return AudienceWalk.objects.filter(pk=walk.pk, phase=AudienceWalk.Phase.DECISION, finished_at__isnull=True)
