"""Try an account by one call to a token that no device has.

What the vendor says of the token tells whether it takes the account; nobody gets anything.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta

from channels_vendor.base import sentences
from channels_vendor.base.delivery import Delivery, Notification
from channels_vendor.base.outcomes import SendOutcome, Verdict
from pushcore.storage import clock

# Well formed as APNs' are, and no vendor's.
TOKEN = "0" * 64
_VALID = timedelta(minutes=1)
_MEANING = {
    Verdict.MISCONFIGURED: sentences.REFUSES_ACCOUNT,
    Verdict.RETRY: sentences.CANNOT_BE_ASKED,
}


def probe_delivery(token: str) -> Delivery:
    """Return a delivery to a token that no device has, marked as a test and soon over."""
    number = time.time_ns() // 1_000_000
    notification = Notification(number, "check", "Check", "Of this account.", clock.now() + _VALID, test=True)
    return Delivery(number, 0, token, "check", notification)


def describe_problem(outcome: SendOutcome, signs: Sequence[str]) -> str:
    """Return what is wrong with the account, or nothing.

    Args:
        outcome: What became of the probe.
        signs: How the vendor's code begins where it refuses the token alone.
    """
    if outcome.verdict is Verdict.ACCEPTED or outcome.vendor_code.startswith(tuple(signs)):
        return ""
    return _MEANING.get(outcome.verdict, sentences.REFUSES_TO_SEND) % {"code": outcome.vendor_code}
