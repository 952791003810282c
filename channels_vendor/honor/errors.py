"""HONOR's codes. The vendor publishes no table; these are those its developers report, close to Huawei's."""

from __future__ import annotations

from channels_vendor.base.contract import Action, Rule

OK = frozenset({"200", "80000000"})
PARTIAL = "80100000"
DEAD_TOKEN = "expireTokens"  # noqa: S105 - a word of the answer
BAD_TOKEN = "failTokens"  # noqa: S105
TOO_BIG = "80300008"

TABLE: dict[str, Rule] = {
    DEAD_TOKEN: Rule(Action.INVALIDATE_TOKEN),
    # Why is not said.
    BAD_TOKEN: Rule(Action.SUSPECT_TOKEN),
    "80100001": Rule(Action.REJECT),
    "80100003": Rule(Action.REJECT),
    "80100004": Rule(Action.REJECT),
    "80200001": Rule(Action.RENEW_CREDENTIAL),
    "80200003": Rule(Action.RENEW_CREDENTIAL),
    "80300002": Rule(Action.DISABLE_ACCOUNT),
    "80300007": Rule(Action.INVALIDATE_TOKEN),
    TOO_BIG: Rule(Action.REJECT),
    "81000001": Rule(Action.RETRY),
}
