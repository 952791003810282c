"""vivo Push: a call for each device, side by side.

Calls for lists are not used: for these vivo sends no delivery reports and detects no repeats.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from typing import Any

from channels_vendor.base.auth_token import AuthTokenAdapter
from channels_vendor.base.contract import VendorRequest
from channels_vendor.base.delivery import Delivery, Notification
from channels_vendor.base.errors import NotPossibleError, TooBigError
from channels_vendor.base.multicast import outcomes_for_all
from channels_vendor.base.oauth import post
from channels_vendor.base.outcomes import Action, AnswerRule, SendOutcome, accepted, by_rule
from channels_vendor.base.payload_template import PayloadTemplate, encode
from channels_vendor.vivo import errors, payload
from pushcore.http.calls import HttpAnswer, HttpCall

BASE_URL = "https://api-push.vivo.com.cn"
_JSON = "content-type: application/json"


class VivoAdapter(AuthTokenAdapter):
    """Sends to one account at vivo Push."""

    unauthorised_status = 10000
    code_field = "result"
    message_field = "desc"
    table = errors.TABLE
    # vivo also looks at the text first, and dislikes tests.
    unknown_token_codes = ("invalidUser", "10302", "10085", "10104")

    def request_auth_token(self) -> HttpAnswer:
        """Ask for an auth token with the signed app key."""
        app_id, key, stamp = payload.app_id_of(self.account), self.account.get("app_key"), time.time_ns() // 1_000_000
        sign = hashlib.md5(
            f"{app_id}{key}{stamp}{self.account.get('app_secret')}".encode(), usedforsecurity=False
        ).hexdigest()
        url = self.account.auth_url or f"{self.account.base_url or BASE_URL}/message/auth"
        body = encode({"appId": app_id, "appKey": key, "timestamp": stamp, "sign": sign}).encode()
        return post(self.account, url, body, (_JSON,))

    def auth_token_in(self, found: dict[str, Any]) -> str:
        """Return the token."""
        return str(found["authToken"])

    def prepare(self, deliveries: Sequence[Delivery], credential: str) -> tuple[list[VendorRequest], list[SendOutcome]]:
        """Make a call for each device; of a notification's devices only token, IDs and data differ."""
        url = f"{self.account.base_url or BASE_URL}/message/send"
        headers = (_JSON, f"authToken: {credential}")
        templates: dict[Notification, PayloadTemplate] = {}
        requests, refused = [], []
        for delivery in deliveries:
            try:
                body = self._message(templates, delivery)
            except TooBigError as error:
                refused.append(by_rule(delivery, errors.TABLE[errors.BAD_PAIR], str(error)))
            except NotPossibleError as error:
                refused.append(by_rule(delivery, AnswerRule(Action.REJECT), str(error)))
            else:
                requests.append(VendorRequest(HttpCall(url, body, headers), (delivery,)))
        return requests, refused

    def _message(self, templates: dict[Notification, PayloadTemplate], delivery: Delivery) -> bytes:
        if delivery.notification not in templates:
            templates[delivery.notification] = payload.template_of(delivery.notification, self.account)
        return templates[delivery.notification].render(delivery, payload.data_of(delivery))

    def read(self, request: VendorRequest, answer: HttpAnswer) -> list[SendOutcome]:
        """Read the answer to one message."""
        [delivery] = request.deliveries
        body: dict[str, Any] = json.loads(answer.body)
        code = str(body["result"])
        if invalid := body.get("invalidUser"):
            code = f"invalidUser/{invalid.get('status')}"
            return [by_rule(delivery, self.rule_of(code, answer), code)]
        if code in (errors.OK, errors.REPEATED):
            return [accepted(delivery, str(body.get("taskId") or delivery.message_id))]
        return outcomes_for_all([delivery], self.rule_of(code, answer), code, answer, text=str(body.get("desc") or ""))
