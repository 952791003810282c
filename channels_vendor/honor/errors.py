"""HONOR's codes. The vendor publishes no table; these are those its developers report, close to Huawei's."""

from __future__ import annotations

from channels_vendor.base.contract import Action, Rule

OK = frozenset({"200", "80000000"})
PARTIAL = "80100000"
DEAD_TOKEN = "expireTokens"  # noqa: S105 - a word of the answer
BAD_TOKEN = "failTokens"  # noqa: S105
TOO_BIG = "80300008"

TABLE: dict[str, Rule] = {
    DEAD_TOKEN: Rule(Action.DROP),
    # Why is not said.
    BAD_TOKEN: Rule(Action.SUSPECT),
    "80100001": Rule(Action.FIX),
    "80100003": Rule(Action.FIX),
    "80100004": Rule(Action.FIX),
    "80200001": Rule(Action.AUTH),
    "80200003": Rule(Action.AUTH),
    "80300002": Rule(Action.STOP),
    "80300007": Rule(Action.DROP),
    TOO_BIG: Rule(Action.FIX),
    "81000001": Rule(Action.RETRY),
}
