"""Send what is due to a vendor: claim, send, write what became of it, batch by batch.

The rows are the queue. A claim is a lease: of a sender that dies in mid-batch the rows come due again, and one that
answers after its lease writes nothing over what another has begun. Any number of senders may run.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog
from django.db import connection, transaction
from prometheus_client import Counter as PrometheusCounter

from channels_vendor.accounts import in_use
from channels_vendor.base.contract import SEND_SECONDS, VendorDescription
from channels_vendor.base.notifications import deliveries_of
from channels_vendor.base.outcomes import SendOutcome, Verdict
from channels_vendor.base.references import token_hash
from channels_vendor.dispatch import open_adapters, refused_tokens, suspect_tokens
from channels_vendor.dispatch.rate_control import RateControl
from channels_vendor.models import VendorAccount, VendorMessage
from channels_vendor.registry import VENDORS
from pushcore.backoff import jittered_backoff
from pushcore.channels import Channel
from pushcore.codes import statuses
from pushcore.delivery import deliverable, dispatch, outcomes
from pushcore.devices import registry
from pushcore.ports import Outcome, OutgoingMessage
from pushcore.storage import clock
from pushcore.storage.sql import statements

log = structlog.get_logger(__name__)
_SQL = statements(__file__)

SENT = PrometheusCounter(
    "mps_vendor_sent_total", "Targets that a vendor was asked to reach, by its verdict.", ["channel", "verdict"]
)

MAYBE_REPEATED = PrometheusCounter(
    "mps_vendor_maybe_repeated_total",
    "Targets that a vendor may have been asked to reach twice. knows_repeats: it recognises and drops repeats.",
    ["channel", "knows_repeats"],
)

# Twice the time in which calls are started: the rest is for those under way, and for the credential.
LEASE = timedelta(seconds=2 * SEND_SECONDS)
# What waits for an account that is not in use is offered to other channels so often.
REROUTE_EVERY = timedelta(minutes=10)
FIRST_DELAY_SECONDS = 5.0
LONGEST_DELAY_SECONDS = 3600.0
MAX_ATTEMPTS = 20
_FINAL = (Verdict.ACCEPTED, Verdict.GONE, Verdict.REJECTED, Verdict.MISCONFIGURED)


class Lease(NamedTuple):
    """Messages that are this sender's for a while.

    Attributes:
        until: When the lease ends.
        attempts: The attempts made so far, by message ID.
        in_doubt: Those that a vendor may have been asked for already.
    """

    until: datetime
    attempts: Mapping[int, int]
    in_doubt: frozenset[int] = frozenset()


class RowUpdate(NamedTuple):
    """What is written of an outcome. `due_at`: None where it is final."""

    outcome: SendOutcome
    attempts: int
    due_at: datetime | None


def send_due(workspace_id: int, channel: Channel, *, budget_seconds: float = 20.0) -> int:
    """Send until nothing is due, the vendor wants a pause, or the time is spent; return how many were sent."""
    deadline = time.monotonic() + budget_seconds
    vendor, sent = VENDORS[channel], 0
    while time.monotonic() < deadline:
        row = VendorAccount.objects.filter(workspace_id=workspace_id, channel=channel).first()
        if row is None or not row.usable:
            if not _reroute(workspace_id, channel, vendor.batch):
                break
            continue
        rate_control = RateControl(workspace_id, channel, row.rate or vendor.rate)
        granted = rate_control.grant(vendor.batch)
        lease = _claim(workspace_id, channel, granted)
        rate_control.give_back(granted - len(lease.attempts))
        if not lease.attempts:
            break
        sent += _send(row, vendor, rate_control, lease)
    return sent


def any_due() -> bool:
    """Tell whether messages of an account are due."""
    return bool(accounts_due())


def accounts_due() -> list[tuple[int, Channel]]:
    """Return (workspace, channel) of the accounts whose messages are due.

    Those that are not in use, or were deleted, are among them: their messages go another way.
    """
    with connection.cursor() as cursor:
        cursor.execute(_SQL["accounts_due"], {"oldest": deliverable.oldest_valid_id()})
        return [(workspace_id, Channel(channel)) for workspace_id, channel in cursor.fetchall()]


def _claim(
    workspace_id: int, channel: Channel, most: int, *, lasting: timedelta = LEASE, in_doubt: bool = True
) -> Lease:
    """Lease the messages that are due longest. `in_doubt`: the vendor is about to be asked."""
    now, oldest = clock.now(), deliverable.oldest_valid_id()
    if most <= 0:
        return Lease(now, {})
    with connection.cursor() as cursor:
        cursor.execute(
            _SQL["claim"],
            {
                "workspace": workspace_id,
                "channel": int(channel),
                "now": now,
                "oldest": oldest,
                "most": most,
                "until": now + lasting,
                "in_doubt": in_doubt,
            },
        )
        rows = cursor.fetchall()
    return Lease(
        now + lasting,
        {message_id: attempts for message_id, attempts, _ in rows},
        frozenset(message_id for message_id, _, in_doubt in rows if in_doubt),
    )


def _send(row: VendorAccount, vendor: VendorDescription, rate_control: RateControl, lease: Lease) -> int:
    channel = vendor.channel
    here = _select_here(lease, channel)
    if not here:
        return 0
    _count_repeats(vendor, sum(one.message_id in lease.in_doubt for one in here))
    asked_at = clock.now()
    with open_adapters.adapter_of(row) as adapter:
        results = adapter.send(deliveries_of(here, channel))
    _record(row, channel, lease, results, asked_at)
    _count_repeats(vendor, sum(one.in_doubt and one.verdict is not Verdict.RETRY for one in results))
    _update_rate_control(rate_control, results)
    return sum(one.tried for one in results)


def _count_repeats(vendor: VendorDescription, targets: int) -> None:
    """Count messages in doubt that are about to be sent again."""
    if targets:
        MAYBE_REPEATED.labels(vendor.channel.label, "yes" if vendor.knows_repeats else "no").inc(targets)


def _reroute(workspace_id: int, channel: Channel, most: int) -> int:
    """Offer what waits for an account that is not in use to the other channels; returns how many were due.

    It stays here too: the account may be back before the device is. What has arrived by then is forgotten, and devices
    drop what comes twice.
    """
    in_use.forget()
    lease = _claim(workspace_id, channel, most, lasting=REROUTE_EVERY, in_doubt=False)
    waiting = deliverable.by_id(list(lease.attempts))
    _forget(lease, channel, keeping=waiting)
    dispatch.to_lanes(waiting)
    return len(lease.attempts)


def _select_here(lease: Lease, channel: Channel) -> list[OutgoingMessage]:
    """Return the leased messages that are still to be sent on this channel; the others leave it.

    Rows of messages that are final, revoked or expired are deleted. Messages whose device is reached another way by now
    are dispatched again; what no lane could take stays and comes due again.
    """
    waiting = deliverable.by_id(list(lease.attempts))
    here = [one for one in waiting if one.third_channel == channel and one.third_token]
    staying = {one.message_id for one in here}
    taken = dispatch.to_lanes([one for one in waiting if one.message_id not in staying])
    _forget(lease, channel, keeping=here if taken else waiting)
    return here


def _forget(lease: Lease, channel: Channel, *, keeping: Sequence[OutgoingMessage]) -> None:
    """Delete the other rows of the lease, but for those that another channel has taken over."""
    staying = {one.message_id for one in keeping}
    if leaving := [message_id for message_id in lease.attempts if message_id not in staying]:
        VendorMessage.objects.filter(message_id__in=leaving, channel=channel, due_at=lease.until).delete()


def _record(
    row: VendorAccount, channel: Channel, lease: Lease, results: Sequence[SendOutcome], asked_at: datetime
) -> None:
    """Write a batch's statuses, vendor codes and dead tokens, and stop the account if need be, in one transaction.

    `asked_at`: when the vendor was asked; a token reported later is not the one it refused.
    """
    now = clock.now()
    updates = [_row_update(one, lease.attempts[one.delivery.message_id], now) for one in results]
    for one in results:
        if one.tried:
            SENT.labels(channel.label, one.verdict.name.lower()).inc()
    with transaction.atomic():
        outcomes.record(
            [
                Outcome(update.outcome.delivery.message_id, _final_status(update.outcome), channel)
                for update in updates
                if update.due_at is None
            ]
        )
        _write(updates, lease, now)
        decision = refused_tokens.decide(
            row, results, asked_at, suspect_tokens.given_up(row.workspace_id, channel, results, now)
        )
        registry.drop_third_tokens(decision.dead)
        wrong = next((one for one in results if one.verdict is Verdict.MISCONFIGURED), None)
        if wrong:
            in_use.stop(row.workspace_id, channel, wrong.vendor_code)
        elif decision.stop_after:
            in_use.stop(row.workspace_id, channel, decision.stop_reason, decision.stop_after)


def _final_status(one: SendOutcome) -> int:
    """Return the status to record; a vendor's outcome never leaves a message pending."""
    return statuses.UNKNOWN if one.status in statuses.PENDING else one.status


def _row_update(one: SendOutcome, attempts: int, now: datetime) -> RowUpdate:
    if not one.tried:
        return RowUpdate(one, attempts, now)
    # A throttled attempt does not count: throttling may last as long as the message is valid.
    tried = attempts + (not one.throttled)
    is_final = one.verdict in _FINAL or tried >= MAX_ATTEMPTS
    return RowUpdate(one, tried, None if is_final else _next_attempt_at(one, tried, now))


def _next_attempt_at(one: SendOutcome, tried: int, now: datetime) -> datetime:
    """Return the time of the next attempt: exponential backoff with jitter, and not before the vendor allows it."""
    delay = jittered_backoff(tried, first=FIRST_DELAY_SECONDS, longest=LONGEST_DELAY_SECONDS)
    return now + timedelta(seconds=max(delay, one.retry_after or 0.0))


def _write(updates: Sequence[RowUpdate], lease: Lease, now: datetime) -> None:
    """Write the updates into rows that are still leased: after its end a lease may be another sender's."""
    if not updates:
        return
    ordered = sorted(updates, key=lambda update: update.outcome.delivery.message_id)
    with connection.cursor() as cursor:
        cursor.execute(
            _SQL["write"],
            {
                "messages": [update.outcome.delivery.message_id for update in ordered],
                "due_at": [update.due_at for update in ordered],
                "attempts": [update.attempts for update in ordered],
                "vendor_ids": [update.outcome.vendor_id[:200] for update in ordered],
                "vendor_codes": [update.outcome.vendor_code[:200] for update in ordered],
                "accepted_at": [now if update.outcome.verdict is Verdict.ACCEPTED else None for update in ordered],
                "in_doubt": [update.outcome.in_doubt and update.due_at is not None for update in ordered],
                "token_hashes": [token_hash(update.outcome.delivery.token) for update in ordered],
                "first": ordered[0].outcome.delivery.message_id,
                "last": ordered[-1].outcome.delivery.message_id,
                "leased_until": lease.until,
            },
        )


def _update_rate_control(rate_control: RateControl, results: Sequence[SendOutcome]) -> None:
    """Update the rate control: a batch of which half got no usable answer is a failure."""
    tried = [one for one in results if one.tried]
    unreachable = sum(one.unreachable for one in tried)
    if tried:
        rate_control.record(usable=2 * unreachable < len(tried))
    if any(one.verdict is Verdict.ACCEPTED for one in tried):
        rate_control.note_accepted()
    pauses = [one.retry_after for one in tried if one.throttled and one.retry_after]
    if 2 * len(pauses) >= len(tried) and pauses:
        rate_control.pause(max(pauses))
