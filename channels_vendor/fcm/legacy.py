"""FCM's legacy HTTP API with a server key: a list of tokens a call.

Google shut it down in 2024, and its own address answers no more. It is here for those who were given a server key and
have an address that still speaks it: an account with a server key and no service account uses it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from channels_vendor.base.contract import Account, CredentialSource, VendorRequest
from channels_vendor.base.credentials import StaticCredential
from channels_vendor.base.delivery import Delivery, Notification
from channels_vendor.base.http_adapter import HttpAdapter
from channels_vendor.base.lifetime import seconds_left
from channels_vendor.base.multicast import accepted_except, multicast_requests, outcomes_for_all
from channels_vendor.base.options import urgency_of
from channels_vendor.base.outcomes import Action, AnswerRule, SendOutcome
from channels_vendor.base.payload_template import encode, size_of
from channels_vendor.base.truncation import truncate_by
from channels_vendor.fcm import payload
from pushcore.http.calls import HttpAnswer, HttpCall
from pushcore.http.client import HttpClient

BASE_URL = "https://fcm.googleapis.com"
SHUT_DOWN = "the legacy API was shut down by Google in 2024: use a service account"
WRONG_KEY = "Authentication"
TOO_BIG = "MessageTooBig"
_QUOTA_WAIT = 60.0

# `error` of a result (Firebase's legacy server reference), with the status codes of the source document.
TABLE: dict[str, AnswerRule] = {
    "InvalidRegistration": AnswerRule(Action.INVALIDATE_TOKEN, 90000002),
    "NotRegistered": AnswerRule(Action.INVALIDATE_TOKEN, 90000003),
    "InvalidPackageName": AnswerRule(Action.REJECT, 90000004),
    "MismatchSenderId": AnswerRule(Action.SUSPECT_TOKEN, 90000401),
    "MissingRegistration": AnswerRule(Action.REJECT),
    "InvalidParameters": AnswerRule(Action.REJECT),
    "InvalidDataKey": AnswerRule(Action.REJECT),
    TOO_BIG: AnswerRule(Action.REJECT, 90000007),
    "InvalidTtl": AnswerRule(Action.REJECT, 90000009),
    "Unavailable": AnswerRule(Action.RETRY, 90000011),
    "InternalServerError": AnswerRule(Action.RETRY, 90000011),
    "DeviceMessageRateExceeded": AnswerRule(Action.RETRY, wait=_QUOTA_WAIT),
    "TopicsMessageRateExceeded": AnswerRule(Action.THROTTLE, wait=_QUOTA_WAIT),
}
_KEY_REFUSED = AnswerRule(Action.DISABLE_ACCOUNT, 90000401)
# Names of HTTP v1 and what the legacy API calls them in `notification`.
_SHOWN = (
    ("tag", "tag"), ("channel_id", "android_channel_id"), ("sound", "sound"), ("icon", "icon"),
    ("click_action", "click_action"),
)  # fmt: skip


class LegacyFcmAdapter(HttpAdapter):
    """Sends to one account at an address that still speaks FCM's legacy API."""

    unauthorised_status = 90000401
    table = TABLE

    def __init__(self, account: Account, client: HttpClient, _credentials: CredentialSource) -> None:
        super().__init__(account, client, StaticCredential())

    def fetch_credential(self) -> tuple[str, float]:
        """Return the server key, which never runs out."""
        return self.account.get("server_key"), float("inf")

    def prepare(self, deliveries: Sequence[Delivery], credential: str) -> tuple[list[VendorRequest], list[SendOutcome]]:
        """Make a call for up to 1000 tokens that share a notification."""

        def call_of(notification: Notification, tokens: list[str], message_id: str, msgkey: str) -> HttpCall | None:
            body = body_of(notification, message_id, msgkey)
            return None if body is None else self._call(body | {"registration_ids": tokens}, credential)

        return multicast_requests(deliveries, call_of, TABLE[TOO_BIG], TOO_BIG)

    def _call(self, body: dict[str, Any], key: str) -> HttpCall:
        headers = (f"authorization: key={key}", "content-type: application/json")
        return HttpCall(f"{self.account.base_url or BASE_URL}/fcm/send", encode(body).encode(), headers)

    def read(self, request: VendorRequest, answer: HttpAnswer) -> list[SendOutcome]:
        """Read a result for each token, in their order. What befalls the whole call is not JSON."""
        if answer.status in _OF_THE_CALL:
            rule, code = _OF_THE_CALL[answer.status]
            return outcomes_for_all(request.deliveries, rule, code, answer)
        body = json.loads(answer.body)
        results = body["results"]
        if len(results) != len(request.deliveries):
            raise ValueError("not a result for each token")
        refused = {
            one.token: (self.rule_of(error, answer), error)
            for one, result in zip(request.deliveries, results, strict=True)
            if (error := str(result.get("error", "")))
        }
        return accepted_except(request.deliveries, refused, str(body["multicast_id"]))

    def check(self) -> str:
        """Make a dry run to a token that no device has: is there an API, and does it know the key?"""
        call = self._call({"registration_ids": ["check"], "dry_run": True}, self.account.get("server_key"))
        [answer] = self.client.exchange([call])
        if answer.ok:
            return ""
        _, problem = _OF_THE_CALL.get(answer.status, (None, answer.error or f"HTTP {answer.status}"))
        return problem


_OF_THE_CALL: dict[int | None, tuple[AnswerRule, str]] = {
    400: (AnswerRule(Action.REJECT), "InvalidParameters"),
    401: (_KEY_REFUSED, WRONG_KEY),
    403: (_KEY_REFUSED, WRONG_KEY),
    404: (AnswerRule(Action.DISABLE_ACCOUNT), SHUT_DOWN),
}


def body_of(notification: Notification, message_id: str, msgkey: str) -> dict[str, Any] | None:
    """Return the body without its tokens; None where it cannot be made small enough."""
    custom_data = payload.data_of(notification, message_id, msgkey)
    body: dict[str, Any] = {
        "priority": urgency_of(notification).lower(),
        "time_to_live": min(seconds_left(notification.expire_at), payload.MAX_TTL),
    }

    def body_with(text: str) -> dict[str, Any]:
        if notification.transparent:
            return body | {"data": payload.transparent_data(notification)}
        if notification.silent:
            return body | {"data": custom_data | {"title": notification.title, "content": text}}
        shown = payload.shown_of(notification, message_id)
        vendor_fields = {theirs: shown[name] for name, theirs in _SHOWN if shown.get(name)}
        image = {"image": notification.image} if notification.image else {}
        return body | {
            "data": custom_data,
            "notification": {"title": notification.title, "body": text} | vendor_fields | image,
        }

    text = truncate_by(notification.body, lambda text: size_of(body_with(text)), payload.MAX_BYTES)
    return None if text is None else body_with(text)
