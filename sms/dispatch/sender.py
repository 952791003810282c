"""Send the SMS that are due, each once.

The rows are the queue. A claim is a lease, so any number of senders may run. Before the provider is asked, the row says
so (`SENDING`), in a transaction of its own: a row that is found in that state after its lease was left by a sender that
died. Whether it was sent nobody knows, and it is not sent again.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import structlog
from cryptography.fernet import InvalidToken
from django.conf import settings
from django.db import connection
from prometheus_client import Counter as PrometheusCounter

from pushcore.backoff import jittered_backoff
from pushcore.codes import statuses
from pushcore.delivery import deliverable
from pushcore.http.calls import HttpAnswer, HttpCall, HttpSettings
from pushcore.http.client import HttpClient
from pushcore.models.pushes import DeliveryType
from pushcore.ports import SmsWish, lanes
from pushcore.push import sms as wishes
from pushcore.security import crypto
from pushcore.storage import clock, ids
from pushcore.storage.sql import statements
from pushcore.storage.token_bucket import TokenBucket
from pushcore.storage.valkey import ValkeyDown
from sms.base.contract import OutgoingSms, SendResult, Verdict
from sms.models import SmsAccount, SmsMessage

log = structlog.get_logger(__name__)
_SQL = statements(__file__)
_CONSIDER = _SQL["consider"].format(quiet=deliverable.QUIET_HOURS.message, user=DeliveryType.USER.value)
State = SmsMessage.State

ENDED = PrometheusCounter("mps_sms_total", "SMS that complement messages, by what became of them.", ["state"])

BATCH = 50
MAX_CONNECTIONS = 10
TIMEOUT_MS = 10_000
CONNECT_TIMEOUT_MS = 5_000
# Beyond the longest time that the calls of a batch take one after the other on each connection.
LEASE = timedelta(milliseconds=2 * TIMEOUT_MS * BATCH / MAX_CONNECTIONS)
# An SMS that could not be sent so long after it was due, nor while its message was valid, is not sent any more.
LATEST = timedelta(hours=1)
# What waits for an account that was stopped, or for the end of quiet hours, is looked at so often.
LOOK_AGAIN = timedelta(minutes=1)
MAX_ATTEMPTS = 6
FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS = 5.0, 600.0
_WITHDRAWN = [statuses.REVOKED, statuses.HELD_BACK, statuses.NO_CONSENT]
_STATES = {
    Verdict.ACCEPTED: State.SENT,
    Verdict.REFUSED: State.FAILED,
    Verdict.RETRY: State.WAITING,
    Verdict.MISCONFIGURED: State.WAITING,
    Verdict.UNKNOWN: State.UNKNOWN,
}


class RowUpdate(NamedTuple):
    """What is written of an SMS. `due_at`: None where it is over."""

    message_id: int
    state: State
    due_at: datetime | None = None
    attempts: int = 0
    provider_id: str = ""
    code: str = ""
    segments: int | None = None
    price: Decimal | None = None
    currency: str = ""
    sent_at: datetime | None = None


class _Leased(NamedTuple):
    """A leased SMS: a row of the statement `consider`."""

    message_id: int
    attempts: int
    wish: str
    content: str
    override: str | None
    expire_at: datetime
    is_withdrawn: bool
    has_arrived: bool
    is_quiet: bool
    phone_number_sealed: str | None

    def outgoing(self, phone_number: str) -> OutgoingSms:
        """Return the SMS as providers take it."""
        wish = SmsWish(**json.loads(self.wish))
        content: dict[str, Any] = json.loads(self.content) | json.loads(self.override or "{}")
        return OutgoingSms(self.message_id, self.attempts, phone_number, wish, wishes.text_of(wish, content))

    @property
    def latest_at(self) -> datetime:
        """The time after which it is not sent any more."""
        delay = timedelta(seconds=json.loads(self.wish)["delay_seconds"])
        return max(self.expire_at, ids.created_at(self.message_id) + delay + LATEST)


def any_due() -> bool:
    """Tell whether SMS are due."""
    return bool(workspaces_due())


def workspaces_due() -> list[int]:
    """Return the workspaces whose SMS are due."""
    with connection.cursor() as cursor:
        cursor.execute(_SQL["workspaces_due"], {"oldest": _oldest(), "now": clock.now()})
        return [workspace_id for (workspace_id,) in cursor.fetchall()]


def send_due(*, budget_seconds: float = 20.0) -> int:
    """Send what is due, a batch of each workspace in turn, until the time is spent; return how many were sent.

    Nothing is sent while acknowledgements wait to be recorded: what looks undelivered may have arrived.
    """
    deadline = time.monotonic() + budget_seconds
    sent = 0
    if any(lane.is_behind() for lane in lanes()):
        return 0
    waiting = workspaces_due()
    while waiting and time.monotonic() < deadline:
        more = []
        for workspace_id in waiting:
            looked_at, accepted = _send_batch(workspace_id)
            sent += accepted
            if looked_at:
                more.append(workspace_id)
            if time.monotonic() >= deadline:
                break
        waiting = more
    return sent


def _oldest() -> int:
    """Return the first message id whose SMS may still be due."""
    longest = timedelta(seconds=settings.MAX_EXPIRED_SECONDS) + 2 * LATEST
    return ids.first_id_at(clock.now() - longest)


def _send_batch(workspace_id: int) -> tuple[int, int]:
    """Send a batch of a workspace; return how many SMS were looked at, and how many the provider accepted."""
    account = SmsAccount.objects.filter(workspace_id=workspace_id).first()
    bucket = _bucket(account) if account else None
    most = _grant(bucket)
    if not most:
        return 0, 0
    until = clock.now() + LEASE
    leased = _claim(workspace_id, most, until)
    found = _consider(leased, until)
    decided = [_gone(message_id) for message_id in set(leased) - {row.message_id for row in found}]
    outgoing = list[OutgoingSms]()
    for row in found:
        decision = _decide(row, account)
        if isinstance(decision, RowUpdate):
            decided.append(decision)
        else:
            outgoing.append(decision)
    _give_back(bucket, most - len(outgoing))
    _write(decided, until, State.WAITING)
    return len(leased), _send(account, outgoing, until) if account and outgoing else 0


def _grant(bucket: TokenBucket | None) -> int:
    """Return how many SMS may be sent now. Without Valkey, which counts the rate, a batch may."""
    try:
        return bucket.take(BATCH) if bucket else BATCH
    except ValkeyDown:
        return BATCH


def _give_back(bucket: TokenBucket | None, unused: int) -> None:
    if bucket:
        with contextlib.suppress(*ValkeyDown):
            bucket.give_back(unused)


def _bucket(account: SmsAccount) -> TokenBucket:
    rate = account.rate or account.description.rate
    return TokenBucket(f"mps:sms:bucket:{account.workspace_id}", rate, max(1, rate))


def _claim(workspace_id: int, most: int, until: datetime) -> list[int]:
    """Lease the SMS that are due longest, and end those that a dead sender left behind."""
    parameters: dict[str, Any] = {
        "workspace": workspace_id, "now": clock.now(), "oldest": _oldest(), "most": most, "until": until,
        "waiting": State.WAITING.value, "sending": State.SENDING.value, "unknown": State.UNKNOWN.value,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_SQL["close_in_doubt"], parameters)
        if cursor.rowcount:
            ENDED.labels(State.UNKNOWN.name.lower()).inc(cursor.rowcount)
            log.error("SMS whose sender died may have been sent", workspace=workspace_id, sms=cursor.rowcount)
        cursor.execute(_SQL["claim"], parameters)
        return [message_id for (message_id,) in cursor.fetchall()]


def _consider(leased: Sequence[int], until: datetime) -> list[_Leased]:
    """Read what is known now of leased SMS. One query."""
    if not leased:
        return []
    with connection.cursor() as cursor:
        parameters: dict[str, Any] = {"ids": list(leased), "until": until, "withdrawn": _WITHDRAWN}
        cursor.execute(_CONSIDER, parameters | {"now": clock.now(), "waiting": State.WAITING.value})
        return [_Leased._make(row) for row in cursor.fetchall()]


def _gone(message_id: int) -> RowUpdate:
    """End an SMS whose message is gone."""
    return RowUpdate(message_id, State.WITHDRAWN, code="no-message")


def _decide(row: _Leased, account: SmsAccount | None) -> RowUpdate | OutgoingSms:
    """Decide what becomes of a leased SMS: the SMS itself, if it is to be sent."""
    now = clock.now()
    if row.has_arrived:
        return RowUpdate(row.message_id, State.NOT_NEEDED)
    if row.is_withdrawn:
        return RowUpdate(row.message_id, State.WITHDRAWN, code="withdrawn")
    if account is None or not account.enabled:
        return RowUpdate(row.message_id, State.WITHDRAWN, code="no-account")
    if now > row.latest_at:
        return RowUpdate(row.message_id, State.FAILED, attempts=row.attempts, code="too-late")
    if row.is_quiet or not account.usable:
        return RowUpdate(row.message_id, State.WAITING, now + LOOK_AGAIN, row.attempts)
    try:
        number = crypto.decrypt(row.phone_number_sealed) if row.phone_number_sealed else ""
    except InvalidToken:  # sealed with a key that is gone
        number = ""
    return row.outgoing(number) if number else RowUpdate(row.message_id, State.NO_NUMBER)


def _send(account: SmsAccount, outgoing: Sequence[OutgoingSms], until: datetime) -> int:
    """Send SMS whose rows say so first; return how many the provider accepted."""
    provider, values = account.description, account.account()
    calls = {one.message_id: call for one in outgoing if (call := provider.call(values, one)) is not None}
    begun = [
        RowUpdate(one.message_id, State.SENDING, until, one.attempts, sent_at=clock.now())
        if one.message_id in calls
        else RowUpdate(one.message_id, State.NO_NUMBER, code="no-country")
        for one in outgoing
    ]
    marked = _write(begun, until, State.WAITING)
    attempts = {one.message_id: one.attempts for one in outgoing}
    sending = [message_id for message_id in calls if message_id in marked]
    answers = exchange(account, [calls[message_id] for message_id in sending])
    results = {message_id: provider.read(answer) for message_id, answer in zip(sending, answers, strict=True)}
    _write([_of_result(one, attempts[one], result) for one, result in results.items()], until, State.SENDING)
    if wrong := next((one for one in results.values() if one.verdict is Verdict.MISCONFIGURED), None):
        _stop(account, wrong.code)
    return sum(result.verdict is Verdict.ACCEPTED for result in results.values())


def exchange(account: SmsAccount, calls: Sequence[HttpCall]) -> list[HttpAnswer]:
    """Make calls to an account's provider; a call that may have been seen is made once only."""
    client = HttpClient(
        HttpSettings(
            allow_private=settings.VENDOR_ALLOW_PRIVATE,
            https_only=not settings.VENDOR_ALLOW_PRIVATE,
            ca=account.ca_pem.encode(),
            connect_timeout_ms=CONNECT_TIMEOUT_MS,
            timeout_ms=TIMEOUT_MS,
            max_connections=MAX_CONNECTIONS,
            max_answer_bytes=65_536,
        )
    )
    try:
        return client.exchange(calls, within=LEASE.total_seconds() / 2)
    finally:
        client.close()


def _of_result(message_id: int, attempts: int, result: SendResult) -> RowUpdate:
    """Return what is written of a provider's answer."""
    now = clock.now()
    state = _STATES[result.verdict]
    tried = attempts + (result.verdict is Verdict.RETRY)
    if tried >= MAX_ATTEMPTS:
        state = State.FAILED
    due_at = None
    if state == State.WAITING:
        delay = jittered_backoff(tried, first=FIRST_DELAY_SECONDS, longest=LONGEST_DELAY_SECONDS)
        due_at = now + (LOOK_AGAIN if result.verdict is Verdict.MISCONFIGURED else timedelta(seconds=delay))
    said = (result.provider_id, result.code, result.segments, result.price, result.currency)
    sent_at = now if state in (State.SENT, State.UNKNOWN) else None
    return RowUpdate(message_id, state, due_at, tried, *said, sent_at=sent_at)


def _stop(account: SmsAccount, code: str) -> None:
    """Take an account out of use until an operator has looked."""
    mine = SmsAccount.objects.filter(pk=account.pk, stopped_at__isnull=True, updated_at=account.updated_at)
    if mine.update(stopped_at=clock.now(), stopped_reason=code):
        log.error("SMS account stopped", workspace=account.workspace_id, provider=account.provider, code=code)


def _write(updates: Sequence[RowUpdate], until: datetime, expected: State) -> set[int]:
    """Write what became of SMS that are still leased and in the expected state; return which those were."""
    if not updates:
        return set()
    ids_, states, due_at, attempts, provider_ids, codes, segments, prices, currencies, sent_at = (
        list(column) for column in zip(*sorted(updates), strict=True)
    )
    with connection.cursor() as cursor:
        cursor.execute(
            _SQL["write"],
            {
                "ids": ids_, "states": [int(state) for state in states], "due_at": due_at, "attempts": attempts,
                "provider_ids": provider_ids, "codes": codes, "segments": segments, "prices": prices,
                "currencies": currencies, "sent_at": sent_at, "until": until, "from": int(expected),
            },
        )  # fmt: skip
        written = {message_id for (message_id,) in cursor.fetchall()}
    for update in updates:
        if update.due_at is None and update.message_id in written:
            ENDED.labels(update.state.name.lower()).inc()
    return written
