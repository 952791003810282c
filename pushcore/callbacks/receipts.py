"""The rows of receipts: leased fairly, by workspace, and written back in bulk.

A lease is a later `next_attempt_at`: of a sender that dies the rows come due again. Any number of senders may run.
Rows are found by their message's ID, which names their partition.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection, transaction
from prometheus_client import Counter

from pushcore.http.posting import PostResult
from pushcore.models import Receipt, ReceiptAttempt
from pushcore.storage import clock

ATTEMPTS = Counter("mps_receipt_attempts_total", "Receipts posted.", ["result"])

LEASE = timedelta(seconds=60)
FIRST_DELAY_SECONDS = 5.0
LONGEST_DELAY_SECONDS = 3600.0
GIVE_UP_AFTER = timedelta(hours=24)
_MOST_ATTEMPTS = 32_767
_GIVE_UP_STEP = 5_000

# Jumps from workspace to workspace in the index of what is due, however much is due of one.
_DUE = (
    "WITH RECURSIVE due(workspace_id) AS ("
    " (SELECT workspace_id FROM pushcore_receipt WHERE state = 'due' ORDER BY workspace_id LIMIT 1)"
    " UNION ALL SELECT (SELECT r.workspace_id FROM pushcore_receipt r WHERE r.state = 'due'"
    " AND r.workspace_id > due.workspace_id ORDER BY r.workspace_id LIMIT 1)"
    " FROM due WHERE due.workspace_id IS NOT NULL)"
    " SELECT due.workspace_id FROM due WHERE due.workspace_id IS NOT NULL AND EXISTS ("
    " SELECT 1 FROM pushcore_receipt r WHERE r.state = 'due' AND r.workspace_id = due.workspace_id"
    " AND r.next_attempt_at <= %s)"
)
_CLAIM = (
    "UPDATE pushcore_receipt r SET next_attempt_at = %s FROM ("
    " SELECT d.message_id FROM unnest(%s::bigint[], %s::integer[]) AS wanted(workspace_id, most) CROSS JOIN LATERAL ("
    " SELECT message_id FROM pushcore_receipt WHERE state = 'due' AND workspace_id = wanted.workspace_id"
    " AND next_attempt_at <= %s ORDER BY next_attempt_at LIMIT wanted.most FOR UPDATE SKIP LOCKED) d) c"
    " WHERE r.message_id = c.message_id"
    " RETURNING r.message_id, r.id, r.workspace_id, r.body, r.attempt_count, r.created_at"
)


class Leased(NamedTuple):
    """A receipt that is this sender's for a while. `attempts`: those made so far."""

    message_id: int
    id: int
    workspace_id: int
    body: str
    attempts: int
    created_at: datetime


class Attempt(NamedTuple):
    """A receipt that was posted, and what came of it."""

    receipt: Leased
    result: PostResult
    at: datetime


def due_workspaces() -> set[int]:
    """The workspaces that have receipts to send now."""
    with connection.cursor() as cursor:
        cursor.execute(_DUE, [clock.now()])
        return {workspace_id for (workspace_id,) in cursor.fetchall()}


def lease(wanted: Mapping[int, int]) -> list[Leased]:
    """Lease the receipts due longest: of each workspace at most as many as `wanted` says."""
    if not wanted:
        return []
    now = clock.now()
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [now + LEASE, list(wanted), list(wanted.values()), now])
        return sorted(map(Leased._make, cursor.fetchall()))


def give_back(receipts: Sequence[Leased]) -> None:
    """Leased receipts that were not posted are due again."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE pushcore_receipt SET next_attempt_at = %s WHERE message_id = ANY(%s) AND state = 'due'",
            [clock.now(), sorted(receipt.message_id for receipt in receipts)],
        )


def record(attempts: Sequence[Attempt]) -> None:
    """Write the attempts and where they leave their receipts. One transaction, two statements."""
    ordered = sorted(attempts)
    steps = [_next_step(attempt) for attempt in ordered]
    with transaction.atomic(), connection.cursor() as cursor:
        ReceiptAttempt.objects.bulk_create(
            ReceiptAttempt(
                receipt_id=receipt.id,
                at=at,
                http_status=result.status,
                error=result.error[:300],
                duration_ms=result.duration_ms,
            )
            for receipt, result, at in ordered
        )
        cursor.execute(
            "UPDATE pushcore_receipt r SET attempt_count = s.attempts, state = s.state, next_attempt_at = s.next_at,"
            " finished_at = s.finished_at FROM unnest(%s::bigint[], %s::smallint[], %s::text[], %s::timestamptz[],"
            " %s::timestamptz[]) AS s(message_id, attempts, state, next_at, finished_at)"
            " WHERE r.message_id = s.message_id AND r.state = 'due'",
            [
                [receipt.message_id for receipt, _, _ in ordered],
                [min(receipt.attempts + 1, _MOST_ATTEMPTS) for receipt, _, _ in ordered],
                [state for state, _ in steps],
                [next_at for _, next_at in steps],
                [
                    None if state == Receipt.State.DUE else attempt.at
                    for attempt, (state, _) in zip(ordered, steps, strict=True)
                ],
            ],
        )
    for _, result, _ in ordered:
        ATTEMPTS.labels("delivered" if result.accepted else "refused").inc()


def give_up_overdue(workspace_ids: Collection[int]) -> int:
    """End receipts that have been due for as long as any is tried: of an endpoint that is left alone for days they are
    more than can be tried one by one. Returns how many; one step."""
    now = clock.now()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE pushcore_receipt r SET state = 'failed', finished_at = %s FROM ("
            " SELECT d.message_id FROM unnest(%s::bigint[]) AS w(id) CROSS JOIN LATERAL ("
            " SELECT message_id FROM pushcore_receipt WHERE state = 'due' AND workspace_id = w.id"
            " AND next_attempt_at <= %s ORDER BY next_attempt_at LIMIT %s FOR UPDATE SKIP LOCKED) d) c"
            " WHERE r.message_id = c.message_id",
            [now, list(workspace_ids), now - GIVE_UP_AFTER, _GIVE_UP_STEP],
        )
        return int(cursor.rowcount)


def _next_step(attempt: Attempt) -> tuple[str, datetime]:
    """Delivered, tried again later (exponential backoff with jitter), or given up after 24 hours."""
    receipt, result, at = attempt
    if result.accepted:
        return Receipt.State.DELIVERED, at
    delay = min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2 ** min(receipt.attempts, 20))
    later = at + timedelta(seconds=delay * random.uniform(0.5, 1.0))  # noqa: S311 - spreads load, guards nothing
    if later > receipt.created_at + GIVE_UP_AFTER:
        return Receipt.State.FAILED, at
    return Receipt.State.DUE, later
