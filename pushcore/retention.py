"""Delete expired rows of tables that are not partitioned."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings

from pushcore.audience import aliases, names, open_hours, profiles
from pushcore.categories import caps
from pushcore.devices import activities
from pushcore.file_push.upload import scheduled_files
from pushcore.models import (
    AbTest,
    AudienceWalk,
    AudienceWave,
    Broadcast,
    Erasure,
    FileChunk,
    FileFault,
    FileImport,
    InboxMark,
    Occurrence,
    Revocation,
    Schedule,
    TokenLoss,
)
from pushcore.storage import clock, ids
from pushcore.storage.deletion import delete_in_steps


def purge() -> int:
    """Delete what is over: files, schedules, token losses, profiles, counts of caps...; return how many rows."""
    now = clock.now()
    oldest = now - timedelta(days=settings.MESSAGE_RETENTION_DAYS + 1)
    return (
        delete_in_steps(Occurrence.objects.filter(at__lt=oldest))
        + delete_in_steps(Schedule.objects.filter(created_at__lt=oldest, occurrences__isnull=True))
        + delete_in_steps(FileFault.objects.filter(file__created_at__lt=oldest))
        + delete_in_steps(FileChunk.objects.filter(file__created_at__lt=oldest).exclude(file__in=scheduled_files()))
        + delete_in_steps(FileImport.objects.filter(created_at__lt=oldest).exclude(pk__in=scheduled_files()))
        + delete_in_steps(AudienceWave.objects.filter(walk__created_at__lt=oldest))
        + delete_in_steps(AbTest.objects.filter(walk__created_at__lt=oldest))
        + delete_in_steps(AudienceWalk.objects.filter(created_at__lt=oldest))
        + delete_in_steps(Revocation.objects.filter(pk__lt=ids.first_id_at(oldest)))
        + delete_in_steps(InboxMark.objects.filter(message_id__lt=ids.first_id_at(oldest)))
        + delete_in_steps(Broadcast.objects.filter(pk__lt=ids.first_id_at(oldest)))
        + delete_in_steps(activities.past())
        + names.purge()
        + delete_in_steps(profiles.former())
        + delete_in_steps(aliases.former())
        + delete_in_steps(caps.past())
        + delete_in_steps(open_hours.past())
        + delete_in_steps(Erasure.objects.filter(finished_at__lt=now - timedelta(days=settings.AUDIT_RETENTION_DAYS)))
        + delete_in_steps(TokenLoss.objects.filter(at__lt=now - timedelta(days=settings.AUDIT_RETENTION_DAYS)))
    )
