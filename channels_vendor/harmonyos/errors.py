"""Codes of Push Kit v3.

A partly refused batch names a reason for each token: some say that the token is dead, others that the app may not, and
the token stays.
"""

from __future__ import annotations

from channels_vendor.base.contract import Action, Rule
from channels_vendor.huawei import errors as huawei

OK = huawei.OK
# Both carry a map of reasons.
WITH_REASONS = frozenset({"80100000", "80300007"})
TOO_BIG = huawei.TOO_BIG

REASONS: dict[str, Rule] = {
    "tokenFormatError": Rule(Action.INVALIDATE_TOKEN),
    "tokenPlatformNotSupport": Rule(Action.INVALIDATE_TOKEN),
    # Of the app or of the token, says Huawei: the token stays.
    "noRight": Rule(Action.REJECT),
    "noPushTypeRight": Rule(Action.REJECT),
    "atomicUnableSendUnsubscribedMsg": Rule(Action.REJECT),
    "countryNotSupport": Rule(Action.REJECT),
    "disableSendHuaweiMsgBecauseOfPenalty": Rule(Action.REJECT),
    "differentImgVerifyPolicy": Rule(Action.REJECT),
    "appinfoError": Rule(Action.REJECT),
    "noRightToSendThisLiveNotificationEvent": Rule(Action.REJECT),
    "notSupportPlayVoice": Rule(Action.REJECT),
}
# Of these, what says that it is the token's fault.
ABOUT_TOKENS = ("tokenFormatError", "tokenPlatformNotSupport")

# HarmonyOS has no table of statuses of its own: the vendor's word is kept beside the message.
TABLE: dict[str, Rule] = (
    REASONS
    | {code: Rule(rule.action) for code, rule in huawei.TABLE.items() if "/" not in code}
    | {
        # Without its map of reasons the code says nothing about a single token.
        "80300007": Rule(Action.REJECT),
        "80100022": Rule(Action.REJECT),
        "80300029": Rule(Action.THROTTLE),
        "80300030": Rule(Action.REJECT),
        "80300036": Rule(Action.DISABLE_ACCOUNT),
        "80300037": Rule(Action.DISABLE_ACCOUNT),
    }
)
