"""Delete expired rows of tables that are not partitioned, in steps that lock nothing for long."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from pushcore.devices import activities
from pushcore.file_push.upload import scheduled_files
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
# What a run leaves, the next one continues.
BUDGET_SECONDS = 60.0


def purge() -> int:
    """Delete past Live Activities, finished files and schedules, and old token losses; return how many rows."""
    now = clock.now()
    oldest = now - timedelta(days=settings.MESSAGE_RETENTION_DAYS + 1)
    return (
        delete_in_steps(Occurrence.objects.filter(at__lt=oldest))
        + delete_in_steps(Schedule.objects.filter(created_at__lt=oldest, occurrences__isnull=True))
        + delete_in_steps(FileFault.objects.filter(file__created_at__lt=oldest))
        + delete_in_steps(FileChunk.objects.filter(file__created_at__lt=oldest).exclude(file__in=scheduled_files()))
        + delete_in_steps(FileImport.objects.filter(created_at__lt=oldest).exclude(pk__in=scheduled_files()))
        + delete_in_steps(Revocation.objects.filter(pk__lt=ids.first_id_at(oldest)))
        + delete_in_steps(Broadcast.objects.filter(pk__lt=ids.first_id_at(oldest)))
        + delete_in_steps(activities.past())
        + delete_in_steps(TokenLoss.objects.filter(at__lt=now - timedelta(days=settings.AUDIT_RETENTION_DAYS)))
    )


def delete_in_steps(rows: QuerySet[Any]) -> int:
    """Delete rows that nothing refers to, `STEP` at a time, until `BUDGET_SECONDS` are spent; return how many."""
    deadline, deleted = time.monotonic() + BUDGET_SECONDS, 0
    while time.monotonic() < deadline:
        step = list(rows.order_by().values_list("pk", flat=True)[:STEP])
        if not step:
            break
        # Dependent rows are gone already, so Django has nothing to collect: one statement a step.
        deleted += rows.model._base_manager.filter(pk__in=step)._raw_delete(rows.db)
    return deleted
