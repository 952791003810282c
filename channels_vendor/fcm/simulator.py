"""FCM HTTP v1, Google's token endpoint, and the legacy HTTP API, as Google documents them."""

from __future__ import annotations

import json
from typing import Any

import jwt

from channels_vendor.simulator.script import Incoming, Reply
from channels_vendor.simulator.simulated_vendor import SECRET, SimulatedVendor, as_json
from pushcore.security import crypto

_KIND = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
_QUOTA_FAILURE = "type.googleapis.com/google.rpc.QuotaFailure"
_BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"
# errorCode: (HTTP status, google.rpc status)
_ERRORS = {
    "UNREGISTERED": (404, "NOT_FOUND"),
    "INVALID_ARGUMENT": (400, "INVALID_ARGUMENT"),
    "SENDER_ID_MISMATCH": (403, "PERMISSION_DENIED"),
    "PERMISSION_DENIED": (403, "PERMISSION_DENIED"),
    "THIRD_PARTY_AUTH_ERROR": (401, "UNAUTHENTICATED"),
    "APNS_AUTH_ERROR": (401, "UNAUTHENTICATED"),
    "NOT_FOUND": (404, "NOT_FOUND"),
    "RESOURCE_EXHAUSTED": (429, "RESOURCE_EXHAUSTED"),
    "UNAUTHENTICATED": (401, "UNAUTHENTICATED"),
    "QUOTA_EXCEEDED": (429, "RESOURCE_EXHAUSTED"),
    "UNAVAILABLE": (503, "UNAVAILABLE"),
    "INTERNAL": (500, "INTERNAL"),
}
# These are statuses alone, without FCM's own detail.
_BARE = ("UNAUTHENTICATED", "PERMISSION_DENIED", "NOT_FOUND", "RESOURCE_EXHAUSTED")
_TOO_BIG = "Message too big"
MAX_BYTES = 4096
MAX_TOKENS = 1000


class SimulatedFcm(SimulatedVendor):
    """Answers as FCM does."""

    name = "fcm"
    credential_path = "/fcm-oauth/token"
    malformed = "INVALID_ARGUMENT:message.token"

    def serves(self, incoming: Incoming) -> bool:
        """Take HTTP v1 and Google's token endpoint."""
        return incoming.path.startswith(("/v1/projects/", self.credential_path))

    def credential(self, incoming: Incoming) -> Reply:
        """Give an access token for a signed assertion."""
        form = incoming.form
        if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            return as_json(400, {"error": "unsupported_grant_type", "error_description": "Invalid grant_type"})
        try:
            self.claims_of(form.get("assertion", ""), ["RS256"])
        except jwt.PyJWTError:
            return as_json(400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."})
        token = f"ya29.simulated-{self.ledger.credentials}"
        return as_json(200, {"access_token": token, "expires_in": 3599, "token_type": "Bearer"})

    def send(self, incoming: Incoming) -> Reply:
        """Check the message as FCM does, and accept it."""
        bearer = incoming.headers.get("authorization", "").removeprefix("Bearer ")
        if not bearer.startswith("ya29.simulated-") or bearer in self.script.expired:
            return self.error("UNAUTHENTICATED")
        try:
            body = json.loads(incoming.body)
            message, token = body["message"], body["message"]["token"]
        except (ValueError, KeyError):
            return self.error("INVALID_ARGUMENT")
        if not all(isinstance(value, str) for value in message.get("data", {}).values()):
            return self.error("INVALID_ARGUMENT", field="message.data[0].value")
        bare = {name: value for name, value in message.items() if name != "token"}
        if len(json.dumps(bare, ensure_ascii=False, separators=(",", ":")).encode()) > MAX_BYTES:
            return self.error("INVALID_ARGUMENT", text=_TOO_BIG)
        if wrong := self.error_of(token):
            name, _, about = wrong.partition(":")
            return self.error(name, text=_TOO_BIG) if about == "size" else self.error(name, field=about)
        project = incoming.path.split("/")[3]
        if body.get("validate_only"):
            return Reply(200, b'{"name": "projects/%s/messages/fake_message_id"}' % project.encode())
        number = self.ledger.accept(token)
        return Reply(200, b'{"name": "projects/%s/messages/0:%d"}' % (project.encode(), number))

    def internal_error(self) -> Reply:
        """Say that the vendor is in trouble."""
        return self.error("INTERNAL")

    def too_many(self) -> Reply:
        """Say that too much came at once."""
        return self.error("QUOTA_EXCEEDED")

    def error(self, code: str, *, field: str = "", text: str = "") -> Reply:
        """Return an error as `google.rpc.Status` has it."""
        status, name = _ERRORS[code]
        details: list[dict[str, Any]] = []
        if code not in _BARE:
            details.append({"@type": _KIND, "errorCode": code})
        if field == "device":
            violations = [{"subject": "device:1", "description": "Device message rate exceeded"}]
            details.append({"@type": _QUOTA_FAILURE, "violations": violations})
        elif field:
            details.append({"@type": _BAD_REQUEST, "fieldViolations": [{"field": field, "description": "Invalid"}]})
        body = {"code": status, "message": text or "Request failed.", "status": name, "details": details}
        return as_json(status, {"error": body})


class SimulatedLegacyFcm(SimulatedVendor):
    """Answers as the legacy HTTP API did (Firebase's server reference). A script's error for a token is its name."""

    name = "fcm-legacy"
    malformed = "InvalidRegistration"

    def serves(self, incoming: Incoming) -> bool:
        """Take the legacy call."""
        return incoming.path == "/fcm/send"

    def credential(self, incoming: Incoming) -> Reply:
        """Refuse: the server key is the credential."""
        return Reply(404)

    def send(self, incoming: Incoming) -> Reply:
        """Check the message as the legacy API did, and accept its tokens."""
        if incoming.headers.get("authorization") != f"key={SECRET}":
            return Reply(401, b"<HTML>Unauthorized</HTML>")
        try:
            body = json.loads(incoming.body)
            tokens = body["registration_ids"]
        except (ValueError, KeyError):
            return Reply(400, b"JSON_PARSING_ERROR")
        if not 0 < len(tokens) <= MAX_TOKENS or not all(isinstance(one, str) for one in body.get("data", {}).values()):
            return Reply(400, b"Field is invalid")
        wrong = self.errors_of(tokens)
        results = [self._result(token, wrong, dry_run=bool(body.get("dry_run"))) for token in tokens]
        counts = {"multicast_id": 216 + self.ledger.total, "success": len(tokens) - len(wrong), "failure": len(wrong)}
        return as_json(200, counts | {"canonical_ids": 0, "results": results})

    def _result(self, token: str, wrong: dict[str, str], *, dry_run: bool) -> dict[str, str]:
        if token in wrong:
            return {"error": wrong[token]}
        if dry_run:
            return {"error": "InvalidRegistration"}
        return {"message_id": f"1:{self.ledger.accept(token)}"}

    def internal_error(self) -> Reply:
        """Say that the vendor is in trouble."""
        return Reply(500, b"Internal Server Error")

    def too_many(self) -> Reply:
        """Say that too much came at once."""
        return Reply(429, b"")


SIMULATED = (SimulatedFcm, SimulatedLegacyFcm)


def demo_account() -> dict[str, str]:
    """Return what an operator would enter for an account here."""
    private, _ = crypto.new_rsa_key()
    account = {"project_id": "demo", "client_email": "push@demo.example", "private_key": private}
    return {"service_account": json.dumps(account)}
