"""The pace by a callback: a push goes on while a URL of its backend says so.

A load with a `pace_url` may make `granted` messages; when these are made it has no loader until the URL was asked again
and grants some. All URLs that are due are asked at once. A hold is a later `TaskLoad.not_before`, so it survives the
process and costs nothing. Once the push's validity is over nobody is asked any more: the rest is made, and expires.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import structlog
from cryptography.fernet import InvalidToken
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet

from pushcore.callbacks.signing import signed_request
from pushcore.callbacks.webhook_client import WebhookRequest, call_of, settings_for
from pushcore.http.calls import HttpAnswer
from pushcore.http.client import HttpClient
from pushcore.loading.load import SOURCES
from pushcore.loading.source import Source
from pushcore.loading.wake import wake_loader
from pushcore.models import AudienceWalk, FileImport, TaskLoad
from pushcore.security import keys
from pushcore.storage import clock

log = structlog.get_logger(__name__)

# Messages that an answer grants which names no number, and the most that one may name.
GRANTED, MOST_GRANTED = 1_000, 100_000_000
# Seconds of a hold: where the answer does not say, at least, at most.
HOLD, SHORTEST_HOLD, LONGEST_HOLD = 10.0, 1.0, 3600.0
CONNECT_TIMEOUT_MS, TIMEOUT_MS, MAX_ANSWER_BYTES = 3_000, 5_000, 4_096
# URLs asked at once, and after how long they are asked by another where a process died over it.
AT_ONCE = 100
_LEASE = timedelta(seconds=30)


class _Waiting(NamedTuple):
    """A load whose URL is to be asked, and what it loads."""

    load: TaskLoad
    source: Source[Any, Any]


def any_due() -> bool:
    """Tell whether a URL is to be asked."""
    return any(_due(model, clock.now()).exists() for model in SOURCES)


def _due(model: type[TaskLoad], now: datetime) -> QuerySet[TaskLoad]:
    free = Q(leased_until=None) | Q(leased_until__lt=now)
    begun = Q(not_before=None) | Q(not_before__lte=now)
    open_loads = model._default_manager.filter(accepted_at__isnull=False, finished_at=None)
    return open_loads.exclude(pace_url="").filter(free, begun, granted__lte=0)


def ask_due() -> int:
    """Ask the URLs that are due; return how many pushes may go on. Safe to run concurrently with itself."""
    now = clock.now()
    waiting = [_Waiting(load, SOURCES[model](load)) for model in SOURCES for load in _take(model, now)]
    over = [one for one in waiting if one.source.task.expire_at <= now or one.source.task.revoked_at]
    for one in over:
        _grant(one.load, GRANTED, held_since=one.load.held_since)
    asked = [one for one in waiting if one not in over]
    going = len(over)
    for one, answer in zip(asked, _answers(asked, now), strict=True):
        if granted := _granted_by(answer):
            _grant(one.load, granted)
            going += 1
        else:
            _hold(one, answer)
    if going:
        wake_loader()
    return going


def _take(model: type[TaskLoad], now: datetime) -> Sequence[TaskLoad]:
    """Lease the loads that wait longest, by a later time at which they are due."""
    with transaction.atomic():
        rows = _due(model, now).select_for_update(skip_locked=True, of=("self",))
        found = list(rows.order_by(F("not_before").asc(nulls_first=True), "pk")[:AT_ONCE])
        model._default_manager.filter(pk__in=[load.pk for load in found]).update(not_before=now + _LEASE)
    return found


def _answers(asked: Sequence[_Waiting], now: datetime) -> list[HttpAnswer]:
    if not asked:
        return []
    client = HttpClient(
        replace(
            settings_for(allow_private=settings.RECEIPT_ALLOW_PRIVATE),
            connect_timeout_ms=CONNECT_TIMEOUT_MS,
            timeout_ms=TIMEOUT_MS,
            max_answer_bytes=MAX_ANSWER_BYTES,
            keep_answer=True,
        )
    )
    try:
        return client.exchange([call_of(_question(one, now)) for one in asked])
    finally:
        client.close()


def _question(waiting: _Waiting, now: datetime) -> WebhookRequest:
    """Return the request that asks, signed as receipts are; without a key none can be made."""
    load, task = waiting
    since = load.held_since
    body = {
        "taskId": str(load.pk),
        "taskName": task.task.name,
        "made": task.task.message_count,
        "heldSince": since and round(since.timestamp() * 1000),
        "time": round(now.timestamp() * 1000),
    }
    try:
        key = keys.callback_key(task.task.workspace).private_pem
        return signed_request(load.pace_url, json.dumps(body, separators=(",", ":")), key)
    except (InvalidToken, ValueError):
        log.error("callback key cannot be read", workspace=load.workspace_id)
        return WebhookRequest("", b"")


def _granted_by(answer: HttpAnswer) -> int:
    """Return how many messages an answer grants; 0 where it says to wait, or says nothing."""
    if not answer.ok:
        return 0
    try:
        said = json.loads(answer.body)
    except (ValueError, RecursionError):
        return GRANTED
    number = said.get("messages") if isinstance(said, dict) else None
    if isinstance(number, int) and not isinstance(number, bool):
        return max(0, min(number, MOST_GRANTED))
    return GRANTED


def _grant(load: TaskLoad, messages: int, *, held_since: datetime | None = None) -> None:
    _of(load).update(granted=messages, held_since=held_since, not_before=clock.now())


def _hold(waiting: _Waiting, answer: HttpAnswer) -> None:
    """Have the load wait for as long as the answer says, but not past the end of its push's validity."""
    now, load = clock.now(), waiting.load
    asked_for = answer.retry_after if answer.status in (200, 429, 503) else None
    seconds = min(max(HOLD if asked_for is None else asked_for, SHORTEST_HOLD), LONGEST_HOLD)
    until = min(now + timedelta(seconds=seconds), max(waiting.source.task.expire_at, now))
    _of(load).update(not_before=until, held_since=load.held_since or now)
    log.info("push held by its callback", task=load.pk, status=answer.status, error=answer.error)


def _of(load: TaskLoad) -> QuerySet[TaskLoad]:
    return type(load)._default_manager.filter(pk=load.pk, granted__lte=0)


def held_since(task_id: int) -> datetime | None:
    """Return since when the messages of a push are held by its callback; None where they are not."""
    for model in (FileImport, AudienceWalk):
        if since := model._default_manager.filter(pk=task_id).values_list("held_since", flat=True).first():
            return since
    return None
