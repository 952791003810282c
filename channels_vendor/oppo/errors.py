"""OPPO's codes: of a whole call, and of a single message of a batch."""

from __future__ import annotations

from channels_vendor.base.contract import Action, AnswerRule

OK = "0"
# Our own message ID was sent before: done.
REPEATED = "32"
BAD_REGID = "10000"
TOO_LONG = "41"
_BUSY = 60.0
_QUOTA = 3600.0


def _rules(action: Action, *codes: int, status: int | None = None, wait: float | None = None) -> dict[str, AnswerRule]:
    """Rows of one kind. `status` None: the code itself."""
    return {str(code): AnswerRule(action, code if status is None else status, wait) for code in codes}


_UNKNOWN = 99999999

TABLE: dict[str, AnswerRule] = {
    **_rules(Action.RETRY, -1, status=_UNKNOWN),
    **_rules(Action.THROTTLE, -2, status=_UNKNOWN, wait=_BUSY),
    **_rules(Action.RENEW_CREDENTIAL, 11, 29),
    **_rules(Action.THROTTLE, 13, wait=_BUSY),
    **_rules(Action.THROTTLE, 55, status=13, wait=_BUSY),
    **_rules(Action.THROTTLE, 33, status=13, wait=_QUOTA),
    **_rules(Action.DISABLE_ACCOUNT, 14, 15, 16, 17, 28, 30),
    **_rules(Action.DISABLE_ACCOUNT, 27, status=30),
    **_rules(Action.DISABLE_ACCOUNT, 26, status=_UNKNOWN),
    **_rules(Action.REJECT, 12, *range(18, 26), 31, 34, 40, 41, 51, 59, 67, status=_UNKNOWN),
    **_rules(Action.ACCEPT, 32, status=2),
    **_rules(Action.INVALIDATE_TOKEN, 10000),
}
