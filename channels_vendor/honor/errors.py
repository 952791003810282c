"""HONOR's codes. The vendor publishes no table; these are those its developers report, close to Huawei's."""

from __future__ import annotations

from channels_vendor.base.outcomes import Action, AnswerRule

OK = frozenset({"200", "80000000"})
PARTIAL = "80100000"
DEAD_TOKEN = "expireTokens"  # noqa: S105 - a member of the answer
BAD_TOKEN = "failTokens"  # noqa: S105
TOO_BIG = "80300008"

TABLE: dict[str, AnswerRule] = {
    DEAD_TOKEN: AnswerRule(Action.INVALIDATE_TOKEN),
    # Why is not said.
    BAD_TOKEN: AnswerRule(Action.SUSPECT_TOKEN),
    "80100001": AnswerRule(Action.REJECT),
    "80100003": AnswerRule(Action.REJECT),
    "80100004": AnswerRule(Action.REJECT),
    "80200001": AnswerRule(Action.RENEW_CREDENTIAL),
    "80200003": AnswerRule(Action.RENEW_CREDENTIAL),
    "80300002": AnswerRule(Action.DISABLE_ACCOUNT),
    "80300007": AnswerRule(Action.INVALIDATE_TOKEN),
    TOO_BIG: AnswerRule(Action.REJECT),
    "81000001": AnswerRule(Action.RETRY),
}
