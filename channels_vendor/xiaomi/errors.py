"""MiPush's codes. The table of statuses prints 1001 for what the vendor sends as 10001."""

from __future__ import annotations

from channels_vendor.base.error_tables import rules_for
from channels_vendor.base.outcomes import Action, AnswerRule

OK = "0"
BAD_REGID = "bad_regids"
# Nobody to send to: of a call to a single device that may be the device's fault.
NO_TARGET = "20301"
NO_SINGLE_TARGET = "20301/single"
_BUSY = 60.0
# What is over for today is tried again after so long.
_QUOTA = 3600.0


_UNKNOWN = 99999999

TABLE: dict[str, AnswerRule] = {
    BAD_REGID: AnswerRule(Action.INVALIDATE_TOKEN, 20301),
    NO_SINGLE_TARGET: AnswerRule(Action.SUSPECT_TOKEN, 20301),
    **rules_for(Action.RETRY, 10001, 20607, -1, 1, status=1001),
    **rules_for(Action.RETRY, 10002, 10003, 10009),
    **rules_for(Action.RETRY, 26003, 65029, 65030, status=10003),
    **rules_for(Action.DISABLE_ACCOUNT, 10004, 10005, 10012, 10013, 10014, 10026, 21301),
    **rules_for(Action.DISABLE_ACCOUNT, 10031, 10033, status=10026),
    **rules_for(Action.DISABLE_ACCOUNT, 21302, status=21301),
    **rules_for(Action.DISABLE_ACCOUNT, 10036, 10038, 21303, 26006, 27001, status=_UNKNOWN),
    **rules_for(Action.DISABLE_ACCOUNT, *range(22000, 22009), 22020, 22021, 22022),
    **rules_for(Action.DISABLE_ACCOUNT, 66108, status=22022),
    **rules_for(Action.REJECT, 10008, 10017, 10018, 20301),
    **rules_for(Action.REJECT, 65009, status=10018),
    **rules_for(Action.REJECT, 65011, status=10008),
    **rules_for(Action.REJECT, 10016, 21305, 65014, 65015, 65036, 65037, 65038, status=_UNKNOWN),
    **rules_for(Action.REJECT, 22100, 22101, 22103),
    **rules_for(Action.RETRY, 22102),
    **rules_for(Action.THROTTLE, 10022, 10023, 10024, 10027, wait=_BUSY),
    **rules_for(Action.THROTTLE, 10034, 200001, status=_UNKNOWN, wait=_QUOTA),
    **rules_for(Action.INVALIDATE_TOKEN, 10029),
    # Nobody there now, usually; the token lives.
    **rules_for(Action.RETRY, 65003, status=_UNKNOWN, wait=_BUSY),
}

# Types in delivery reports.
DELIVERED, CLICKED, INVALID, SWITCHED_OFF, FILTERED, OVER_QUOTA, EXPIRED = 1, 2, 16, 32, 64, 128, 1024
INVALID_STATUS = 20301
