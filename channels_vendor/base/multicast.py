"""What adapters share whose vendors take one notification for a list of tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from channels_vendor.base.contract import VendorRequest
from channels_vendor.base.delivery import Delivery, Notification
from channels_vendor.base.http_adapter import batches
from channels_vendor.base.outcomes import AnswerRule, SendOutcome, accepted, by_rule
from pushcore.http.calls import HttpAnswer, HttpCall

MAX_TOKENS = 1000


def multicast_batches(
    deliveries: Sequence[Delivery], most: int = MAX_TOKENS
) -> Iterator[tuple[Notification, list[Delivery], str, str]]:
    """Yield what can share a call: a notification, its deliveries, and the message ID and msgkey to tell the app.

    The last two are those of a single delivery, and empty where there are more: what is sent to many at once cannot
    name each one's. Devices and reports are told apart by task and token then.
    """
    for notification, batch in batches(deliveries, most):
        [first, *others] = batch
        yield notification, batch, "" if others else str(first.message_id), "" if others else first.msgkey


def multicast_requests(
    deliveries: Sequence[Delivery],
    call_of: Callable[[Notification, list[str], str, str], HttpCall | None],
    too_big: AnswerRule,
    code: str,
) -> tuple[list[VendorRequest], list[SendOutcome]]:
    """Return a request for each batch, and the outcomes of what is too big for the vendor.

    Args:
        deliveries: What is to be sent.
        call_of: Makes the call from a notification, its tokens, message ID and msgkey (`multicast_batches`); None where
            it cannot be made small enough.
        too_big: What follows then.
        code: The vendor's code for it.
    """
    requests: list[VendorRequest] = []
    refused: list[SendOutcome] = []
    for notification, batch, message_id, msgkey in multicast_batches(deliveries):
        call = call_of(notification, [one.token for one in batch], message_id, msgkey)
        if call is None:
            refused += [by_rule(one, too_big, code) for one in batch]
        else:
            requests.append(VendorRequest(call, batch))
    return requests, refused


def outcomes_for_all(
    deliveries: Sequence[Delivery], rule: AnswerRule, code: str, answer: HttpAnswer, *, text: str = ""
) -> list[SendOutcome]:
    """Return the same outcome for all deliveries of a call. `text`: the vendor's explanation of its code."""
    unreachable = answer.status is not None and answer.status >= 500
    vendor_code = f"{code} {text}".strip()
    return [
        by_rule(one, rule, vendor_code, retry_after=answer.retry_after, unreachable=unreachable) for one in deliveries
    ]


def accepted_except(
    deliveries: Sequence[Delivery], refused: dict[str, tuple[AnswerRule, str]], vendor_id: str
) -> list[SendOutcome]:
    """Return that all were accepted but the tokens in `refused`: by token, the rule and the vendor's code."""
    return [
        by_rule(one, *refused[one.token]) if one.token in refused else accepted(one, vendor_id) for one in deliveries
    ]
