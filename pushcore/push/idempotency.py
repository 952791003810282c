"""Idempotency: a msgkey and target are accepted once within 24 hours, however often and at once they are sent.

A push claims its keys: it writes a row for each, which holds for 24 hours. Claims are partitioned by day and dropped
with it, and a unique index holds within a partition only. So a claim also looks at the claims of the day before; and
since what another transaction has not committed yet cannot be seen there, claims of a day's last hour hold for the next
day too: whoever claims the same then waits for them at the index. An hour is far more than a transaction takes, and
than clocks differ.
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
from pushcore.storage.sql import statements

WINDOW = timedelta(hours=24)
OVERLAP = timedelta(hours=1)

_SQL = statements(__file__)


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A target and the backend's own id (msgkey) of the message to it."""

    target: str
    msgkey: str

    @classmethod
    def of_whole_push(cls, msgkey: str) -> IdempotencyKey:
        """Return the key of a push that names no targets: its msgkey, with a target that no device has."""
        return IdempotencyKey("", msgkey)

    def digest(self, workspace_id: int) -> uuid.UUID:
        """Return 128 bits that stand for (workspace, target, msgkey). The lengths keep the parts apart."""
        text = f"{workspace_id}:{len(self.target)}:{self.target}:{self.msgkey}"
        return uuid.UUID(bytes=hashlib.blake2b(text.encode(), digest_size=16).digest())


def days_of(now: datetime) -> list[date]:
    """Return the days that a claim made `now` holds for: that day, and in its last hour the next."""
    return sorted({now.astimezone(UTC).date(), (now + OVERLAP).astimezone(UTC).date()})


def claim(
    workspace: Workspace, keys: Sequence[IdempotencyKey], *, task_id: int, fingerprint: bytes, now: datetime
) -> PushTask | Schedule | None:
    """Claim every key for a task, within the caller's transaction. Concurrent claims of a key wait for each other.

    Args:
        workspace: Where the keys count.
        keys: The keys, each once.
        task_id: The id that the task (or schedule) will have.
        fingerprint: Of the request (`PushRequest.fingerprint`).
        now: The time of the claim.

    Returns:
        None where all are claimed now; the task or schedule of an earlier request that is the same, where they were
        claimed by it.

    Raises:
        ResultError: A key belongs to a different request (INVALID_PARAM, naming the msgkey).
    """
    by_digest = {key.digest(workspace.pk).hex: key for key in keys}
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
        parameter="msgkey",
    )


def claim_digests(digests: Sequence[str], *, task_id: int, now: datetime) -> set[str]:
    """Claim digests for a task, within the caller's transaction: one statement where all are free, two where not.

    Args:
        digests: Hexadecimal, each once.
        task_id: The task.
        now: The time of the claim; no other claim of the task has the same.

    Returns:
        The digests that cannot be claimed.
    """
    return set(_claim(sorted(digests), task_id, now)) if digests else set()


def _claim(digests: Sequence[str], task_id: int, now: datetime) -> dict[str, int]:
    """Claim ordered digests; return the task that holds each of those that are taken."""
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
        cursor.execute(_SQL["claim"], values)
        if cursor.rowcount == len(digests) * len(days):
            return {}
        cursor.execute(_SQL["owners"], values)
        owners = dict(cursor.fetchall())
        if len(days) > 1:
            cursor.execute(_SQL["withdraw"], {**values, "digests": f"{{{','.join(owners)}}}"})
    return owners
