"""The demo's scheduled pushes: one sent every morning, one sent once, some to come, one cancelled, one that failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from console.demo_data.plan import PlannedPush
from pushcore.codes.results import ResultCode, ResultError
from pushcore.models import Occurrence, PushTask, Schedule, Workspace
from pushcore.models.pushes import DeliveryType
from pushcore.push.requests import AnyPush, SimplePush, TemplatePush, as_json
from pushcore.push.validation import validate
from pushcore.schedules.times import DAILY, WEEKLY, Cyclic, Strategy, Timed, moments
from pushcore.storage import ids

_MANAGERS = ("anna.berg", "hugo.costa", "tara.dahl")
_AUTHOR = "olga"


@dataclass(frozen=True, slots=True)
class PlannedSchedule:
    """A schedule: what it sends, when, and when it was made.

    Attributes:
        unsent: What became of occurrences that were not sent: those past that failed, those to come that were
            cancelled; None where past ones were sent and others wait.
        fault: Why they failed.
    """

    request: AnyPush
    strategy: Strategy
    made_at: datetime
    unsent: Occurrence.Status | None = None
    fault: str = ""


def plan_schedules(now: datetime, days: int, zone: ZoneInfo) -> Sequence[PlannedSchedule]:
    """Plan schedules of which some have begun, at most so many days ago."""
    midnight = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    first = midnight - timedelta(days=days)
    return (
        PlannedSchedule(
            TemplatePush(
                task_name="Morning summary",
                delivery_type=DeliveryType.USER.value,
                expired_seconds=6 * 3600,
                template_name="daily_summary",
                template_key_value={"name": "team", "orders": "184", "returns": "7"},
                target_msgkey={user: f"summary-{user}" for user in _MANAGERS},
            ),
            Cyclic(first, midnight + timedelta(days=14), DAILY, (), time(7, 30)),
            made_at=first + timedelta(hours=6),
        ),
        PlannedSchedule(
            _simple("Flash sale starts", "The flash sale has begun", "Two hours, 500 articles, while stocks last."),
            Timed(midnight - timedelta(hours=8)),
            made_at=midnight - timedelta(days=1, hours=9),
        ),
        PlannedSchedule(
            _simple("Maintenance tonight", "Online banking pauses", "From 1:00 to 3:00 tonight; cards go on working."),
            Timed(midnight + timedelta(days=1, hours=20)),
            made_at=now - timedelta(hours=1),
        ),
        PlannedSchedule(
            _simple("Weekly newsletter", "What is new this week", "New arrivals, and three recipes for the weekend."),
            Cyclic(now, midnight + timedelta(days=35), WEEKLY, (5,), time(16, 0)),
            made_at=now - timedelta(minutes=50),
            unsent=Occurrence.Status.CANCELLED,
        ),
        PlannedSchedule(
            _simple("Invoice reminder", "An invoice is due", "Please pay within a week to avoid a fee."),
            Timed(midnight - timedelta(days=2, hours=12)),
            made_at=midnight - timedelta(days=3),
            unsent=Occurrence.Status.FAILED,
            fault=str(ResultError(ResultCode.TEMPLATE_NOT_EXIST)),
        ),
    )


def _simple(name: str, title: str, body: str) -> SimplePush:
    return SimplePush(
        task_name=name,
        delivery_type=DeliveryType.USER.value,
        expired_seconds=4 * 3600,
        title=title,
        content=body,
        target_msgkey={user: f"{name}-{user}" for user in _MANAGERS},
    )


class PastSchedules:
    """The schedules of a workspace, on their way into the database: they and their occurrences have their ids.

    Args:
        workspace: Whose schedules.
        planned: What they are.
        now: Occurrences before have been sent.
    """

    def __init__(self, workspace: Workspace, planned: Sequence[PlannedSchedule], now: datetime) -> None:
        self._schedules: list[Schedule] = []
        self._occurrences: list[Occurrence] = []
        self._sent: list[tuple[PlannedSchedule, Occurrence]] = []
        zone = ZoneInfo(workspace.time_zone)
        for number, one in enumerate(planned):
            first_id = ids.first_id_at(one.made_at) + 1000 * number
            timed = isinstance(one.strategy, Timed)
            schedule = _row(workspace, one, first_id)
            self._schedules.append(schedule)
            for place, at in enumerate(moments(one.strategy, zone, one.made_at), start=0 if timed else 1):
                occurrence = Occurrence(id=first_id + place, schedule=schedule, workspace=workspace, at=at)
                self._occurrences.append(occurrence)
                if one.unsent is not None:
                    occurrence.status, occurrence.fault = one.unsent, one.fault
                elif at < now:
                    self._sent.append((one, occurrence))

    def pushes(self) -> list[PlannedPush]:
        """Return the pushes of occurrences that have been sent; each tells its occurrence its task."""
        return [
            PlannedPush(
                occurrence.at + timedelta(seconds=0.4),
                one.request,
                PushTask.Source.CONSOLE,
                _AUTHOR,
                opened=0.5,
                occurrence=occurrence,
            )
            for one, occurrence in self._sent
        ]

    def write(self) -> None:
        """Insert schedules and occurrences."""
        Schedule.objects.bulk_create(self._schedules)
        Occurrence.objects.bulk_create(self._occurrences)


def _row(workspace: Workspace, planned: PlannedSchedule, schedule_id: int) -> Schedule:
    push = validate(workspace, planned.request)
    timed = isinstance(planned.strategy, Timed)
    return Schedule(
        id=schedule_id,
        workspace=workspace,
        kind=push.kind,
        strategy=Schedule.Strategy.TIMED if timed else Schedule.Strategy.CYCLIC,
        delivery_type=push.delivery_type,
        name=push.task_name,
        title=str(push.content["title"]),
        body=str(push.content["content"]),
        template_name=getattr(planned.request, "template_name", ""),
        request=as_json(planned.request),
        fingerprint=push.fingerprint,
        source=PushTask.Source.CONSOLE,
        author=_AUTHOR,
        created_at=planned.made_at,
    )
