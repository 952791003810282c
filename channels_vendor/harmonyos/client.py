"""Push Kit v3 for HarmonyOS: a list of tokens a call; the credential is a JWT signed by the service account."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from channels_vendor.base.contract import VendorRequest
from channels_vendor.base.delivery import Delivery, Notification
from channels_vendor.base.http_adapter import HttpAdapter
from channels_vendor.base.multicast import accepted_except, multicast_requests, outcomes_for_all
from channels_vendor.base.outcomes import Action, AnswerRule, SendOutcome
from channels_vendor.base.payload_template import encode
from channels_vendor.harmonyos import errors, payload
from channels_vendor.huawei import service_account
from channels_vendor.huawei.client import BASE_URL
from pushcore.http.calls import HttpAnswer, HttpCall


class HarmonyAdapter(HttpAdapter):
    """Sends to one account at Push Kit for HarmonyOS."""

    table = errors.TABLE
    # Huawei's flow control.
    status_rules = {503: AnswerRule(Action.THROTTLE)}
    # With the reason; other reasons for a token are the app's want of rights.
    unknown_token_codes = tuple(f"{code} {reason}" for code in errors.WITH_REASONS for reason in errors.ABOUT_TOKENS)

    def fetch_credential(self) -> tuple[str, float]:
        """Sign a JWT with the service account: it is the credential itself."""
        return service_account.bearer(self.account.get("service_account"), self.account.get("algorithm") or "PS256")

    def prepare(self, deliveries: Sequence[Delivery], credential: str) -> tuple[list[VendorRequest], list[SendOutcome]]:
        """Make a call for up to 1000 tokens that share a notification."""
        project = quote(service_account.read(self.account.get("service_account"))["project_id"], safe="")
        url = f"{self.account.base_url or BASE_URL}/v3/{project}/messages:send"

        def call_of(notification: Notification, tokens: list[str], message_id: str, msgkey: str) -> HttpCall | None:
            body = payload.body_of(notification, self.account.get("category"), message_id, msgkey)
            if body is None:
                return None
            headers = (
                f"authorization: Bearer {credential}",
                "content-type: application/json",
                f"push-type: {payload.push_type_header(notification)}",
            )
            return HttpCall(url, encode(body | {"target": {"token": tokens}}).encode(), headers)

        return multicast_requests(deliveries, call_of, errors.TABLE[errors.TOO_BIG], errors.TOO_BIG)

    def read(self, request: VendorRequest, answer: HttpAnswer) -> list[SendOutcome]:
        """Read the answer for all tokens of a call; a partial success gives a reason for each token refused."""
        body: dict[str, Any] = json.loads(answer.body)
        code, text = str(body["code"]), str(body.get("msg") or "")
        vendor_id = str(body.get("requestId") or "")
        if code == errors.OK:
            return accepted_except(request.deliveries, {}, vendor_id)
        if code in errors.WITH_REASONS and text.startswith("{"):
            illegal: dict[str, list[str]] = json.loads(text)["illegalTokens"]
            refused = {
                token: (self.rule_of(reason, answer), f"{code} {reason}")
                for reason, tokens in illegal.items()
                for token in tokens
            }
            return accepted_except(request.deliveries, refused, vendor_id)
        return outcomes_for_all(request.deliveries, self.rule_of(code, answer), code, answer, text=text)
