"""Send occurrences that are due, each once: sending one and recording it is one transaction."""

from __future__ import annotations

import time
from datetime import timedelta

import structlog
from django.db import transaction

from pushcore.codes.results import ResultCode, ResultError
from pushcore.models import Occurrence, PushTask
from pushcore.push import pushes, requests
from pushcore.push.insert import PushRows
from pushcore.push.validation import validate
from pushcore.storage import clock
from pushcore.storage.outages import Unavailable

log = structlog.get_logger(__name__)


def fire_due(*, budget_seconds: float = 10.0) -> int:
    """Send every occurrence that is due; return how many were sent. Safe to run concurrently with itself."""
    deadline = time.monotonic() + budget_seconds
    sent = 0
    while time.monotonic() < deadline:
        found, accepted = _fire_next()
        if not found:
            break
        if accepted is not None:
            pushes.make_first_attempt([accepted])
            sent += 1
    return sent


def _fire_next() -> tuple[bool, PushRows | None]:
    """Commit the next due occurrence that nobody else is sending; return whether there was one, and its push."""
    with transaction.atomic():
        now = clock.now()
        due = Occurrence.objects.filter(status=Occurrence.Status.PENDING, at__lte=now)
        locked = due.select_for_update(skip_locked=True, of=("self",)).select_related("schedule__workspace__app")
        occurrence = locked.order_by("at", "pk").first()
        if occurrence is None:
            return False, None
        accepted = _send(occurrence)
        occurrence.save(update_fields=["status", "task_id", "fault"])
    return True, accepted


def _send(occurrence: Occurrence) -> PushRows | None:
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
        push = validate(schedule.workspace, request)
        with transaction.atomic():
            accepted = pushes.commit_scheduled(
                schedule.workspace, push, source=PushTask.Source(schedule.source), author=schedule.author
            )
    except Unavailable:
        raise  # tried again
    except Exception as error:  # whatever it is, the next occurrences must not wait behind it
        refused = isinstance(error, ResultError)
        log.log(30 if refused else 40, "scheduled push failed", occurrence=occurrence.pk, exc_info=not refused)
        occurrence.status = Occurrence.Status.FAILED
        occurrence.fault = str(error)[:300] if refused else "internal error"
        return None
    occurrence.status, occurrence.task_id = Occurrence.Status.EXECUTED, accepted.task.pk
    return accepted
