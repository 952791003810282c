"""Sending what is due to a vendor: claim, send, write what became of it, batch by batch.

The rows are the queue. A claim is a lease: of a sender that dies in mid-batch the rows come due again. Any number of
senders may run.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from prometheus_client import Counter as Metric

from channels_vendor import accounts, open_adapters
from channels_vendor.contract import SendOutcome, Vendor, Verdict
from channels_vendor.flow import Flow
from channels_vendor.models import VendorAccount, VendorMessage
from channels_vendor.notifications import deliveries_of
from channels_vendor.references import token_hash
from channels_vendor.registry import VENDORS
from pushcore import delivery, devices, ids, outcomes, retention
from pushcore.channels import Channel
from pushcore.codes import statuses
from pushcore.ports import Outcome, Outgoing

log = structlog.get_logger(__name__)

SENT = Metric("mps_vendor_sent_total", "Targets a vendor was asked to reach.", ["channel", "verdict"])

LEASE = timedelta(seconds=120)
FIRST_DELAY_SECONDS = 5.0
LONGEST_DELAY_SECONDS = 3600.0
MAX_ATTEMPTS = 20
_FINAL = (Verdict.ACCEPTED, Verdict.GONE, Verdict.REJECTED, Verdict.MISCONFIGURED)


def send_due(workspace_id: int, channel: Channel, *, budget_seconds: float = 20.0) -> int:
    """Send until nothing is due, the vendor wants a pause, or the time is spent; returns how many were sent."""
    deadline = time.monotonic() + budget_seconds
    vendor, sent = VENDORS[channel], 0
    while time.monotonic() < deadline:
        row = VendorAccount.objects.filter(workspace_id=workspace_id, channel=channel).first()
        if row is None or not row.usable:
            break
        flow = Flow(workspace_id, channel, row.rate or vendor.rate)
        granted = flow.grant(vendor.batch)
        claimed = _claim(workspace_id, channel, granted) if granted else []
        flow.give_back(granted - len(claimed))
        if not claimed:
            break
        sent += _send(row, vendor, flow, claimed)
    return sent


def accounts_due() -> list[tuple[int, Channel]]:
    """Whose messages are due."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT a.workspace_id, a.channel FROM channels_vendor_vendoraccount a"
            " WHERE a.enabled AND a.stopped_at IS NULL AND EXISTS (SELECT 1 FROM channels_vendor_vendormessage m"
            " WHERE m.workspace_id = a.workspace_id AND m.channel = a.channel AND m.due_at <= now())"
        )
        return [(workspace_id, Channel(channel)) for workspace_id, channel in cursor.fetchall()]


def purge() -> int:
    """Delete what is older than the messages it is about."""
    oldest = ids.first_id_at(timezone.now() - timedelta(days=settings.MESSAGE_RETENTION_DAYS))
    return retention.delete_in_steps(VendorMessage.objects.filter(message_id__lt=oldest))


def _claim(workspace_id: int, channel: Channel, most: int) -> list[int]:
    """Lease the messages that are due longest."""
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE channels_vendor_vendormessage SET due_at = %s WHERE message_id IN ("
            " SELECT message_id FROM channels_vendor_vendormessage WHERE workspace_id = %s AND channel = %s"
            " AND due_at <= %s ORDER BY due_at LIMIT %s FOR UPDATE SKIP LOCKED) RETURNING message_id",
            [now + LEASE, workspace_id, int(channel), now, most],
        )
        return [row[0] for row in cursor.fetchall()]


def _send(row: VendorAccount, vendor: Vendor, flow: Flow, claimed: Sequence[int]) -> int:
    channel = vendor.channel
    waiting = delivery.outgoing_of(claimed)
    here = [one for one in waiting if one.third_channel == channel and one.third_token]
    _release(claimed, waiting, here)
    if not here:
        return 0
    with open_adapters.adapter_of(row) as adapter:
        results = adapter.send(deliveries_of(here, channel))
    _record(row, channel, results)
    _steer(flow, results)
    return len(results)


def _release(claimed: Sequence[int], waiting: Sequence[Outgoing], here: Sequence[Outgoing]) -> None:
    """Forget what is settled, revoked or expired; what the device no longer gets here goes another way."""
    kept = {one.message_id for one in here}
    if leaving := [message_id for message_id in claimed if message_id not in kept]:
        VendorMessage.objects.filter(message_id__in=leaving).delete()
    if elsewhere := [one for one in waiting if one.message_id not in kept]:
        delivery.hand_over(elsewhere)


def _record(row: VendorAccount, channel: Channel, results: Sequence[SendOutcome]) -> None:
    """Statuses, the vendor's words, dead tokens and a stopped channel: one transaction for the batch."""
    now = timezone.now()
    attempts = dict(
        VendorMessage.objects.filter(message_id__in=[one.delivery.message_id for one in results]).values_list(
            "message_id", "attempts"
        )
    )
    final, steps = [], []
    for one in results:
        tried = attempts.get(one.delivery.message_id, 0) + 1
        is_final = one.verdict in _FINAL or tried >= MAX_ATTEMPTS
        if is_final:
            final.append(Outcome(one.delivery.message_id, _final_status(one), channel))
        steps.append((one, None if is_final else _next(one, tried, now), tried))
        SENT.labels(channel.label, one.verdict.name.lower()).inc()
    with transaction.atomic():
        outcomes.record(final)
        _write_steps(steps, now)
        devices.drop_third_tokens(
            [
                (one.delivery.device_id, one.delivery.token, one.gone_at or now)
                for one in results
                if one.verdict is Verdict.GONE
            ]
        )
        wrong = next((one for one in results if one.verdict is Verdict.MISCONFIGURED), None)
        if wrong is not None:
            accounts.stop(row.workspace_id, channel, wrong.vendor_code)


def _final_status(one: SendOutcome) -> int:
    """A vendor's outcome is never one that still waits."""
    return statuses.UNKNOWN if one.status in statuses.PENDING else one.status


def _next(one: SendOutcome, tried: int, now: datetime) -> datetime:
    """As the vendor asks, else exponential backoff with jitter."""
    if one.retry_after is not None:
        return now + timedelta(seconds=one.retry_after)
    delay = min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2 ** (tried - 1))
    return now + timedelta(seconds=delay * random.uniform(0.5, 1.0))  # noqa: S311 - spreads load, guards nothing


def _write_steps(steps: Sequence[tuple[SendOutcome, datetime | None, int]], now: datetime) -> None:
    ordered = sorted(steps, key=lambda step: step[0].delivery.message_id)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE channels_vendor_vendormessage v SET due_at = s.due_at, attempts = s.attempts,"
            " vendor_id = s.vendor_id, vendor_code = s.vendor_code, accepted_at = s.accepted_at,"
            " token_hash = s.token_hash"
            " FROM unnest(%s::bigint[], %s::timestamptz[], %s::smallint[], %s::text[], %s::text[], %s::timestamptz[],"
            " %s::bigint[]) AS s(id, due_at, attempts, vendor_id, vendor_code, accepted_at, token_hash)"
            " WHERE v.message_id = s.id",
            [
                [one.delivery.message_id for one, _, _ in ordered],
                [due_at for _, due_at, _ in ordered],
                [tried for _, _, tried in ordered],
                [one.vendor_id[:200] for one, _, _ in ordered],
                [one.vendor_code[:200] for one, _, _ in ordered],
                [now if one.verdict is Verdict.ACCEPTED else None for one, _, _ in ordered],
                [token_hash(one.delivery.token) for one, _, _ in ordered],
            ],
        )


def _steer(flow: Flow, results: Sequence[SendOutcome]) -> None:
    """Tell the flow how the batch went: half of it without a usable answer is a failure."""
    unreachable = sum(one.unreachable for one in results)
    flow.answered(usable=2 * unreachable < len(results))
    pauses = [one.retry_after for one in results if one.slow and one.retry_after]
    if 2 * len(pauses) >= len(results) and pauses:
        flow.slow_down(max(pauses))
