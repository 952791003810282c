"""The sweeper: messages that were committed and did not get to their lane are given to it again.

A process may die between the commit and the first attempt, a lane may be away, a batch may be lost on its way to a
node. Each leaves rows at status 0 (or 1, if a bind was missed), and those are all the sweeper needs: it walks the ids
made since its watermark, less the last few seconds, and dispatches what still waits. Lanes drop what is in flight and
what has no device online; connecting devices ask for their pending rows themselves.
"""

from __future__ import annotations

import time
from collections import defaultdict
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import connection

from pushcore.codes import statuses
from pushcore.delivery import deliverable, dispatch
from pushcore.devices import bindings
from pushcore.models import Binding, Watermark
from pushcore.models.pushes import DeliveryType
from pushcore.ports import lanes
from pushcore.storage import clock, ids
from pushcore.storage.sql import statements

log = structlog.get_logger(__name__)

# Ids are made before their transaction commits: recent ones are looked at several times.
OVERLAP = timedelta(seconds=20)
BATCH = 1000
_SQL = statements(__file__)
_NAME = "sweep"


def sweep(*, budget_seconds: float = 8.0) -> int:
    """Dispatch again what waits since the watermark.

    A second sweeper at the same time finds the watermark leased and does nothing; the lease of a dead one runs out.

    Args:
        budget_seconds: How long it goes on; the next sweep continues there.

    Returns:
        How many messages were offered to lanes.
    """
    deadline = time.monotonic() + budget_seconds
    now = clock.now()
    high = ids.first_id_at(now - timedelta(seconds=settings.SWEEP_AFTER_SECONDS))
    recent = ids.first_id_at(now - timedelta(seconds=settings.SWEEP_AFTER_SECONDS) - OVERLAP)
    mark = Watermark.lease(_NAME, budget_seconds + 2, start=recent)
    if mark is None:
        return 0
    if lanes_are_behind():
        mark.release(mark.position)
        return 0
    low = max(min(mark.position, recent), deliverable.oldest_valid_id())
    _attach_missed(low, high)
    offered = 0
    while low < high and time.monotonic() < deadline:
        batch = deliverable.by_range(low, high, BATCH)
        if not dispatch.to_lanes(batch.messages):
            break
        offered += len(batch.messages)
        low = high if batch.next_id is None else batch.next_id
    mark.release(max(mark.position, low))
    if offered:
        log.debug("sweeper dispatched messages again", offered=offered)
    return offered


def lanes_are_behind() -> bool:
    """Return whether lanes have much under way: it would be sent twice, and more work would make it no better."""
    try:
        behind = [lane.name for lane in lanes() if lane.is_behind()]
    except Exception:  # a lane that is away takes nothing now either
        log.exception("lanes do not say whether they are behind; sweeping is skipped")
        return True
    if behind:
        log.warning("lanes are behind; sweeping waits", lanes=behind)
    return bool(behind)


def _attach_missed(low: int, high: int) -> None:
    """Attach messages that have no device though their user is bound: a bind and a push crossed, or a process died."""
    with connection.cursor() as cursor:
        cursor.execute(
            _SQL["bound_meanwhile"].format(valid=deliverable.VALID.message),
            {
                "low": low,
                "high": high,
                "no_bind_info": statuses.NO_BIND_INFO,
                "user": DeliveryType.USER.value,
                "at_most": BATCH,
            },
        )
        missed: set[tuple[int, str]] = set(cursor.fetchall())
    recently_bound = Binding.objects.filter(
        bound_at__gte=clock.now() - timedelta(seconds=60), unbound_at__isnull=True
    ).values_list("workspace_id", "user_id")
    missed.update(recently_bound[:BATCH])
    by_workspace: dict[int, list[str]] = defaultdict(list)
    for workspace_id, user_id in missed:
        by_workspace[workspace_id].append(user_id)
    for workspace_id, user_ids in by_workspace.items():
        bindings.attach_waiting(workspace_id, user_ids)
