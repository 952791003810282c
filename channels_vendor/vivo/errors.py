"""vivo's results, and what it says of a single device."""

from __future__ import annotations

from channels_vendor.base.error_tables import rules_for
from channels_vendor.base.outcomes import Action, AnswerRule

OK = "0"
# Our own request ID was used before: done.
REPEATED = "10303"
# `invalidUser` with its status.
UNKNOWN_USER = "invalidUser/1"
UNSUBSCRIBED = "invalidUser/2"
SILENT_FOR_MONTHS = "invalidUser/3"
NOT_A_TEST_USER = "invalidUser/4"
BAD_PAIR = "10067"
_BUSY = 60.0
_QUOTA = 3600.0
_UNKNOWN = 99999999


TABLE: dict[str, AnswerRule] = {
    UNKNOWN_USER: AnswerRule(Action.INVALIDATE_TOKEN, 10302),
    # Uninstalled, says one edition of vivo's document (dev.vivo.com.cn, 362), uninstalled or notifications switched off
    # another: who switches them on again has the same token.
    UNSUBSCRIBED: AnswerRule(Action.SUSPECT_TOKEN, 10302),
    # Not there for 90 days; one that comes back may have kept its token.
    SILENT_FOR_MONTHS: AnswerRule(Action.SUSPECT_TOKEN, 10302),
    NOT_A_TEST_USER: AnswerRule(Action.REJECT),
    **rules_for(Action.RENEW_CREDENTIAL, 10000),
    **rules_for(Action.THROTTLE, 10040, 10072, wait=_BUSY),
    **rules_for(Action.REJECT, 10050, 10055, 10056, 10058, 10066, 10067, 10101, 10103, 10104),
    **rules_for(Action.REJECT, 10085, status=10104),
    # A category that is none; one that is not of the classification.
    **rules_for(Action.REJECT, 10096, 10097, status=_UNKNOWN),
    # Over for today; hammering costs quota.
    **rules_for(Action.THROTTLE, 10070, wait=_QUOTA),
    **rules_for(Action.THROTTLE, 10073, status=10070, wait=_QUOTA),
    **rules_for(Action.THROTTLE, 10252, 10254, status=_UNKNOWN, wait=_QUOTA),
    # Outside the hours granted to such messages: not too fast, only later.
    **rules_for(Action.RETRY, 10071, wait=_QUOTA),
    **rules_for(Action.DISABLE_ACCOUNT, 10094, *range(10200, 10208), status=_UNKNOWN),
    **rules_for(Action.THROTTLE, 10250, status=_UNKNOWN, wait=_BUSY),
    **rules_for(Action.RETRY, 10102),
    **rules_for(Action.DISABLE_ACCOUNT, 10110),
    **rules_for(Action.INVALIDATE_TOKEN, 10302),
}
