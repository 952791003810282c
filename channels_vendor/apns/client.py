"""APNs: one call a token, side by side over HTTP/2, with a provider token (.p8) or a certificate (.p12)."""

from __future__ import annotations

import json
from binascii import unhexlify
from collections.abc import Sequence
from datetime import UTC, datetime

from channels_vendor.apns import certificate, errors, payload
from channels_vendor.apns.provider_token import ProviderTokenSource, provider_token
from channels_vendor.base import sentences
from channels_vendor.base.contract import Account, CredentialSource, VendorRequest
from channels_vendor.base.credentials import StaticCredential
from channels_vendor.base.delivery import Delivery, Notification
from channels_vendor.base.http_adapter import HttpAdapter
from channels_vendor.base.outcomes import AnswerRule, SendOutcome, accepted, by_rule
from channels_vendor.base.payload_template import longest_msgkeys
from pushcore.http.calls import HttpAnswer, HttpCall
from pushcore.http.client import HttpClient

URLS = {"production": "https://api.push.apple.com", "sandbox": "https://api.sandbox.push.apple.com"}

# Of a device token; Apple says not to count on a length.
_MAX_TOKEN_BYTES = 128


def _is_token(text: str) -> bool:
    """Tell whether the text is a token: bytes in hexadecimal."""
    try:
        return 0 < len(unhexlify(text)) <= _MAX_TOKEN_BYTES
    except ValueError:
        return False


class ApnsAdapter(HttpAdapter):
    """Sends to one account at APNs."""

    table = errors.TABLE
    unknown_token_codes = (errors.BAD_TOKEN, "DeviceTokenNotForTopic")

    def __init__(self, account: Account, client: HttpClient, credentials: CredentialSource) -> None:
        self._by_certificate = bool(account.get("p12"))
        self._key = (account.get("p8"), account.get("key_id"), account.get("team_id"))
        super().__init__(
            account,
            client,
            StaticCredential() if self._by_certificate else ProviderTokenSource(credentials, *self._key),
        )
        self._base_url = account.base_url or URLS[account.get("environment") or "production"]

    def fetch_credential(self) -> tuple[str, float]:
        """Sign a provider token (JWT, ES256); with a certificate there is none.

        Raises:
            CannotAuthorise: The key cannot sign.
        """
        return ("", float("inf")) if self._by_certificate else provider_token(*self._key)

    def prepare(self, deliveries: Sequence[Delivery], credential: str) -> tuple[list[VendorRequest], list[SendOutcome]]:
        """Make a call for each device; of a notification's devices only token and IDs differ."""
        templates: dict[Notification, tuple[payload.RequestTemplate | None, tuple[bytes, ...]]] = {}
        requests, refused = [], []
        longest = longest_msgkeys(deliveries)
        authorisation = (f"authorization: bearer {credential}",) if credential else ()
        place = f"{self._base_url}/3/device/"
        for delivery in deliveries:
            message_id, _, token, _, notification = delivery
            known = templates.get(notification)
            if known is None:
                template = payload.request_template(notification, self.account.get("bundle_id"), longest[notification])
                lines = (*template.headers, *authorisation) if template else ()
                known = templates[notification] = template, tuple(line.encode() for line in lines)
            shared, headers = known
            if shared is None:
                refused.append(by_rule(delivery, errors.TABLE[errors.TOO_LARGE], errors.TOO_LARGE))
            elif not _is_token(token):
                refused.append(by_rule(delivery, errors.TABLE[errors.BAD_TOKEN], errors.BAD_TOKEN))
            else:
                # A repeat takes the place of the first.
                collapse = f"apns-collapse-id: {shared.collapse or message_id}".encode()
                call = HttpCall(place + token, shared.template.render(delivery), (*headers, collapse))
                requests.append(VendorRequest(call, (delivery,)))
        return requests, refused

    def read(self, request: VendorRequest, answer: HttpAnswer) -> list[SendOutcome]:
        """Read the answer to one notification; Apple's `reason` is the key in the table."""
        [delivery] = request.deliveries
        assert answer.status is not None
        if answer.ok:
            return [accepted(delivery, answer.header("apns-id"))]
        error = json.loads(answer.body)
        reason, moment = str(error["reason"]), error.get("timestamp")
        return [
            by_rule(
                delivery,
                self.rule_of(reason, answer),
                reason,
                retry_after=answer.retry_after,
                gone_at=datetime.fromtimestamp(moment / 1000, UTC) if isinstance(moment, int) else None,
                unreachable=answer.status >= 500,
            )
        ]

    def unreachable(self, answer: HttpAnswer) -> AnswerRule:
        """Tell a connection that Apple closed from one that could not be made: both have statuses."""
        if not answer.error:
            return self.of_status(answer, errors.CONNECTION_CLOSED)
        return errors.CONNECTION_CLOSED if answer.sent else errors.CANNOT_CONNECT

    def check(self) -> str:
        """Look at the certificate, where there is one, before Apple does; then try the account."""
        if self._by_certificate:
            try:
                parsed = certificate.parse(self.account.get("p12"), self.account.get("p12_password"))
            except ValueError as error:
                return str(error)
            if parsed.expired:
                return sentences.EXPIRED % {"day": f"{parsed.expires_at:%Y-%m-%d}"}
        return super().check()
