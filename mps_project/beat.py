"""The clock of the periodic tasks: Celery's own, which goes on while the broker or the disk is away."""

from __future__ import annotations

from typing import Any

import structlog
from celery.beat import PersistentScheduler, ScheduleEntry, SchedulingError

log = structlog.get_logger(__name__)


class Scheduler(PersistentScheduler):
    """Says once that the broker is away, and once that it is back. What was not sent is sent at its next time."""

    _away = False

    def apply_entry(self, entry: ScheduleEntry, producer: Any = None) -> None:
        try:
            self.apply_async(entry, producer=producer, advance=False)
        except SchedulingError as error:
            if not self._away:
                log.warning("periodic tasks cannot be sent; each is sent at its next time", error=str(error)[:300])
            self._away = True
        else:
            if self._away:
                log.warning("periodic tasks are sent again")
            self._away = False
