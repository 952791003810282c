"""Codes of Push Kit v3.

A partly refused batch names a reason for each token: some say that the token is dead, others that the app may not, and
the token stays.
"""

from __future__ import annotations

from channels_vendor.base.outcomes import Action, AnswerRule
from channels_vendor.huawei import errors as huawei

OK = huawei.OK
# Both carry a map of reasons.
WITH_REASONS = frozenset({"80100000", "80300007"})
TOO_BIG = huawei.TOO_BIG

REASONS: dict[str, AnswerRule] = {
    "tokenFormatError": AnswerRule(Action.INVALIDATE_TOKEN),
    "tokenPlatformNotSupport": AnswerRule(Action.INVALIDATE_TOKEN),
    # Of the app or of the token, says Huawei: the token stays.
    "noRight": AnswerRule(Action.REJECT),
    "noPushTypeRight": AnswerRule(Action.REJECT),
    "atomicUnableSendUnsubscribedMsg": AnswerRule(Action.REJECT),
    "countryNotSupport": AnswerRule(Action.REJECT),
    "disableSendHuaweiMsgBecauseOfPenalty": AnswerRule(Action.REJECT),
    "differentImgVerifyPolicy": AnswerRule(Action.REJECT),
    "appinfoError": AnswerRule(Action.REJECT),
    "noRightToSendThisLiveNotificationEvent": AnswerRule(Action.REJECT),
    "notSupportPlayVoice": AnswerRule(Action.REJECT),
}
# Of these, what says that it is the token's fault.
ABOUT_TOKENS = ("tokenFormatError", "tokenPlatformNotSupport")

# HarmonyOS has no table of statuses of its own: the vendor's code is kept beside the message.
TABLE: dict[str, AnswerRule] = (
    REASONS
    | {code: AnswerRule(rule.action) for code, rule in huawei.TABLE.items() if "/" not in code}
    | {
        # Without its map of reasons the code says nothing about a single token.
        "80300007": AnswerRule(Action.REJECT),
        "80100022": AnswerRule(Action.REJECT),
        "80300029": AnswerRule(Action.THROTTLE),
        "80300030": AnswerRule(Action.REJECT),
        "80300036": AnswerRule(Action.DISABLE_ACCOUNT),
        "80300037": AnswerRule(Action.DISABLE_ACCOUNT),
    }
)
