"""Huawei's codes, and what device results of its reports mean.

Its 80100000 says that some tokens are illegal; in the table of statuses the same number says that parameters are wrong:
codes are translated, never passed on.
"""

from __future__ import annotations

from channels_vendor.base.outcomes import Action, AnswerRule

OK = "80000000"
PARTIAL = "80100000"
ILLEGAL_TOKEN = "80100000/illegal_tokens"  # noqa: S105 - a code and a member of the answer
TOO_BIG = "80300008"

TABLE: dict[str, AnswerRule] = {
    ILLEGAL_TOKEN: AnswerRule(Action.INVALIDATE_TOKEN, 80100002),
    "80100001": AnswerRule(Action.REJECT, 80100000),
    "80100002": AnswerRule(Action.REJECT, 80100002),
    "80100003": AnswerRule(Action.REJECT, 80100003),
    "80100004": AnswerRule(Action.REJECT, 80100004),
    "80100013": AnswerRule(Action.REJECT, 80100000),
    "80100016": AnswerRule(Action.REJECT),
    "80100017": AnswerRule(Action.THROTTLE),
    "80100018": AnswerRule(Action.REJECT),
    "80200001": AnswerRule(Action.RENEW_CREDENTIAL),
    "80200003": AnswerRule(Action.RENEW_CREDENTIAL),
    "80200005": AnswerRule(Action.RENEW_CREDENTIAL),
    "80300002": AnswerRule(Action.DISABLE_ACCOUNT, 80300002),
    "80300007": AnswerRule(Action.INVALIDATE_TOKEN, 80300007),
    TOO_BIG: AnswerRule(Action.REJECT, 80300008),
    "80300010": AnswerRule(Action.REJECT, 80300007),
    "80300011": AnswerRule(Action.REJECT),
    "80300013": AnswerRule(Action.DISABLE_ACCOUNT),
    "80600003": AnswerRule(Action.RETRY, 81000001),
    "81000001": AnswerRule(Action.RETRY, 81000001),
}

# Results in delivery reports: (status of the message, the token is dead).
REPORTED: dict[int, tuple[int, bool]] = {
    2: (80000004, True),
    5: (80100002, True),
    10: (80000003, False),
}
