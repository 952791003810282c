"""HONOR Push: a list of tokens a call, with the access token of the app's credentials."""

from __future__ import annotations

import json
import time
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
from channels_vendor.honor import errors, payload
from pushcore.http.calls import HttpAnswer, HttpCall

# HONOR's guide of 2023 names hosts of hihonor.com (push-api.cloud.hihonor.com, iam.developer.hihonor.com), clients
# written since (zandala88/honor-push, wildfirechat/push_server) these; an account's addresses may name the others.
BASE_URL = "https://push-api.cloud.honor.com"
TOKEN_URL = "https://iam.developer.honor.com/auth/token"  # noqa: S105 - an address


class HonorAdapter(HttpAdapter):
    """Sends to one account at HONOR Push."""

    table = errors.TABLE
    # As Huawei's: flow control.
    status_rules = {503: AnswerRule(Action.THROTTLE)}
    unknown_token_codes = (errors.BAD_TOKEN, errors.DEAD_TOKEN, "80300007")

    def fetch_credential(self) -> tuple[str, float]:
        """Get an access token for the app's credentials."""
        account = self.account
        return fetch_client_token(account, TOKEN_URL, account.get("client_id"), account.get("client_secret"))

    def prepare(self, deliveries: Sequence[Delivery], credential: str) -> tuple[list[VendorRequest], list[SendOutcome]]:
        """Make a call for up to 1000 tokens that share a notification."""
        base, app = self.account.base_url or BASE_URL, quote(self.account.get("app_id"), safe="")
        headers = (
            f"authorization: Bearer {credential}",
            "content-type: application/json",
            # Milliseconds (HONOR, "Sending downlink messages": 1563105451261).
            f"timestamp: {time.time_ns() // 1_000_000}",
        )

        def call_of(notification: Notification, tokens: list[str], message_id: str, msgkey: str) -> HttpCall | None:
            body = payload.body_of(notification, message_id, msgkey)
            if body is None:
                return None
            return HttpCall(f"{base}/api/v1/{app}/sendMessage", encode(body | {"token": tokens}).encode(), headers)

        return multicast_requests(deliveries, call_of, errors.TABLE[errors.TOO_BIG], errors.TOO_BIG)

    def read(self, request: VendorRequest, answer: HttpAnswer) -> list[SendOutcome]:
        """Read the answer for all tokens of a call.

        The lists of tokens say more than the code: there is no table of codes, and sources differ.
        """
        body: dict[str, Any] = json.loads(answer.body)
        code, data = str(body["code"]), body.get("data") or {}
        refused = {
            token: (errors.TABLE[list_name], list_name)
            for list_name in (errors.BAD_TOKEN, errors.DEAD_TOKEN)
            for token in data.get(list_name) or ()
        }
        by_lists = answer.ok and code not in errors.TABLE and (refused or data.get("sendResult") is True)
        if code not in errors.OK and code != errors.PARTIAL and not by_lists:
            rule = self.rule_of(code, answer)
            return outcomes_for_all(request.deliveries, rule, code, answer, text=str(body.get("message") or ""))
        return accepted_except(request.deliveries, refused, str(data.get("requestId") or ""))
