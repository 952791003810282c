"""OPPO's codes: of a whole call, and of a single message of a batch."""

from __future__ import annotations

from channels_vendor.base.error_tables import rules_for
from channels_vendor.base.outcomes import Action, AnswerRule

OK = "0"
# Our own message ID was sent before: done.
REPEATED = "32"
BAD_REGID = "10000"
TOO_LONG = "41"
_BUSY = 60.0
_QUOTA = 3600.0


_UNKNOWN = 99999999

TABLE: dict[str, AnswerRule] = {
    **rules_for(Action.RETRY, -1, status=_UNKNOWN),
    **rules_for(Action.THROTTLE, -2, status=_UNKNOWN, wait=_BUSY),
    **rules_for(Action.RENEW_CREDENTIAL, 11, 29),
    **rules_for(Action.THROTTLE, 13, wait=_BUSY),
    **rules_for(Action.THROTTLE, 55, status=13, wait=_BUSY),
    **rules_for(Action.THROTTLE, 33, status=13, wait=_QUOTA),
    **rules_for(Action.DISABLE_ACCOUNT, 14, 15, 16, 17, 28, 30),
    **rules_for(Action.DISABLE_ACCOUNT, 27, status=30),
    **rules_for(Action.DISABLE_ACCOUNT, 26, status=_UNKNOWN),
    **rules_for(Action.REJECT, 12, *range(18, 26), 31, 34, 40, 41, 51, 59, 67, status=_UNKNOWN),
    **rules_for(Action.ACCEPT, 32, status=2),
    **rules_for(Action.INVALIDATE_TOKEN, 10000),
}
