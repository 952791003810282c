"""Walks of audiences: what is kept of a push to the devices that meet a condition, until it has gone to all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Q

from pushcore.ab_tests.plan import TestPlan
from pushcore.audience import conditions, segments
from pushcore.audience.condition_text import to_json_form
from pushcore.audience.local_time import LocalTime
from pushcore.audience.names import Kind
from pushcore.audience.resolve import Part, Walk, ids_of_names
from pushcore.audience.wave_times import last_moment
from pushcore.codes.results import ResultCode, ResultError
from pushcore.models import AbTest, AudienceWalk, Device, PushTask, Workspace
from pushcore.push.requests import AudiencePush
from pushcore.storage import clock

# Audience pushes of a workspace whose devices are still walked.
MAX_OPEN = 20
# A/B tests of a workspace that are not decided yet.
MAX_UNDECIDED = 20


@dataclass(frozen=True, slots=True)
class ResolvedCondition:
    """The condition of a push as it was when the push was accepted.

    Attributes:
        form: Its JSON form.
        segment_name: The segment that it is of; empty where the push has a condition of its own.
        ids: The ids of its tags and topics.
        msgkey: Of all the push's messages.
        messages_per_second: The push's pace; None for as fast as it goes.
        over_seconds: The period over which it is spread, in the place of a pace.
        pace_url: The URL that is asked whether it may go on; empty for none.
        local_time: The time on each device's own clock at which it gets the push; None for now.
        best_time_hours: The hours within which each user's best time is chosen; None for now.
        test: The A/B test of its variants; None where it has none.
    """

    form: dict[str, Any]
    segment_name: str
    ids: Mapping[tuple[Kind, str], int]
    msgkey: str
    messages_per_second: int | None = None
    over_seconds: int | None = None
    pace_url: str = ""
    local_time: LocalTime | None = None
    best_time_hours: int | None = None
    test: TestPlan | None = None

    def last_sent_at(self, accepted_at: datetime) -> datetime:
        """Return a time by which the last of the messages begin to be valid, of a push that was accepted at a time."""
        if self.test is not None:
            return self.test.last_decision(accepted_at)
        return last_moment(accepted_at, self.local_time, self.best_time_hours)

    def walk(self, workspace_id: int, part: Part | None = None) -> Walk:
        """Return the walk of the devices that meet it, or of a part of them."""
        return Walk(workspace_id, conditions.parse(self.form), self.ids, part)


def resolve_condition(
    workspace: Workspace, request: AudiencePush, overrides: Sequence[Mapping[str, Any]]
) -> ResolvedCondition:
    """Read the condition of a push, its own or its segment's, and look the names in it up.

    Args:
        workspace: Whose push it is.
        request: The push.
        overrides: What of the content is its variants' own.

    Raises:
        ResultError: CONDITION_INVALID, with the path of the term that is wrong; SEGMENT_NOT_EXIST.
    """
    form = form_of(workspace, request.condition, request.segment_name)
    name = segments.clean_name(request.segment_name) if request.segment_name else ""
    ids = ids_of_names(workspace.pk, conditions.parse(form))
    local_time = _local_time(request)
    test = TestPlan.of(request, overrides)
    return ResolvedCondition(
        form,
        name,
        ids,
        request.msgkey,
        request.messages_per_second,
        request.over_seconds,
        request.pace_url,
        local_time,
        request.best_time_hours,
        test,
    )


def _local_time(request: AudiencePush) -> LocalTime | None:
    now = clock.now()
    local_time = LocalTime.parse(request.local_time, request.local_date, now)
    last = last_moment(now, local_time, request.best_time_hours)
    most = timedelta(seconds=settings.MAX_EXPIRED_SECONDS) - (last - now)
    if timedelta(seconds=request.expired_seconds) > most:
        when = "at a local time" if local_time else "at the best time"
        raise ResultError(ResultCode.EXPIREDTIME_TOO_LONG, f"{when}, at most {int(most.total_seconds())} seconds")
    return local_time


def form_of(workspace: Workspace, condition: Mapping[str, Any] | str | None, segment_name: str) -> dict[str, Any]:
    """Return the JSON form of a condition that is given, or that a segment keeps.

    Raises:
        ResultError: Both are given, or neither (INVALID_PARAM); CONDITION_INVALID; SEGMENT_NOT_EXIST.
    """
    if bool(condition) == bool(segment_name):
        raise ResultError(ResultCode.INVALID_PARAM, "condition or segmentName is needed, and not both")
    if not condition:
        return dict(segments.named(workspace, segment_name).condition)
    return to_json_form(condition) if isinstance(condition, str) else dict(condition)


def check_limit(workspace: Workspace, condition: ResolvedCondition) -> None:
    """Check that one more audience may be walked; until the transaction ends, no other call of the workspace does.

    Raises:
        ResultError: Too many are, or too many A/B tests wait for their decision (INVALID_PARAM).
    """
    Workspace.objects.select_for_update(no_key=True).only("pk").get(pk=workspace.pk)
    undecided = Q(phase=AudienceWalk.Phase.DECISION)
    counted = AudienceWalk.objects.filter(workspace=workspace, finished_at__isnull=True).aggregate(
        walked=Count("pk", filter=~undecided), undecided=Count("pk", filter=undecided)
    )
    if counted["walked"] >= MAX_OPEN:
        raise _too_many(f"{MAX_OPEN} audience pushes are under way")
    if condition.test is not None and counted["undecided"] >= MAX_UNDECIDED:
        raise _too_many(f"{MAX_UNDECIDED} A/B tests are undecided")


def _too_many(what: str) -> ResultError:
    return ResultError(ResultCode.INVALID_PARAM, f"{what} at this time already", parameter="audience pushes")


def save(task: PushTask, condition: ResolvedCondition) -> None:
    """Insert the walk of a push: part of the transaction that inserts its task."""
    newest = Device.objects.filter(workspace=task.workspace_id).only("pk").order_by("-pk").first()
    names: dict[str, dict[str, int]] = {}
    for (kind, name), name_id in condition.ids.items():
        names.setdefault(str(kind.value), {})[name] = name_id
    walk = AudienceWalk(
        id=task.pk,
        workspace_id=task.workspace_id,
        created_at=task.created_at,
        accepted_at=task.created_at,
        condition=condition.form,
        segment_name=condition.segment_name,
        names=names,
        msgkey=condition.msgkey,
        messages_per_second=condition.messages_per_second,
        over_seconds=condition.over_seconds,
        pace_url=condition.pace_url,
        local_time=condition.local_time.time if condition.local_time else None,
        local_date=condition.local_time.day if condition.local_time else None,
        best_time_hours=condition.best_time_hours,
        last_device_id=newest.pk if newest else 0,
        phase=AudienceWalk.Phase.TEST if condition.test else AudienceWalk.Phase.WHOLE,
    )
    # Devices are assigned to waves without asking a callback.
    walk.granted = int(walk.is_in_waves)
    walk.save(force_insert=True)
    if test := condition.test:
        AbTest.objects.create(
            walk_id=task.pk,
            variants=[variant._asdict() for variant in test.variants],
            winner_by=test.winner_by,
            test_seconds=test.test_seconds,
            require_significance=test.require_significance,
            expired_seconds=test.expired_seconds,
            decide_by=test.last_decision(task.created_at),
        )


def condition_of(walk: AudienceWalk) -> ResolvedCondition:
    """Return the condition of a walk, with the ids that its names had when the push was accepted."""
    ids = {(Kind(int(kind)), name): name_id for kind, known in walk.names.items() for name, name_id in known.items()}
    return ResolvedCondition(walk.condition, walk.segment_name, ids, walk.msgkey)
