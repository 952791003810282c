"""How far schedules have come: when the next time of sending is, which was the last, and what became of all of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Min, Q, TextChoices
from django.utils.translation import gettext_lazy as _

from pushcore.models import Occurrence

# What an occurrence became that is neither waiting nor cancelled.
_PAST = (Occurrence.Status.EXECUTED, Occurrence.Status.MISSED, Occurrence.Status.FAILED)


class State(TextChoices):
    """The state of a schedule as a whole."""

    WAITING = "waiting", _("Waits for its time")
    UNDER_WAY = "under way", _("Under way")
    SENT = "sent", _("Sent")
    PARTLY_SENT = "partly sent", _("Sent in part")
    FAILED = "failed", _("Failed")
    MISSED = "missed", _("Missed")
    CANCELLED = "cancelled", _("Cancelled")


@dataclass(frozen=True, slots=True)
class ScheduleProgress:
    """The occurrences of a schedule that are still kept (`pushcore.retention`), by what became of them.

    Attributes:
        counts: How many there are of each status.
        next_at: When the next one is due; None if none waits.
        last: The latest that was sent, missed or failed; None before the first.
    """

    counts: Mapping[int, int]
    next_at: datetime | None = None
    last: Occurrence | None = None

    @property
    def total(self) -> int:
        """How many occurrences there are."""
        return sum(self.counts.values())

    @property
    def sent(self) -> int:
        """How many were sent."""
        return self.counts.get(Occurrence.Status.EXECUTED, 0)

    @property
    def waiting(self) -> int:
        """How many are still to come."""
        return self.counts.get(Occurrence.Status.PENDING, 0)

    @property
    def state(self) -> State:
        """The state of the schedule; cancelled as soon as a part of it is and nothing waits."""
        failed, missed = (self.counts.get(status, 0) for status in (Occurrence.Status.FAILED, Occurrence.Status.MISSED))
        if self.waiting:
            return State.UNDER_WAY if self.sent + failed + missed else State.WAITING
        if self.counts.get(Occurrence.Status.CANCELLED, 0):
            return State.CANCELLED
        if failed + missed:
            return State.PARTLY_SENT if self.sent else State.FAILED if failed else State.MISSED
        return State.SENT


def progress_of(schedule_ids: Collection[int]) -> dict[int, ScheduleProgress]:
    """Return the progress of schedules by their ids, in two queries along the index of their occurrences."""
    if not schedule_ids:
        return {}
    mine = Occurrence.objects.filter(schedule__in=schedule_ids)
    counts = {status: Count("pk", filter=Q(status=status)) for status in Occurrence.Status}
    waiting = Q(status=Occurrence.Status.PENDING)
    rows: Iterable[Mapping[str, Any]] = (
        mine.order_by()
        .values("schedule_id")
        .annotate(next_at=Min("at", filter=waiting), **{_count(status): count for status, count in counts.items()})
    )
    last = mine.filter(status__in=_PAST).order_by("schedule_id", "-at").distinct("schedule_id")
    last_by_schedule = {occurrence.schedule_id: occurrence for occurrence in last}
    return dict.fromkeys(schedule_ids, ScheduleProgress({})) | {
        row["schedule_id"]: ScheduleProgress(
            {status.value: row[_count(status)] for status in Occurrence.Status},
            row["next_at"],
            last_by_schedule.get(row["schedule_id"]),
        )
        for row in rows
    }


def _count(status: Occurrence.Status) -> str:
    return f"count_{status.value}"
