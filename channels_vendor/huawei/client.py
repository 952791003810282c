"""Huawei Push Kit v1 and v2: a list of tokens a call, with an access token or a service account's JWT."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from channels_vendor.base.contract import VendorRequest
from channels_vendor.base.delivery import Delivery, Notification
from channels_vendor.base.http_adapter import HttpAdapter
from channels_vendor.base.multicast import accepted_except, multicast_requests, outcomes_for_all
from channels_vendor.base.oauth import fetch_client_token
from channels_vendor.base.outcomes import Action, AnswerRule, SendOutcome
from channels_vendor.base.payload_template import encode
from channels_vendor.huawei import errors, payload, service_account
from pushcore.http.calls import HttpAnswer, HttpCall

BASE_URL = "https://push-api.cloud.huawei.com"
TOKEN_URL = "https://oauth-login.cloud.huawei.com/oauth2/v3/token"  # noqa: S105 - an address


class HuaweiAdapter(HttpAdapter):
    """Sends to one account at Huawei Push Kit for Android."""

    table = errors.TABLE
    # Huawei's flow control.
    status_rules = {503: AnswerRule(Action.THROTTLE)}
    unknown_token_codes = (errors.ILLEGAL_TOKEN, "80300007")

    def fetch_credential(self) -> tuple[str, float]:
        """Sign a JWT with the service account, or get an access token for the app's secret."""
        if text := self.account.get("service_account"):
            return service_account.bearer(text)
        return fetch_client_token(self.account, TOKEN_URL, self.account.get("app_id"), self.account.get("app_secret"))

    def url(self) -> str:
        """Return the address of calls: by app with an access token, by project with a service account."""
        base = self.account.base_url or BASE_URL
        if text := self.account.get("service_account"):
            return f"{base}/v2/{quote(service_account.read(text)['project_id'], safe='')}/messages:send"
        return f"{base}/v1/{quote(self.account.get('app_id'), safe='')}/messages:send"

    def prepare(self, deliveries: Sequence[Delivery], credential: str) -> tuple[list[VendorRequest], list[SendOutcome]]:
        """Make a call for up to 1000 tokens that share a notification."""
        headers = (f"authorization: Bearer {credential}", "content-type: application/json")

        def call_of(notification: Notification, tokens: list[str], message_id: str, msgkey: str) -> HttpCall | None:
            body = payload.body_of(notification, message_id, msgkey)
            if body is None:
                return None
            body["message"]["token"] = tokens
            whole = encode({"validate_only": True} | body if self.is_probe else body).encode()
            return HttpCall(self.url(), whole, headers)

        return multicast_requests(deliveries, call_of, errors.TABLE[errors.TOO_BIG], errors.TOO_BIG)

    def read(self, request: VendorRequest, answer: HttpAnswer) -> list[SendOutcome]:
        """Read the answer for all tokens of a call; a partial success names those that are illegal."""
        body: dict[str, Any] = json.loads(answer.body)
        code, text = str(body["code"]), str(body.get("msg") or "")
        if code == errors.OK:
            return accepted_except(request.deliveries, {}, str(body.get("requestId") or ""))
        if code == errors.PARTIAL:
            rule = errors.TABLE[errors.ILLEGAL_TOKEN]
            refused = dict.fromkeys(json.loads(text)["illegal_tokens"], (rule, errors.ILLEGAL_TOKEN))
            return accepted_except(request.deliveries, refused, str(body.get("requestId") or ""))
        return outcomes_for_all(request.deliveries, self.rule_of(code, answer), code, answer, text=text)
