"""What HTTP statuses mean where nothing else is known of the service."""

from __future__ import annotations

from sms.base.contract import Verdict

# Other statuses below 500 refuse one SMS. Without a status the call broke; 5xx tell nothing of what was done.
VERDICTS: dict[int, Verdict] = {
    401: Verdict.MISCONFIGURED,
    402: Verdict.MISCONFIGURED,
    403: Verdict.MISCONFIGURED,
    404: Verdict.MISCONFIGURED,
    405: Verdict.MISCONFIGURED,
    429: Verdict.RETRY,
}
