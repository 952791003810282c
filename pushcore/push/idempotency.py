"""Idempotency: a msgkey and target are taken once within 24 hours, however often and at once they are sent.

Claims are partitioned by day and dropped with it, and a unique index holds within a partition only. So a claim also
looks at the claims of the day before; and since what another transaction has not committed yet cannot be seen there,
claims of a day's last hour stand for the next day too: whoever claims the same then waits for them at the index. An
hour is far more than a transaction takes, and than clocks differ.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import connection

from pushcore.codes.results import ResultCode, ResultError
from pushcore.models import PushTask, Schedule, Workspace

WINDOW = timedelta(hours=24)
OVERLAP = timedelta(hours=1)

# In the order of their digests and days, so that concurrent claims cannot wait in a circle. Those of the day before are
# looked up by key (OFFSET 0 keeps it so), however many they are.
_CLAIM = """
    INSERT INTO pushcore_messagekey AS k (digest, day, task_id, claimed_at)
    SELECT digest, day, %(task)s, %(now)s
    FROM unnest(%(digests)s::uuid[]) WITH ORDINALITY AS wanted(digest, place) CROSS JOIN unnest(%(days)s::date[]) AS day
    WHERE NOT EXISTS (SELECT FROM pushcore_messagekey b WHERE b.digest = wanted.digest AND b.day = %(before)s
      AND b.claimed_at >= %(expired)s OFFSET 0)
    ORDER BY place, day
    ON CONFLICT (digest, day) DO UPDATE SET task_id = EXCLUDED.task_id, claimed_at = EXCLUDED.claimed_at
    WHERE k.claimed_at < %(expired)s"""
# Claims of others that hold.
_TAKEN = """
    SELECT replace(digest::text, '-', ''), task_id FROM pushcore_messagekey
    WHERE digest = ANY(%(digests)s::uuid[]) AND day BETWEEN %(before)s AND %(last)s AND claimed_at >= %(expired)s
    AND NOT (task_id = %(task)s AND claimed_at = %(now)s)"""

# One of the two days of a key that is taken may have been free.
_WITHDRAW = """
    DELETE FROM pushcore_messagekey WHERE digest = ANY(%(digests)s::uuid[]) AND day = ANY(%(days)s::date[])
    AND task_id = %(task)s AND claimed_at = %(now)s"""


@dataclass(frozen=True, slots=True)
class KeyedTarget:
    """A target and the backend's own id for the message to it."""

    target: str
    msgkey: str

    def digest(self, workspace_id: int) -> uuid.UUID:
        """128 bits that stand for (workspace, target, msgkey); the lengths keep the parts apart."""
        text = f"{workspace_id}:{len(self.target)}:{self.target}:{self.msgkey}"
        return uuid.UUID(bytes=hashlib.blake2b(text.encode(), digest_size=16).digest())


def days_of(now: datetime) -> list[date]:
    """The days that a claim made `now` stands for: its own, and in its last hour the next."""
    return sorted({now.astimezone(UTC).date(), (now + OVERLAP).astimezone(UTC).date()})


def claim(
    workspace: Workspace, keyed: Sequence[KeyedTarget], *, task_id: int, fingerprint: bytes, now: datetime
) -> PushTask | Schedule | None:
    """Claim every key for `task_id`, within the caller's transaction. Returns None when all are ours.

    When they were claimed by an earlier request that is the same, returns its task or schedule. Raises `ResultError`
    (INVALID_PARAM, naming the msgkey) when a key belongs to a different request. Concurrent claims wait for each other.
    """
    by_digest = {entry.digest(workspace.pk).hex: entry for entry in keyed}
    owners = _claim(sorted(by_digest), task_id, now)
    if not owners:
        return None
    taken = min(owners)
    owner = {"workspace": workspace, "pk": owners[taken]}
    first = PushTask.objects.filter(**owner).first() or Schedule.objects.filter(**owner).first()
    same = (
        first is not None
        and len(owners) == len(by_digest)
        and len(set(owners.values())) == 1
        and bytes(first.fingerprint) == fingerprint
    )
    if same:
        return first
    raise ResultError(
        ResultCode.INVALID_PARAM,
        f"msgkey {by_digest[taken].msgkey!r} was used for this target within the last 24 hours by another request",
    )


def claim_digests(digests: Sequence[str], *, task_id: int, now: datetime) -> set[str]:
    """Claim these digests (hex, each once) for `task_id`, within the caller's transaction; returns those it cannot.

    One statement where all are free, two where not; of `now` no other claim of the task may be.
    """
    return set(_claim(sorted(digests), task_id, now)) if digests else set()


def _claim(digests: Sequence[str], task_id: int, now: datetime) -> dict[str, int]:
    """Claim ordered digests; returns who has those that are taken, by digest."""
    days = days_of(now)
    values: dict[str, Any] = {
        "task": task_id,
        "now": now,
        "expired": now - WINDOW,
        "digests": f"{{{','.join(digests)}}}",
        "days": days,
        "before": days[0] - timedelta(days=1),
        "last": days[-1],
    }
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, values)
        if cursor.rowcount == len(digests) * len(days):
            return {}
        cursor.execute(_TAKEN, values)
        owners = dict(cursor.fetchall())
        if len(days) > 1:
            cursor.execute(_WITHDRAW, {**values, "digests": f"{{{','.join(owners)}}}"})
    return owners
