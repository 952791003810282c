"""FCM HTTP v1: one call a token, side by side over HTTP/2, with the access token of a service account."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from urllib.parse import quote

import jwt

from channels_vendor.base import sentences
from channels_vendor.base.contract import CannotAuthorise, VendorRequest
from channels_vendor.base.delivery import Delivery, Notification
from channels_vendor.base.http_adapter import HttpAdapter
from channels_vendor.base.oauth import post_form, read_token
from channels_vendor.base.outcomes import SendOutcome, accepted, by_rule
from channels_vendor.base.payload_template import PayloadTemplate, longest_msgkeys
from channels_vendor.base.service_accounts import read_service_account
from channels_vendor.base.signing_keys import rsa_key
from channels_vendor.fcm import errors, payload
from pushcore.http.calls import HttpAnswer, HttpCall

BASE_URL = "https://fcm.googleapis.com"
TOKEN_URL = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_ASSERTION_SECONDS = 3600


class FcmAdapter(HttpAdapter):
    """Sends to one account at FCM by HTTP v1."""

    unauthorised_status = 90000401
    table = errors.TABLE
    status_rules = errors.STATUSES
    unknown_token_codes = ("INVALID_ARGUMENT", "UNREGISTERED")

    def fetch_credential(self) -> tuple[str, float]:
        """Exchange a signed assertion for an access token (RFC 7523).

        Raises:
            CannotAuthorise: The service account cannot be used, or Google gave no token.
        """
        account = service_account(self.account.get("service_account"))
        url = self.account.auth_url or account.get("token_uri") or TOKEN_URL
        now = int(time.time())
        claims = {
            "iss": account["client_email"],
            "scope": SCOPE,
            "aud": account.get("token_uri") or TOKEN_URL,
            "iat": now,
            "exp": now + _ASSERTION_SECONDS,
        }
        try:
            key = rsa_key(account["private_key"])
        except ValueError as error:
            raise CannotAuthorise(sentences.ACCOUNTS_PRIVATE_KEY % {"reason": error}, permanent=True) from None
        assertion = jwt.encode(claims, key, algorithm="RS256", headers={"kid": account.get("private_key_id", "")})
        return read_token(post_form(self.account, url, {"grant_type": _GRANT, "assertion": assertion}))

    def prepare(self, deliveries: Sequence[Delivery], credential: str) -> tuple[list[VendorRequest], list[SendOutcome]]:
        """Make a call for each device; of a notification's devices only token and IDs differ."""
        project = service_account(self.account.get("service_account"))["project_id"]
        url = f"{self.account.base_url or BASE_URL}/v1/projects/{quote(project, safe='')}/messages:send"
        headers = (f"authorization: Bearer {credential}", "content-type: application/json")
        templates: dict[Notification, PayloadTemplate | None] = {}
        requests, refused = [], []
        longest = longest_msgkeys(deliveries)
        for delivery in deliveries:
            if delivery.notification not in templates:
                templates[delivery.notification] = payload.template_of(
                    delivery.notification, longest[delivery.notification]
                )
            template = templates[delivery.notification]
            if template is None:
                refused.append(by_rule(delivery, errors.TABLE[errors.TOO_BIG], errors.TOO_BIG))
            else:
                body = template.render(delivery)
                if self.is_probe:
                    body = b'{"validate_only":true,' + body[1:]
                requests.append(VendorRequest(HttpCall(url, body, headers), (delivery,)))
        return requests, refused

    def read(self, request: VendorRequest, answer: HttpAnswer) -> list[SendOutcome]:
        """Read the answer to one message."""
        [delivery] = request.deliveries
        assert answer.status is not None
        body = json.loads(answer.body)
        if answer.ok:
            return [accepted(delivery, str(body["name"]).rsplit("/", 1)[-1])]
        code = errors.code_of(answer.status, body["error"])
        rule = self.rule_of(code, answer)
        return [
            by_rule(delivery, rule, code, retry_after=answer.retry_after, unreachable=answer.status >= 500),
        ]


def service_account(text: str) -> dict[str, str]:
    """Read a service account's key file. Raises `CannotAuthorise` where it is none."""
    return read_service_account(text, ("project_id", "client_email", "private_key"))
