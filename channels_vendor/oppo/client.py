"""OPPO Push: up to 1000 messages a call, each with its own target, with a token that lives a day."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlencode

from channels_vendor.base.auth_token import AuthTokenAdapter
from channels_vendor.base.contract import VendorRequest
from channels_vendor.base.delivery import Delivery, Notification
from channels_vendor.base.errors import NotPossibleError, TooBigError
from channels_vendor.base.http_adapter import UNREACHABLE, distinct_tokens
from channels_vendor.base.multicast import MAX_TOKENS, outcomes_for_all
from channels_vendor.base.oauth import post_form
from channels_vendor.base.outcomes import Action, AnswerRule, SendOutcome, accepted, by_rule
from channels_vendor.base.payload_template import PayloadTemplate
from channels_vendor.oppo import errors, payload
from pushcore.http.calls import HttpAnswer, HttpCall

BASE_URL = "https://api.push.oppomobile.com"
_FORM = "content-type: application/x-www-form-urlencoded"


class OppoAdapter(AuthTokenAdapter):
    """Sends to one account at OPPO Push."""

    unauthorised_status = 11
    table = errors.TABLE
    unknown_token_codes = (errors.BAD_REGID,)

    @property
    def base(self) -> str:
        """The address that all calls' paths follow."""
        return f"{self.account.base_url or BASE_URL}/server/v1"

    def request_auth_token(self) -> HttpAnswer:
        """Ask for an auth token with the signed app key."""
        key, stamp = self.account.get("app_key"), str(time.time_ns() // 1_000_000)
        sign = hashlib.sha256(f"{key}{stamp}{self.account.get('master_secret')}".encode()).hexdigest()
        url = self.account.auth_url or f"{self.base}/auth"
        return post_form(self.account, url, {"app_key": key, "timestamp": stamp, "sign": sign})

    def auth_token_in(self, found: dict[str, Any]) -> str:
        """Return the token."""
        return str(found["data"]["auth_token"])

    def prepare(self, deliveries: Sequence[Delivery], credential: str) -> tuple[list[VendorRequest], list[SendOutcome]]:
        """Make a call for up to 1000 messages of one task, each with its own target."""
        templates: dict[Notification, PayloadTemplate] = {}
        bodies: dict[int, bytes] = {}
        refused = []
        for delivery in deliveries:
            try:
                bodies[delivery.message_id] = self._message(templates, delivery)
            except TooBigError as error:
                refused.append(by_rule(delivery, errors.TABLE[errors.TOO_LONG], str(error)))
            except NotPossibleError as error:
                refused.append(by_rule(delivery, AnswerRule(Action.REJECT), str(error)))
        able = [delivery for delivery in deliveries if delivery.message_id in bodies]
        requests = [
            self._request([bodies[one.message_id] for one in batch], batch, credential) for batch in _calls(able)
        ]
        return requests, refused

    def _message(self, templates: dict[Notification, PayloadTemplate], delivery: Delivery) -> bytes:
        if delivery.notification not in templates:
            templates[delivery.notification] = payload.template_of(delivery.notification, self.account)
        return templates[delivery.notification].render(delivery, payload.data_of(delivery))

    def _request(self, messages: list[bytes], batch: list[Delivery], credential: str) -> VendorRequest:
        form = urlencode({"auth_token": credential, "messages": b"[" + b",".join(messages) + b"]"}).encode()
        return VendorRequest(HttpCall(f"{self.base}/message/notification/unicast_batch", form, (_FORM,)), batch)

    def read(self, request: VendorRequest, answer: HttpAnswer) -> list[SendOutcome]:
        """Read a result for each message, found by its registration ID."""
        body: dict[str, Any] = json.loads(answer.body)
        code = str(body["code"])
        if code != errors.OK:
            text = str(body.get("message") or "")
            return outcomes_for_all(request.deliveries, self.rule_of(code, answer), code, answer, text=text)
        # By registration ID, as OPPO's SDK reads them (opush-server-sdk 1.0.4, `UnicastBatchResult`).
        results = {str(result["registrationId"]): result for result in body["data"]}
        return [self._outcome(one, results.get(one.token), answer) for one in request.deliveries]

    def _outcome(self, delivery: Delivery, result: dict[str, Any] | None, answer: HttpAnswer) -> SendOutcome:
        if result is None:
            return by_rule(delivery, UNREACHABLE, "no result")._replace(in_doubt=True)
        code = str(result.get("errorCode") or errors.OK)
        if code in (errors.OK, errors.REPEATED):
            return accepted(delivery, str(result.get("messageId") or delivery.message_id))
        return by_rule(delivery, self.rule_of(code, answer), f"{code} {result.get('errorMessage') or ''}".strip())


def _calls(deliveries: Sequence[Delivery]) -> Iterator[list[Delivery]]:
    """Yield what shares a call: at most `MAX_TOKENS` messages, whatever their texts, but of one task.

    What OPPO refuses a whole call for, a category or channel, is the task's, and befalls no other. No token is in a
    call twice: by it results are told apart.
    """
    by_task: dict[int, list[Delivery]] = {}
    for delivery in deliveries:
        by_task.setdefault(delivery.notification.task_id, []).append(delivery)
    for of_task in by_task.values():
        for distinct in distinct_tokens(of_task):
            for start in range(0, len(distinct), MAX_TOKENS):
                yield distinct[start : start + MAX_TOKENS]
