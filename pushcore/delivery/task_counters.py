"""The counters of tasks: how many messages they have, and what became of these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.backends.utils import CursorWrapper

from pushcore.storage.sql import statements
from pushcore.webhooks import events as webhook_events
from pushcore.webhooks.event_types import EventType

_SQL = statements(__file__)


@dataclass(slots=True)
class Counts:
    """What is added to the counters of one task.

    `final`: how many messages got their final status, whichever.
    `has_outcome`: whether a device or a vendor reported an outcome, which moves the time of the last one to now.
    """

    messages: int = 0
    succeeded: int = 0
    arrived: int = 0
    expired: int = 0
    held_back: int = 0
    no_consent: int = 0
    final: int = 0
    has_outcome: bool = False


def add(cursor: CursorWrapper, counts: Mapping[int, Counts], now: datetime) -> None:
    """Add counts to tasks, by task id: part of the transaction that changes what is counted. Two statements.

    A task that is finished by it is told to webhooks that want that.
    """
    tasks = sorted(counts)
    ordered = [counts[task] for task in tasks]
    cursor.execute(_SQL["lock"], {"tasks": tasks})
    cursor.execute(
        _SQL["add"],
        {
            "tasks": tasks,
            "messages": [one.messages for one in ordered],
            "succeeded": [one.succeeded for one in ordered],
            "arrived": [one.arrived for one in ordered],
            "expired": [one.expired for one in ordered],
            "held_back": [one.held_back for one in ordered],
            "no_consent": [one.no_consent for one in ordered],
            "final": [one.final for one in ordered],
            "has_outcome": [one.has_outcome for one in ordered],
            "first": tasks[0],
            "last": tasks[-1],
            "now": now,
            "finished": EventType.TASK_FINISHED.title,
        },
    )
    webhook_events.tasks_finished(cursor, [task_id for (task_id,) in cursor.fetchall() if task_id], now)
