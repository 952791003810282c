"""Deleting what is past its time, in steps that lock nothing for long."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from pushcore.devices import activities
from pushcore.models import (
    Broadcast,
    FileChunk,
    FileFault,
    FileImport,
    Occurrence,
    Revocation,
    Schedule,
    TokenLoss,
)
from pushcore.storage import clock, ids

STEP = 10_000
# What a run does not get done is the next one's.
BUDGET_SECONDS = 60.0


def purge() -> int:
    """Delete past activities, finished files and schedules, old notes of lost tokens; how many rows."""
    now = clock.now()
    oldest = now - timedelta(days=settings.MESSAGE_RETENTION_DAYS + 1)
    return (
        delete_in_steps(Occurrence.objects.filter(at__lt=oldest))
        + delete_in_steps(Schedule.objects.filter(created_at__lt=oldest, occurrences__isnull=True))
        + delete_in_steps(FileFault.objects.filter(file__created_at__lt=oldest))
        + delete_in_steps(FileChunk.objects.filter(file__created_at__lt=oldest))
        + delete_in_steps(FileImport.objects.filter(created_at__lt=oldest))
        + delete_in_steps(Revocation.objects.filter(pk__lt=ids.first_id_at(oldest)))
        + delete_in_steps(Broadcast.objects.filter(pk__lt=ids.first_id_at(oldest)))
        + delete_in_steps(activities.past())
        + delete_in_steps(TokenLoss.objects.filter(at__lt=now - timedelta(days=settings.AUDIT_RETENTION_DAYS)))
    )


def delete_in_steps(rows: QuerySet[Any]) -> int:
    """Delete rows nothing refers to any more, `STEP` at a time, until the time is spent; returns how many."""
    deadline, deleted = time.monotonic() + BUDGET_SECONDS, 0
    while time.monotonic() < deadline:
        step = list(rows.order_by().values_list("pk", flat=True)[:STEP])
        if not step:
            break
        # The dependants are gone already, so there is nothing to collect first: one statement a step.
        deleted += rows.model._base_manager.filter(pk__in=step)._raw_delete(rows.db)
    return deleted
