"""Huawei's token endpoint and Push Kit v1/v2 for Android, as Huawei documents them.

A script's error for a token is a code of a whole call ("80300002"), or, where the vendor tells them apart, `illegal`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
import uuid
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import jwt

from channels_vendor.simulator.script import Incoming, Reply
from channels_vendor.simulator.simulated_vendor import SECRET, ReportingVendor, as_json

MAX_BYTES = 4096
# What the demo sets up for delivery reports, here and in the account.
DEMO_REPORTS = {"callback_user": "demo", "callback_key": base64.b64encode(SECRET.encode()).decode()}
MAX_TOKENS = 1000
_AUDIENCE = "https://oauth-login.cloud.huawei.com/oauth2/v3/token"
_WHOLE = re.compile(r"\d{8}")


def size_of(body: dict[str, Any]) -> int:
    """Return how many bytes a body takes."""
    return len(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode())


class SimulatedPushKit(ReportingVendor):
    """What Push Kit for Android and for HarmonyOS have in common."""

    arrived = "0"

    def say(self, code: str, msg: str, status: int = 200) -> Reply:
        """Return an answer with Huawei's code and words."""
        return as_json(status, {"code": code, "msg": msg, "requestId": f"1700-{self.ledger.total}"})

    def internal_error(self) -> Reply:
        """Say that the vendor is in trouble."""
        return self.say("81000001", "System inner error", 500)

    def too_many(self) -> Reply:
        """Say that too much came at once."""
        return Reply(503, b"flow control")

    def bearer(self, incoming: Incoming) -> str:
        """Return the token that came with the request."""
        return incoming.headers.get("authorization", "").removeprefix("Bearer ")

    def is_good_jwt(self, bearer: str) -> bool:
        """Tell whether a token is signed as a service account signs."""
        try:
            claims = self.claims_of(bearer, ["PS256", "RS256"], audience=_AUDIENCE)
            head = jwt.get_unverified_header(bearer)
        except jwt.PyJWTError:
            return False
        return bool(claims["iss"] and head.get("kid")) and 0 < claims["exp"] - claims["iat"] <= 86_400

    def judge(self, tokens: list[str], tag: str) -> tuple[str, dict[str, str]]:
        """Accept the tokens of a call, but for those that a script refuses.

        Returns:
            A code that befalls the whole call, or empty; and what befalls single tokens.
        """
        wrong = self.errors_of(tokens)
        whole = next((error for error in wrong.values() if _WHOLE.fullmatch(error)), "")
        if not whole:
            good = [token for token in tokens if token not in wrong]
            for token in good:
                self.ledger.accept(token)
            self.call_back(self.script.report_url, tag, good, f"1700-{self.ledger.total}")
        return whole, wrong

    def report(self, tag: str, tokens: Sequence[str], word: str, vendor_id: str) -> bytes:
        """Return a report as Huawei posts it."""
        stamp = time.time_ns() // 1_000_000
        status = {"biTag": tag, "requestId": vendor_id} | self.result(int(word), stamp)
        return json.dumps({"statuses": [status | {"token": token} for token in tokens]}).encode()

    @abstractmethod
    def result(self, code: int, stamp: int) -> dict[str, Any]:
        """Return what a report says of a device, at a time in milliseconds."""

    def report_headers(self) -> Mapping[str, str]:
        """Sign a report as a newly made configuration does: its key is held in base64."""
        headers = {"content-type": "application/json"}
        if self.script.report_user and self.script.report_key:
            stamp, nonce = f"{time.time_ns() // 1_000_000}", str(uuid.uuid4())
            key = base64.b64decode(self.script.report_key)
            signature = hmac.new(key, f"{stamp}{nonce}{self.script.report_user}".encode(), hashlib.sha256).digest()
            value = base64.b64encode(signature).decode()
            headers["x-huawei-callback-id"] = f"timestamp={stamp}; nonce={nonce}; value={value}"
        return headers


class SimulatedHuawei(SimulatedPushKit):
    """Answers as Push Kit for Android does."""

    name = "huawei"
    malformed = "illegal"
    credential_path = "/oauth2/v3/token"

    def serves(self, incoming: Incoming) -> bool:
        """Take the token endpoint and calls of v1 and v2."""
        return bool(re.fullmatch(r"/v[12]/[^/]+/messages:send|/oauth2/v3/token", incoming.path))

    def credential(self, incoming: Incoming) -> Reply:
        """Give an access token for the app's secret."""
        form = incoming.form
        if form.get("grant_type") != "client_credentials" or form.get("client_secret") != SECRET:
            return as_json(400, {"error": 1101, "sub_error": 20001, "error_description": "invalid client"})
        token = f"hw-{self.ledger.credentials}"
        return as_json(200, {"access_token": token, "expires_in": 3600, "token_type": "Bearer"})

    def send(self, incoming: Incoming) -> Reply:
        """Check the message as Huawei does, and accept its tokens."""
        bearer = self.bearer(incoming)
        if bearer in self.script.expired:
            return self.say("80200003", "The access token has expired")
        if not (bearer.startswith("hw-") if "/v1/" in incoming.path else self.is_good_jwt(bearer)):
            return self.say("80200001", "Authentication error", 401)
        try:
            body = json.loads(incoming.body)
            message, tokens = body["message"], body["message"]["token"]
        except (ValueError, KeyError):
            return self.say("80100003", "Illegal payload", 400)
        if not isinstance(message.get("data", ""), str) or not message["android"]["ttl"].endswith("s"):
            return self.say("80100001", "Parameter error", 400)
        if not 0 < len(tokens) <= MAX_TOKENS or len(set(tokens)) != len(tokens):
            return self.say("80300010", "The number of tokens is wrong", 400)
        if size_of({"message": {name: value for name, value in message.items() if name != "token"}}) > MAX_BYTES:
            return self.say("80300008", "The message is larger than 4096 bytes", 400)
        if body.get("validate_only"):  # of the message alone
            return self.say("80000000", "Success")
        whole, wrong = self.judge(tokens, message["android"].get("bi_tag", ""))
        if whole:
            return self.say(whole, "Refused")
        if not wrong:
            return self.say("80000000", "Success")
        refusals = {"success": len(tokens) - len(wrong), "failure": len(wrong), "illegal_tokens": list(wrong)}
        return self.say("80100000", json.dumps(refusals))

    def result(self, code: int, stamp: int) -> dict[str, Any]:
        """Return what a report says of a device."""
        return {"appid": "app", "status": code, "timestamp": stamp}


SIMULATED = (SimulatedHuawei,)


def demo_account() -> dict[str, str]:
    """Return what an operator would enter for an account here."""
    return {"app_id": "demo", "app_secret": SECRET} | DEMO_REPORTS
