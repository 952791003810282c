"""Lease receipts by workspace, and write attempts back in bulk.

A lease is a later `next_attempt_at`, so the rows of a sender that dies come due again. Any number of senders may run.
Rows are found by their message's ID, which names their partition.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection, transaction
from prometheus_client import Counter

from pushcore.backoff import jittered_backoff
from pushcore.callbacks.webhook_client import WebhookResult
from pushcore.models import Receipt, ReceiptAttempt
from pushcore.storage import clock
from pushcore.storage.sql import statements

ATTEMPTS = Counter("mps_receipt_attempts_total", "Receipts posted to callback URLs, by result.", ["result"])

LEASE = timedelta(seconds=60)
FIRST_DELAY_SECONDS = 5.0
LONGEST_DELAY_SECONDS = 3600.0
GIVE_UP_AFTER = timedelta(hours=24)
_MOST_ATTEMPTS = 32_767
_GIVE_UP_STEP = 5_000

_SQL = statements(__file__)


class LeasedReceipt(NamedTuple):
    """A receipt leased by this sender. `attempts` counts those made so far."""

    message_id: int
    id: int
    workspace_id: int
    body: str
    attempts: int
    created_at: datetime


class Attempt(NamedTuple):
    """A posted receipt, its result, and when the answer came."""

    receipt: LeasedReceipt
    result: WebhookResult
    at: datetime


def due_workspaces() -> set[int]:
    """Find the workspaces that have receipts to send now."""
    with connection.cursor() as cursor:
        cursor.execute(_SQL["due_workspaces"], {"now": clock.now()})
        return {workspace_id for (workspace_id,) in cursor.fetchall()}


def lease(wanted: Mapping[int, int]) -> list[LeasedReceipt]:
    """Lease the receipts due longest.

    Args:
        wanted: How many at most, by workspace id.
    """
    if not wanted:
        return []
    now = clock.now()
    with connection.cursor() as cursor:
        cursor.execute(
            _SQL["lease"],
            {
                "workspaces": list(wanted),
                "limits": list(wanted.values()),
                "now": now,
                "leased_until": now + LEASE,
            },
        )
        return sorted(map(LeasedReceipt._make, cursor.fetchall()))


def release(receipts: Sequence[LeasedReceipt]) -> None:
    """Make leased receipts that were not posted due again."""
    with connection.cursor() as cursor:
        cursor.execute(
            _SQL["release"],
            {"now": clock.now(), "messages": sorted(receipt.message_id for receipt in receipts)},
        )


def record(attempts: Sequence[Attempt]) -> None:
    """Write attempts, and the new state of their receipts. One transaction, two statements."""
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
            _SQL["record"],
            {
                "messages": [receipt.message_id for receipt, _, _ in ordered],
                "attempts": [min(receipt.attempts + 1, _MOST_ATTEMPTS) for receipt, _, _ in ordered],
                "states": [state for state, _ in steps],
                "next": [next_at for _, next_at in steps],
                "finished": [
                    None if state == Receipt.State.DUE else attempt.at
                    for attempt, (state, _) in zip(ordered, steps, strict=True)
                ],
            },
        )
    for _, result, _ in ordered:
        ATTEMPTS.labels("delivered" if result.accepted else "refused").inc()


def give_up_overdue(workspace_ids: Collection[int]) -> int:
    """Fail receipts that have been due for `GIVE_UP_AFTER`.

    An endpoint that is paused for days has more of them than can be tried one by one.

    Returns:
        How many receipts were failed, at most one step's.
    """
    now = clock.now()
    with connection.cursor() as cursor:
        cursor.execute(
            _SQL["give_up_overdue"],
            {
                "workspaces": list(workspace_ids),
                "now": now,
                "overdue": now - GIVE_UP_AFTER,
                "at_most": _GIVE_UP_STEP,
            },
        )
        return int(cursor.rowcount)


def _next_step(attempt: Attempt) -> tuple[str, datetime]:
    """Return state and time of the next attempt: exponential backoff with jitter, failed after `GIVE_UP_AFTER`."""
    receipt, result, at = attempt
    if result.accepted:
        return Receipt.State.DELIVERED, at
    delay = jittered_backoff(receipt.attempts + 1, first=FIRST_DELAY_SECONDS, longest=LONGEST_DELAY_SECONDS)
    later = at + timedelta(seconds=delay)
    if later > receipt.created_at + GIVE_UP_AFTER:
        return Receipt.State.FAILED, at
    return Receipt.State.DUE, later
