"""Receipts: telling a backend what became of its messages.

A receipt is a row, written in the transaction that changed the status (`pushcore.outcomes`); the row is the queue.
The sender claims due rows with SKIP LOCKED and a lease, posts them side by side and writes the attempts back in bulk:
at least once, never in the way of delivery, safe with any number of senders.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import parse_qs, quote, urlsplit

import structlog
from celery import current_app
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from kombu.exceptions import OperationalError
from prometheus_client import Counter

from pushcore import crypto, endpoints, keys
from pushcore.bus import BusDown, client
from pushcore.codes import statuses
from pushcore.models import Receipt, ReceiptAttempt, Workspace
from pushcore.posting import Posting, PostResult, post_all

log = structlog.get_logger(__name__)

ATTEMPTS = Counter("mps_receipt_attempts_total", "Receipts posted.", ["result"])

BATCH = 200
LEASE = timedelta(seconds=60)
FIRST_DELAY_SECONDS = 5.0
LONGEST_DELAY_SECONDS = 3600.0
GIVE_UP_AFTER = timedelta(hours=24)
_AWAKE = "mps:receipts:awake"
HAS_SIGN = "Has a parameter sign, which is where the signature goes."


def wake_sender() -> None:
    """Ask for the sender to run now; at most one request waits. Without a broker the periodic run does it."""
    try:
        if client().set(_AWAKE, 1, nx=True, ex=5):
            current_app.send_task("pushcore.send_due_receipts", retry=False)
    except (*BusDown, OperationalError):
        log.warning("receipt sender could not be woken; its next periodic run sends")


def send_due(*, budget_seconds: float = 20.0) -> int:
    """Post due receipts until none is due or the time is spent; returns how many were posted."""
    deadline = time.monotonic() + budget_seconds
    posted = 0
    try:
        client().delete(_AWAKE)
    except BusDown:
        log.warning("fast store away; receipts go on without it")
    while time.monotonic() < deadline:
        batch = _claim()
        if not batch:
            break
        _record(batch, post_all([_posting(receipt) for receipt in batch], allow_private=settings.RECEIPT_ALLOW_PRIVATE))
        posted += len(batch)
    return posted


@dataclass(frozen=True, slots=True)
class _Claimed:
    """A receipt this sender holds the lease of, with what posting it takes."""

    receipt: Receipt
    private_pem: str


def _claim() -> list[_Claimed]:
    """Lease the receipts that are due longest."""
    now = timezone.now()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE pushcore_receipt SET next_attempt_at = %s WHERE id IN ("
            " SELECT id FROM pushcore_receipt WHERE state = 'due' AND next_attempt_at <= %s"
            " ORDER BY next_attempt_at LIMIT %s FOR UPDATE SKIP LOCKED) RETURNING id",
            [now + LEASE, now, BATCH],
        )
        claimed = [row[0] for row in cursor.fetchall()]
    receipts = list(Receipt.objects.select_related("workspace").filter(pk__in=claimed))
    private: dict[int, str] = {}
    for receipt in receipts:
        if receipt.workspace_id not in private:
            private[receipt.workspace_id] = keys.callback_key(receipt.workspace).private_pem
    return [_Claimed(receipt, private[receipt.workspace_id]) for receipt in receipts]


def _posting(claimed: _Claimed) -> Posting:
    return signed_posting(claimed.receipt.workspace, claimed.receipt.body, claimed.private_pem)


def signed_posting(workspace: Workspace, body: str, private_pem: str) -> Posting:
    """The POST of a receipt: the body as it is, its signature as query parameter `sign`."""
    raw = body.encode()
    signature = quote(crypto.sign(raw, private_pem), safe="")
    try:
        return Posting(endpoints.with_parameter(workspace.callback_url, f"sign={signature}"), raw)
    except ValueError:  # refused by the form; the attempt tells
        return Posting("", raw)


def callback_problem(url: str) -> str:
    """What is wrong with a callback URL, in a sentence, or empty."""
    has_sign = "sign" in parse_qs(urlsplit(url).query, keep_blank_values=True)
    return endpoints.problem(url) or (HAS_SIGN if has_sign else "")


def send_test(workspace: Workspace) -> PostResult:
    """Post a receipt that speaks of no message to the workspace's callback URL, once, and wait for the answer."""
    told = {
        "extInfo": {"adToken": "", "osType": ""},
        "msgId": "callback-test",
        "pushSuccess": True,
        "statusCode": str(statuses.ACKED),
        "statusDesc": statuses.lookup(statuses.ACKED).name,
        "targetId": "callback-test",
    }
    body = json.dumps(told, separators=(",", ":"))
    posting = signed_posting(workspace, body, keys.callback_key(workspace).private_pem)
    return post_all([posting], allow_private=settings.RECEIPT_ALLOW_PRIVATE)[0]


def _record(batch: Sequence[_Claimed], results: Sequence[PostResult]) -> None:
    """Write the attempts and where they leave their receipts. One transaction, two statements."""
    now = timezone.now()
    attempts = []
    for claimed, result in zip(batch, results, strict=True):
        receipt = claimed.receipt
        receipt.attempt_count = min(receipt.attempt_count + 1, 32767)
        receipt.state, receipt.next_attempt_at = _next_step(receipt, result, now)
        receipt.finished_at = None if receipt.state == Receipt.State.DUE else now
        attempts.append(
            ReceiptAttempt(
                receipt=receipt,
                at=now,
                http_status=result.status,
                error=result.error[:300],
                duration_ms=result.duration_ms,
            )
        )
        ATTEMPTS.labels("delivered" if result.accepted else "refused").inc()
    with transaction.atomic():
        ReceiptAttempt.objects.bulk_create(attempts)
        Receipt.objects.bulk_update(
            [claimed.receipt for claimed in batch], ["attempt_count", "state", "next_attempt_at", "finished_at"]
        )


def _next_step(receipt: Receipt, result: PostResult, now: datetime) -> tuple[str, datetime]:
    """Delivered, tried again later (exponential backoff with full jitter above half), or given up after 24 hours."""
    if result.accepted:
        return Receipt.State.DELIVERED, now
    delay = min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2 ** min(receipt.attempt_count - 1, 20))
    later = now + timedelta(seconds=delay * random.uniform(0.5, 1.0))  # noqa: S311 - spreads load, guards nothing
    if later > receipt.created_at + GIVE_UP_AFTER:
        return Receipt.State.FAILED, now
    return Receipt.State.DUE, later
