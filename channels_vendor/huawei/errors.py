"""Huawei's codes, and what device results of its receipts mean. Its 80100000 says that some tokens are illegal; in the
table of statuses the same number says that parameters are wrong: codes are translated, never passed on."""

from __future__ import annotations

from channels_vendor.base.contract import Action, Rule

OK = "80000000"
PARTIAL = "80100000"
ILLEGAL_TOKEN = "80100000/illegal_tokens"  # noqa: S105 - a word of the answer
TOO_BIG = "80300008"

TABLE: dict[str, Rule] = {
    ILLEGAL_TOKEN: Rule(Action.DROP, 80100002),
    "80100001": Rule(Action.FIX, 80100000),
    "80100002": Rule(Action.FIX, 80100002),
    "80100003": Rule(Action.FIX, 80100003),
    "80100004": Rule(Action.FIX, 80100004),
    "80100013": Rule(Action.FIX, 80100000),
    "80100016": Rule(Action.FIX),
    "80100017": Rule(Action.SLOW),
    "80100018": Rule(Action.FIX),
    "80200001": Rule(Action.AUTH),
    "80200003": Rule(Action.AUTH),
    "80200005": Rule(Action.AUTH),
    "80300002": Rule(Action.STOP, 80300002),
    "80300007": Rule(Action.DROP, 80300007),
    TOO_BIG: Rule(Action.FIX, 80300008),
    "80300010": Rule(Action.FIX, 80300007),
    "80300011": Rule(Action.FIX),
    "80300013": Rule(Action.STOP),
    "80600003": Rule(Action.RETRY, 81000001),
    "81000001": Rule(Action.RETRY, 81000001),
}

# Results in receipts: (status of the message, the token is dead).
RECEIPTS: dict[int, tuple[int, bool]] = {
    2: (80000004, True),
    5: (80100002, True),
    10: (80000003, False),
}
