"""What follows from a vendor's answer: the rows of an error table, and the outcome of each delivery."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import NamedTuple

from channels_vendor.base.delivery import Delivery
from pushcore.codes import statuses


class Action(Enum):
    """What a vendor's answer asks for."""

    ACCEPT = auto()
    # The token is dead.
    INVALIDATE_TOKEN = auto()
    # The request or its content is at fault: final, a repeat would be refused too.
    REJECT = auto()
    # As REJECT, and the token may be dead: it is, where it is refused so again and again (`suspect_tokens.py`).
    SUSPECT_TOKEN = auto()
    # The credential has run out: fetch a new one and send once more.
    RENEW_CREDENTIAL = auto()
    # Send again later: the vendor is in trouble, or one device gets too much.
    RETRY = auto()
    # The account sends too fast.
    THROTTLE = auto()
    # The configuration is at fault: the account is stopped until an operator has looked.
    DISABLE_ACCOUNT = auto()


@dataclass(frozen=True, slots=True)
class AnswerRule:
    """A row of a vendor's error table.

    RETRY without `wait` is the vendor's own trouble and counts for the circuit breaker; with it, it is about a device
    or the hour. THROTTLE is about the whole account, which then pauses for so long.

    Attributes:
        action: What follows.
        status: The message's status code, as in `pushcore.codes.statuses` for the channel.
        wait: Seconds until the next attempt, where the vendor names none.
    """

    action: Action
    status: int = statuses.UNKNOWN
    wait: float | None = None


# How long an account pauses whose vendor asks for less and names no time.
THROTTLE_SECONDS = 60.0


class Verdict(Enum):
    """What became of a delivery. The names in lower case are values of the metric `mps_vendor_sent_total`."""

    ACCEPTED = auto()
    GONE = auto()
    REJECTED = auto()
    RETRY = auto()
    # The credential was refused; seen only between a client and `Adapter.send`.
    UNAUTHORISED = auto()
    MISCONFIGURED = auto()


_VERDICTS = {
    Action.ACCEPT: Verdict.ACCEPTED,
    Action.INVALIDATE_TOKEN: Verdict.GONE,
    Action.REJECT: Verdict.REJECTED,
    Action.SUSPECT_TOKEN: Verdict.REJECTED,
    Action.RENEW_CREDENTIAL: Verdict.UNAUTHORISED,
    Action.RETRY: Verdict.RETRY,
    Action.THROTTLE: Verdict.RETRY,
    Action.DISABLE_ACCOUNT: Verdict.MISCONFIGURED,
}


class SendOutcome(NamedTuple):
    """What became of one delivery at the vendor.

    Attributes:
        delivery: The delivery.
        verdict: What became of it.
        status: The message's status code, as in `pushcore.codes.statuses` for the channel.
        vendor_id: The vendor's ID of the message, where it was accepted.
        vendor_code: The vendor's own code, with its explanation if there is one, where it was not.
        retry_after: Seconds until the next attempt, None for the usual backoff.
        throttled: The vendor asked the account for less, not only for later.
        unreachable: No usable answer came, or a 5xx: the circuit breaker counts these.
        gone_at: When the token died; one registered later lives.
        tried: False where the vendor was not asked, for want of time.
        in_doubt: The vendor may have taken it without our knowing, or has been asked twice.
        suspect: The token is dead if this goes on.
    """

    delivery: Delivery
    verdict: Verdict
    status: int
    vendor_id: str = ""
    vendor_code: str = ""
    retry_after: float | None = None
    throttled: bool = False
    unreachable: bool = False
    gone_at: datetime | None = None
    tried: bool = True
    in_doubt: bool = False
    suspect: bool = False


# Needed for nearly every delivery, and slow to look up in an enumeration.
_ACCEPTED = Verdict.ACCEPTED


def accepted(delivery: Delivery, vendor_id: str) -> SendOutcome:
    """Return the outcome of a delivery that the vendor took under its own ID."""
    return SendOutcome(delivery, _ACCEPTED, statuses.ACKED, vendor_id)


def by_rule(
    delivery: Delivery,
    rule: AnswerRule,
    vendor_code: str,
    *,
    retry_after: float | None = None,
    gone_at: datetime | None = None,
    unreachable: bool = False,
) -> SendOutcome:
    """Return the outcome that a row of an error table asks for. `retry_after` goes before the rule's own wait."""
    throttled = rule.action is Action.THROTTLE
    wait = THROTTLE_SECONDS if throttled and rule.wait is None else rule.wait
    return SendOutcome(
        delivery,
        _VERDICTS[rule.action],
        rule.status,
        vendor_code=vendor_code[:200],
        retry_after=retry_after if retry_after is not None else wait,
        throttled=throttled,
        unreachable=unreachable or (rule.action is Action.RETRY and rule.wait is None),
        gone_at=gone_at,
        suspect=rule.action is Action.SUSPECT_TOKEN,
    )
