"""Send occurrences that are due, each once: sending one and recording it is one transaction."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import structlog
from django.db import transaction

from pushcore.codes.results import ResultCode, ResultError
from pushcore.file_push import upload
from pushcore.loading.wake import wake_loader
from pushcore.models import Occurrence, PushTask, Schedule
from pushcore.push import pushes, requests
from pushcore.push.requests import AnyPush, FilePush
from pushcore.push.validation import validate
from pushcore.storage import clock
from pushcore.storage.outages import is_outage

log = structlog.get_logger(__name__)


def any_due() -> bool:
    """Tell whether an occurrence is due."""
    return Occurrence.objects.filter(status=Occurrence.Status.PENDING, at__lte=clock.now()).exists()


def fire_due(*, budget_seconds: float = 10.0) -> int:
    """Send every occurrence that is due; return how many were sent. Safe to run concurrently with itself."""
    deadline = time.monotonic() + budget_seconds
    sent = 0
    while time.monotonic() < deadline:
        found, deliver = _fire_next()
        if not found:
            break
        if deliver is not None:
            deliver()
            sent += 1
    return sent


# What remains to be done of a push once it is committed: the first attempt to deliver it.
_Deliver = Callable[[], None]


def _fire_next() -> tuple[bool, _Deliver | None]:
    """Commit the next due occurrence that nobody else is sending; return whether there was one, and what remains."""
    with transaction.atomic():
        now = clock.now()
        due = Occurrence.objects.filter(status=Occurrence.Status.PENDING, at__lte=now)
        locked = due.select_for_update(skip_locked=True, of=("self",)).select_related("schedule__workspace__app")
        occurrence = locked.order_by("at", "pk").first()
        if occurrence is None:
            return False, None
        deliver = _send(occurrence)
        occurrence.save(update_fields=["status", "task_id", "fault"])
    return True, deliver


def _send(occurrence: Occurrence) -> _Deliver | None:
    """Accept the push of an occurrence, and note its result in the occurrence (unsaved).

    An occurrence that is later than its validity would have lasted is not sent; it is missed.
    """
    schedule = occurrence.schedule
    try:
        request = requests.from_json(schedule.kind, schedule.request)
        if clock.now() > occurrence.at + timedelta(seconds=request.expired_seconds):
            occurrence.status = Occurrence.Status.MISSED
            log.warning("scheduled push missed", occurrence=occurrence.pk, at=str(occurrence.at))
            return None
        if not (schedule.workspace.enabled and schedule.workspace.app.enabled):
            raise ResultError(ResultCode.APPID_WRONG, "the workspace is disabled")
        with transaction.atomic():
            task_id, deliver = _commit(schedule, request)
    except Exception as error:  # whatever it is, the next occurrences must not wait behind it
        if is_outage(error):
            raise  # tried again
        occurrence.status = Occurrence.Status.FAILED
        if isinstance(error, ResultError):
            occurrence.fault = str(error)[:300]
            log.warning("scheduled push failed", occurrence=occurrence.pk)
        else:
            occurrence.fault = "internal error"
            log.exception("scheduled push failed", occurrence=occurrence.pk)
        return None
    occurrence.status, occurrence.task_id = Occurrence.Status.EXECUTED, task_id
    return deliver


def _commit(schedule: Schedule, request: AnyPush | FilePush) -> tuple[int, _Deliver]:
    """Accept one push of a schedule; return its task's id and what is left to do once it is committed."""
    workspace = schedule.workspace
    by: dict[str, Any] = {"source": PushTask.Source(schedule.source), "author": schedule.author}
    if isinstance(request, FilePush):
        assert schedule.file_id is not None
        return upload.push_copy(workspace, request, schedule.file_id, **by).pk, wake_loader
    push = pushes.commit_scheduled(workspace, validate(workspace, request), **by)
    return push.task.pk, partial(pushes.make_first_attempt, [push])
