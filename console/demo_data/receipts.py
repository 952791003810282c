"""What the demo's backend was told of its messages: most at once, some after a while, some never."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection

from pushcore.callbacks import queueing, receipts
from pushcore.callbacks.post_queue import Attempt, QueuedPost
from pushcore.callbacks.webhook_client import WebhookResult
from pushcore.codes import statuses
from pushcore.models import Message, Receipt, Workspace
from pushcore.security import keys

# The name belongs to nobody (RFC 2606): nothing that is posted there leaves this machine.
CALLBACK_URL = "https://backend.shop.example/push/receipts"
_DOWN_AGO, _DOWN_FOR = timedelta(days=3), timedelta(minutes=40)
# The backend is down again since then.
_DOWN_AGAIN_AGO = timedelta(minutes=45)
# When a receipt that is not taken is posted again, in seconds after the first time.
_REPEATS = (0, 6, 18, 45, 100, 240, 600, 1800, 5400, 18_000, 50_000, 86_399)
_REFUSED_EVERY = 450


def switch_on(workspace: Workspace) -> None:
    """Have the workspace post receipts, signed with a key of its own."""
    workspace.callback_enabled, workspace.callback_url, workspace.expiry_receipts = True, CALLBACK_URL, True
    workspace.save(update_fields=["callback_enabled", "callback_url", "expiry_receipts"])
    keys.callback_key(workspace)


def write(workspace: Workspace, messages: Sequence[Message], rng: random.Random, now: datetime) -> None:
    """Insert the receipts that are kept of messages whose status is final, and the attempts to post them."""
    kept = now - timedelta(days=settings.RECEIPT_RETENTION_DAYS)
    final = {
        message.pk: message.updated_at
        for message in messages
        if message.status not in statuses.PENDING and message.updated_at > kept
    }
    message_ids = sorted(final)
    with connection.cursor() as cursor:
        queueing.enqueue(cursor, message_ids, now)
        cursor.execute(
            "UPDATE pushcore_receipt r SET created_at = said.at, next_attempt_at = said.at"
            " FROM unnest(%s::bigint[], %s::timestamptz[]) AS said(message_id, at)"
            " WHERE r.message_id = said.message_id",
            [message_ids, [final[message_id] for message_id in message_ids]],
        )
    rows = Receipt.objects.filter(workspace=workspace, message_id__in=message_ids).order_by("message_id")
    attempts = [list(_attempts(row, number, rng, now)) for number, row in enumerate(rows)]
    for place in range(len(_REPEATS)):
        if repeats := [made[place] for made in attempts if len(made) > place]:
            receipts.QUEUE.record(repeats)


def _attempts(row: Receipt, number: int, rng: random.Random, now: datetime) -> Iterator[Attempt]:
    """Yield the attempts to post a receipt: up to the first that is taken, or up to now."""
    refused = number % _REFUSED_EVERY == _REFUSED_EVERY - 1
    for made, seconds in enumerate(_REPEATS):
        at = row.created_at + timedelta(seconds=seconds + rng.uniform(0.02, 0.9))
        if at >= now:
            return
        leased = QueuedPost(row.message_id, row.pk, row.workspace_id, "", row.body, made, row.created_at)
        result = _answer(at, rng, now, refused=refused)
        yield Attempt(leased, result, at)
        if result.accepted:
            return


def _answer(at: datetime, rng: random.Random, now: datetime, *, refused: bool) -> WebhookResult:
    """Return what the backend answered at a time."""
    took = int(rng.uniform(18, 140))
    if now - _DOWN_AGO <= at < now - _DOWN_AGO + _DOWN_FOR or at >= now - _DOWN_AGAIN_AGO:
        return WebhookResult(503, "", took)
    if refused:
        return WebhookResult(400, "", took)
    return WebhookResult(200, "", took)
