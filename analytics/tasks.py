"""Periodic work of the analysis room."""

from __future__ import annotations

from celery import shared_task

from analytics import exports, rollups
from pushcore.storage.one_at_a_time import one_at_a_time


@shared_task(name="analytics.fold")
@one_at_a_time
def fold() -> None:
    """Sum up what has been noted."""
    rollups.fold()


@shared_task(name="analytics.export")
def export(export_id: int) -> None:
    """Make a report's file."""
    exports.make(export_id)


@shared_task(name="analytics.make_exports")
@one_at_a_time
def make_exports() -> None:
    """Make files that were left."""
    exports.make_waiting()


@shared_task(name="analytics.purge")
@one_at_a_time
def purge() -> None:
    """Delete sums past their time, and files of reports."""
    rollups.purge()
    exports.purge()
