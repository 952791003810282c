"""Celery tasks of usage analysis. Names of tasks stay: a queue may hold them during an update."""

from __future__ import annotations

from celery import shared_task

from analytics import export_jobs, rollups
from pushcore.storage.one_at_a_time import one_at_a_time


@shared_task(name="analytics.fold")
@one_at_a_time
def fold() -> None:
    """Add the changes that were noted to the sums."""
    rollups.fold()


@shared_task(name="analytics.export")
def export(export_id: int) -> None:
    """Write the file of an export, named by its primary key."""
    export_jobs.make(export_id)


@shared_task(name="analytics.make_exports")
@one_at_a_time
def make_exports() -> None:
    """Write files whose worker was not woken, or died."""
    export_jobs.make_waiting()


@shared_task(name="analytics.purge")
@one_at_a_time
def purge() -> None:
    """Delete sums and files that are past their time."""
    rollups.purge()
    export_jobs.purge()
