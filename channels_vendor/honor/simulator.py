"""HONOR's token endpoint and its call for a list of tokens.

A script's error for a token: `expireTokens`, `failTokens`, or a code of the whole call.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence

from channels_vendor.base.truncation import utf16_length
from channels_vendor.simulator.script import Incoming, Reply
from channels_vendor.simulator.simulated_vendor import SECRET, ReportingVendor, as_json

_SEND = re.compile(r"/api/v1/[^/]+/sendMessage")
MAX_TOKENS = 1000


class SimulatedHonor(ReportingVendor):
    """Answers as HONOR does."""

    name = "honor"
    malformed = "failTokens"
    credential_path = "/auth/token"
    arrived = "40000002"

    def serves(self, incoming: Incoming) -> bool:
        """Take the token endpoint and the call for a list of tokens."""
        return incoming.path == self.credential_path or bool(_SEND.fullmatch(incoming.path))

    def credential(self, incoming: Incoming) -> Reply:
        """Give an access token for the client's secret."""
        form = incoming.form
        if form.get("grant_type") != "client_credentials" or form.get("client_secret") != SECRET:
            return as_json(401, {"error": "invalid_client", "error_description": "Invalid client credentials"})
        token = f"honor-{self.ledger.credentials}"
        return as_json(200, {"access_token": token, "expires_in": 3600, "token_type": "Bearer"})

    def send(self, incoming: Incoming) -> Reply:
        """Check the message as HONOR does, and accept its tokens."""
        bearer = incoming.headers.get("authorization", "").removeprefix("Bearer ")
        if not bearer.startswith("honor-") or bearer in self.script.expired:
            return as_json(401, {"code": 80200003, "message": "token expired"})
        if not incoming.headers.get("timestamp", "").isdigit():
            return as_json(400, {"code": 80100001, "message": "timestamp"})
        try:
            body = json.loads(incoming.body)
            tokens, android = body["token"], body["android"]
        except (ValueError, KeyError):
            return as_json(400, {"code": 80100003, "message": "illegal payload"})
        notification = android.get("notification", {})
        too_long = utf16_length(notification.get("title", "")) > 50 or utf16_length(notification.get("body", "")) > 400
        if not 0 < len(tokens) <= MAX_TOKENS or too_long:
            return as_json(400, {"code": 80100001, "message": "parameter"})
        wrong = self.errors_of(tokens)
        whole = next((error for error in wrong.values() if error.isdigit()), "")
        if whole:
            return as_json(200, {"code": int(whole), "message": "refused"})
        good = [token for token in tokens if token not in wrong]
        for token in good:
            self.ledger.accept(token)
        self.call_back(self.script.report_url, android.get("biTag", ""), good, f"{self.ledger.total}")
        data = {
            "sendResult": not wrong,
            "requestId": f"{self.ledger.total}",
            "failTokens": [token for token, error in wrong.items() if error == "failTokens"],
            "expireTokens": [token for token, error in wrong.items() if error == "expireTokens"],
        }
        return as_json(200, {"code": 80100000 if wrong else 200, "message": "", "data": data})

    def report(self, tag: str, tokens: Sequence[str], word: str, vendor_id: str) -> bytes:
        """Return a report as HONOR posts it."""
        status = {"biTag": tag, "appid": "app", "status": int(word), "requestId": vendor_id}
        stamp = time.time_ns() // 1_000_000
        return json.dumps({"statuses": [status | {"token": token, "timestamp": stamp} for token in tokens]}).encode()

    def internal_error(self) -> Reply:
        """Say that the vendor is in trouble."""
        return as_json(500, {"code": 81000001, "message": "internal error"})

    def too_many(self) -> Reply:
        """Say that too much came at once."""
        return Reply(429, b"")


SIMULATED = (SimulatedHonor,)


def demo_account() -> dict[str, str]:
    """Return what an operator would enter for an account here."""
    return {"app_id": "demo", "client_id": "demo", "client_secret": SECRET}
