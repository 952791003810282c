"""Idempotency: a msgkey and target are taken once within 24 hours, however often and at once they are sent."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from pushcore.codes.results import ResultCode, ResultError
from pushcore.models import MessageKey, PushTask, Schedule, Workspace

WINDOW = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class KeyedTarget:
    """A target and the backend's own id for the message to it."""

    target: str
    msgkey: str

    def digest(self, workspace_id: int) -> uuid.UUID:
        """128 bits that stand for (workspace, target, msgkey); the lengths keep the parts apart."""
        text = f"{workspace_id}:{len(self.target)}:{self.target}:{self.msgkey}"
        return uuid.UUID(bytes=hashlib.blake2b(text.encode(), digest_size=16).digest())


def claim(
    workspace: Workspace, keyed: Sequence[KeyedTarget], *, task_id: int, fingerprint: bytes, now: datetime
) -> PushTask | Schedule | None:
    """Claim every key for `task_id`, within the caller's transaction. Returns None when all are ours.

    When they were claimed by an earlier request that is the same, returns its task or schedule. Raises `ResultError`
    (INVALID_PARAM, naming the msgkey) when a key belongs to a different request. Concurrent claims wait for each other
    on the unique index; keys are claimed in one order, so they cannot wait in a circle.
    """
    by_digest = {entry.digest(workspace.pk): entry for entry in keyed}
    digests = sorted(by_digest)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO pushcore_messagekey AS k (digest, task_id, claimed_at)"
            " SELECT digest, %s, %s FROM unnest(%s::uuid[]) WITH ORDINALITY AS wanted(digest, place) ORDER BY place"
            " ON CONFLICT (digest) DO UPDATE SET task_id = EXCLUDED.task_id, claimed_at = EXCLUDED.claimed_at"
            " WHERE k.claimed_at < %s RETURNING digest",
            [task_id, now, [str(digest) for digest in digests], now - WINDOW],
        )
        claimed = {row[0] for row in cursor.fetchall()}
    taken = [digest for digest in digests if digest not in claimed]
    if not taken:
        return None
    owners = dict(MessageKey.objects.filter(digest__in=taken).values_list("digest", "task_id"))
    owner = {"workspace": workspace, "pk": owners.get(taken[0], 0)}
    first = PushTask.objects.filter(**owner).first() or Schedule.objects.filter(**owner).first()
    same = (
        first is not None
        and len(taken) == len(digests)
        and len(set(owners.values())) == 1
        and bytes(first.fingerprint) == fingerprint
    )
    if same:
        return first
    raise ResultError(
        ResultCode.INVALID_PARAM,
        f"msgkey {by_digest[taken[0]].msgkey!r} was used for this target within the last 24 hours by another request",
    )


def claim_digests(digests: Sequence[str], *, task_id: int, now: datetime) -> set[str]:
    """Claim these digests (hex, each once) for `task_id`, within the caller's transaction; returns those it cannot.

    One statement where all are free, two where not; of `now` no other claim of the task may be.
    """
    if not digests:
        return set()
    wanted = "{" + ",".join(sorted(digests)) + "}"
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO pushcore_messagekey AS k (digest, task_id, claimed_at)"
            " SELECT digest, %s, %s FROM unnest(%s::uuid[]) WITH ORDINALITY AS wanted(digest, place) ORDER BY place"
            " ON CONFLICT (digest) DO UPDATE SET task_id = EXCLUDED.task_id, claimed_at = EXCLUDED.claimed_at"
            " WHERE k.claimed_at < %s",
            [task_id, now, wanted, now - WINDOW],
        )
        if cursor.rowcount == len(digests):
            return set()
        cursor.execute(
            "SELECT replace(digest::text, '-', '') FROM pushcore_messagekey"
            " WHERE digest = ANY(%s::uuid[]) AND NOT (task_id = %s AND claimed_at = %s)",
            [wanted, task_id, now],
        )
        return {row[0] for row in cursor.fetchall()}
