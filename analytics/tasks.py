"""Periodic work of the analysis room."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from analytics import exports, rollups
from analytics.models import MessageEvent
from pushcore.retention import delete_in_steps


@shared_task(name="analytics.fold")
def fold() -> None:
    """Sum up what has been noted."""
    rollups.fold()


@shared_task(name="analytics.export")
def export(export_id: int) -> None:
    """Make a report's file."""
    exports.make(export_id)


@shared_task(name="analytics.make_exports")
def make_exports() -> None:
    """Make files that were left."""
    exports.make_waiting()


@shared_task(name="analytics.purge")
def purge() -> None:
    """Delete raw events older than the messages they are about, and sums past their time."""
    oldest = timezone.now() - timedelta(days=settings.MESSAGE_RETENTION_DAYS)
    delete_in_steps(MessageEvent.objects.filter(received_at__lt=oldest))
    rollups.purge()
    exports.purge()
