"""Celery's beat for the periodic tasks: keeps no file, and goes on while the broker is away.

A full disk would spoil a file. With each start every task is due once; all are safe to run twice. A task of which the
settings name what tells whether it has anything to do (`PERIODIC_WORK`) is sent only if it has.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Any

import structlog
from celery.beat import ScheduleEntry, SchedulingError
from celery.beat import Scheduler as MemoryScheduler
from celery.schedules import BaseSchedule
from django.conf import settings
from django.db import close_old_connections
from django.utils.module_loading import import_string

from pushcore.storage.outages import DatabaseFault

log = structlog.get_logger(__name__)

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class Scheduler(MemoryScheduler):
    """Logs once that the broker is away and once that it is back. A task that was not sent waits for its next time."""

    _away = False

    def setup_schedule(self) -> None:
        """Make every task due at the start."""
        super().setup_schedule()
        for entry in self.schedule.values():
            entry.last_run_at = _LONG_AGO
            assert isinstance(entry.schedule, BaseSchedule)
            # Celery's own clock looks for daylight saving each time, which took a quarter of an idle beat's time.
            entry.schedule.nowfun = partial(datetime.now, UTC)  # type: ignore[attr-defined]  # not in its stubs

    def schedules_equal(self, old: object, new: object) -> bool:
        """Tell Celery, which compares all entries each time it wakes up, that the settings do not change."""
        return True

    def is_needed(self, task: str) -> bool:
        """Tell whether a task has anything to do. Where that cannot be asked, it is left to the task."""
        path = settings.PERIODIC_WORK.get(task)
        if path is None:
            return True
        try:
            close_old_connections()
            return bool(import_string(path)())
        except DatabaseFault:  # the worker meets it, too, and logs it
            return True

    def apply_entry(self, entry: ScheduleEntry, producer: Any = None) -> None:
        """Send a task that has anything to do; where the broker does not take it, log that and go on."""
        if not self.is_needed(str(entry.task)):
            return
        try:
            self.apply_async(entry, producer=producer, advance=False)
        except SchedulingError as error:
            if not self._away:
                log.warning("broker is unavailable; periodic tasks are skipped", error=str(error)[:300])
            self._away = True
        else:
            if self._away:
                log.warning("broker is available again; periodic tasks resume")
            self._away = False
