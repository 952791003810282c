"""APNs: one call a token, side by side over HTTP/2, with a provider token (.p8) or a certificate (.p12)."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import jwt
from cryptography.exceptions import UnsupportedAlgorithm

from channels_vendor.apns import certificate, errors, payload
from channels_vendor.contract import (
    Account,
    CannotAuthorise,
    Delivery,
    Notification,
    Rule,
    SendOutcome,
    Tokens,
    Verdict,
    accepted,
    by_rule,
)
from channels_vendor.http_adapter import HttpAdapter, Request, retry_after
from channels_vendor.mould import longest_msgkeys
from channels_vendor.tokens import NoTokens
from pushcore.http import Answer, Call, Client

URLS = {"production": "https://api.push.apple.com", "sandbox": "https://api.sandbox.push.apple.com"}
# Apple takes a provider token for 60 minutes; `SharedTokens` renews it 5 minutes before this.
PROVIDER_TOKEN_SECONDS = 45 * 60.0

_HEXADECIMAL = re.compile(r"(?:[0-9a-fA-F]{2}){1,128}")


class ApnsAdapter(HttpAdapter):
    table = errors.TABLE

    def __init__(self, account: Account, client: Client, tokens: Tokens) -> None:
        self._by_certificate = bool(account.get("p12"))
        super().__init__(account, client, NoTokens() if self._by_certificate else tokens)
        self._base_url = account.base_url or URLS[account.get("environment") or "production"]
        # Whether a token of this environment has been accepted: then a bad token is bad.
        self._proven = False

    def fetch_credential(self) -> tuple[str, float]:
        """Sign a provider token (JWT, ES256); none with a certificate. Raises `CannotAuthorise`."""
        if self._by_certificate:
            return "", PROVIDER_TOKEN_SECONDS
        return provider_token(self.account.get("p8"), self.account.get("key_id"), self.account.get("team_id"))

    def prepare(self, deliveries: Sequence[Delivery], credential: str) -> tuple[list[Request], list[SendOutcome]]:
        parts: dict[Notification, payload.Parts | None] = {}
        requests, refused = [], []
        longest = longest_msgkeys(deliveries)
        authorisation = (f"authorization: bearer {credential}",) if credential else ()
        for delivery in deliveries:
            notification = delivery.notification
            if notification not in parts:
                parts[notification] = payload.parts_of(
                    notification, self.account.get("bundle_id"), longest[notification]
                )
            shared = parts[notification]
            if shared is None:
                refused.append(by_rule(delivery, errors.TABLE[errors.TOO_LARGE], errors.TOO_LARGE))
            elif not _HEXADECIMAL.fullmatch(delivery.token):
                refused.append(by_rule(delivery, errors.TABLE[errors.BAD_TOKEN], errors.BAD_TOKEN))
            else:
                # A repeat takes the place of the first.
                collapse = f"apns-collapse-id: {shared.collapse or delivery.message_id}"
                headers = (*shared.headers, *authorisation, collapse)
                call = Call(f"{self._base_url}/3/device/{delivery.token}", shared.mould.fill(delivery), headers)
                requests.append(Request(call, (delivery,)))
        return requests, refused

    def send(self, deliveries: Sequence[Delivery]) -> list[SendOutcome]:
        outcomes = super().send(deliveries)
        self._proven = self._proven or any(outcome.verdict is Verdict.ACCEPTED for outcome in outcomes)
        if self._proven:
            return outcomes
        return [
            outcome._replace(verdict=Verdict.REJECTED) if outcome.vendor_code == errors.BAD_TOKEN else outcome
            for outcome in outcomes
        ]

    def read(self, request: Request, answer: Answer) -> list[SendOutcome]:
        [delivery] = request.deliveries
        assert answer.status is not None
        if answer.ok:
            return [accepted(delivery, answer.header("apns-id"))]
        found = json.loads(answer.body)
        reason, moment = str(found["reason"]), found.get("timestamp")
        return [
            by_rule(
                delivery,
                self.rule_of(reason, answer),
                reason,
                retry_after=retry_after(answer),
                gone_at=datetime.fromtimestamp(moment / 1000, UTC) if isinstance(moment, int) else None,
                unreachable=answer.status >= 500,
            )
        ]

    def unreachable(self, answer: Answer) -> Rule:
        if not answer.error:
            return self.of_status(answer, errors.CONNECTION_CLOSED)
        return errors.CONNECTION_CLOSED if answer.sent else errors.CANNOT_CONNECT

    def check(self) -> str:
        try:
            if self._by_certificate:
                found = certificate.parse(self.account.get("p12"), self.account.get("p12_password"))
                return "the certificate has expired" if found.expires_at < datetime.now(UTC) else ""
        except ValueError as error:
            return str(error)
        return super().check()


def provider_token(p8: str, key_id: str, team_id: str) -> tuple[str, float]:
    """A signed provider token and how long it is used, in seconds. Raises `CannotAuthorise`."""
    try:
        signed = jwt.encode({"iss": team_id, "iat": int(time.time())}, p8, algorithm="ES256", headers={"kid": key_id})
    except (ValueError, TypeError, jwt.PyJWTError, UnsupportedAlgorithm) as error:
        raise CannotAuthorise(f"the key (.p8) cannot sign: {error}", permanent=True) from None
    return signed, PROVIDER_TOKEN_SECONDS
