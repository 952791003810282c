"""What Twilio's error codes mean (twilio.com/docs/api/errors)."""

from __future__ import annotations

from sms.base.contract import Verdict

# A code that is not here refuses one SMS.
VERDICTS: dict[int, Verdict] = {
    # Authenticate; permission denied; account suspended; test credentials.
    20003: Verdict.MISCONFIGURED,
    20005: Verdict.MISCONFIGURED,
    20008: Verdict.MISCONFIGURED,
    20404: Verdict.MISCONFIGURED,
    # Too many requests; too many concurrent requests; the queue is full.
    20429: Verdict.RETRY,
    20004: Verdict.RETRY,
    30001: Verdict.RETRY,
    # The sender is none of the account's; the messaging service has none.
    21603: Verdict.MISCONFIGURED,
    21606: Verdict.MISCONFIGURED,
    21659: Verdict.MISCONFIGURED,
    21660: Verdict.MISCONFIGURED,
    21703: Verdict.MISCONFIGURED,
    21705: Verdict.MISCONFIGURED,
}

# What `MessageStatus` says; others are on their way.
DELIVERED = {"delivered": True, "read": True, "undelivered": False, "failed": False, "canceled": False}
