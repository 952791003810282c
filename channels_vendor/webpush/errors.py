"""What push services answer (RFC 8030, and what each adds), and what follows from it."""

from __future__ import annotations

from channels_vendor.base.outcomes import Action, AnswerRule

# A token that is no subscription, which is never sent.
NO_SUBSCRIPTION = AnswerRule(Action.INVALIDATE_TOKEN, 404)
TOO_LARGE = "413"
# A subscription that was made with another VAPID key.
OTHER_KEY = "key"

_WAIT = 60.0

TABLE: dict[str, AnswerRule] = {
    # RFC 8030, 7.3: an expired subscription is answered 404; 410 where it was ended by the browser or its user.
    "404": AnswerRule(Action.INVALIDATE_TOKEN, 404),
    "410": AnswerRule(Action.INVALIDATE_TOKEN, 410),
    TOO_LARGE: AnswerRule(Action.REJECT, 413),
    "400": AnswerRule(Action.REJECT, 400),
    # After a change of the key pair that is so of all browsers that have not been opened since.
    OTHER_KEY: AnswerRule(Action.SUSPECT_TOKEN, 403),
    "401": AnswerRule(Action.RENEW_CREDENTIAL, 401),
    "403": AnswerRule(Action.DISABLE_ACCOUNT, 403),
    # Microsoft's (WNS) way to say that one subscription gets too much.
    "406": AnswerRule(Action.RETRY, 429, wait=_WAIT),
    "429": AnswerRule(Action.THROTTLE, 429),
}

# How Google (403), Mozilla (401) and Apple (400) say that a subscription was made with another key.
_OTHER_KEY_WORDS = ("do not correspond to the credentials", "public key mismatch", "VapidPkHashMismatch")

# What a service that is not a browser vendor's says of the account: any device may report an endpoint of its own, which
# must not stop or slow the others.
OF_ONE_SUBSCRIPTION = {
    Action.RENEW_CREDENTIAL: AnswerRule(Action.SUSPECT_TOKEN, 401),
    Action.DISABLE_ACCOUNT: AnswerRule(Action.SUSPECT_TOKEN, 403),
    Action.THROTTLE: AnswerRule(Action.RETRY, 429, wait=_WAIT),
}


def code_of(status: int, text: str) -> str:
    """Return the key in `TABLE` of an answer: its status, but for those that mean another key."""
    return OTHER_KEY if any(words in text for words in _OTHER_KEY_WORDS) else str(status)
