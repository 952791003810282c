"""FCM HTTP v1 and Google's token endpoint, as Google documents them."""

from __future__ import annotations

import json
from typing import Any

from channels_vendor.simulator.desk import Desk, as_json
from channels_vendor.simulator.script import Incoming, Reply

_KIND = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
_BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"
# errorCode: (HTTP status, google.rpc status)
_ERRORS = {
    "UNREGISTERED": (404, "NOT_FOUND"),
    "INVALID_ARGUMENT": (400, "INVALID_ARGUMENT"),
    "SENDER_ID_MISMATCH": (403, "PERMISSION_DENIED"),
    "PERMISSION_DENIED": (403, "PERMISSION_DENIED"),
    "THIRD_PARTY_AUTH_ERROR": (401, "UNAUTHENTICATED"),
    "UNAUTHENTICATED": (401, "UNAUTHENTICATED"),
    "QUOTA_EXCEEDED": (429, "RESOURCE_EXHAUSTED"),
    "UNAVAILABLE": (503, "UNAVAILABLE"),
    "INTERNAL": (500, "INTERNAL"),
}
MAX_BYTES = 4096


class FcmDesk(Desk):
    name = "fcm"
    credential_path = "/fcm-oauth/token"

    def serves(self, incoming: Incoming) -> bool:
        return incoming.path.startswith(("/v1/projects/", self.credential_path))

    def credential(self, incoming: Incoming) -> Reply:
        if b"grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer" not in incoming.body:
            return as_json(400, {"error": "unsupported_grant_type", "error_description": "Invalid grant_type"})
        token = f"ya29.simulated-{self.ledger.credentials}"
        return as_json(200, {"access_token": token, "expires_in": 3599, "token_type": "Bearer"})

    def send(self, incoming: Incoming) -> Reply:
        bearer = incoming.headers.get("authorization", "").removeprefix("Bearer ")
        if not bearer.startswith("ya29.simulated-") or bearer in self.script.expired:
            return self.error("UNAUTHENTICATED")
        try:
            message = json.loads(incoming.body)["message"]
            token = message["token"]
        except (ValueError, KeyError):
            return self.error("INVALID_ARGUMENT")
        if not all(isinstance(value, str) for value in message.get("data", {}).values()):
            return self.error("INVALID_ARGUMENT", field="message.data[0].value")
        bare = {name: value for name, value in message.items() if name != "token"}
        if len(json.dumps(bare, ensure_ascii=False, separators=(",", ":")).encode()) > MAX_BYTES:
            return self.error("INVALID_ARGUMENT", text="Message too big")
        if wrong := self.script.tokens.get(token):
            name, _, field = wrong.partition(":")
            return self.error(name, field=field)
        number = self.ledger.accept(token)
        project = incoming.path.split("/")[3]
        return Reply(200, b'{"name": "projects/%s/messages/0:%d"}' % (project.encode(), number))

    def internal_error(self) -> Reply:
        return self.error("INTERNAL")

    def too_many(self) -> Reply:
        return self.error("QUOTA_EXCEEDED")

    def error(self, code: str, *, field: str = "", text: str = "") -> Reply:
        status, name = _ERRORS[code]
        details: list[dict[str, Any]] = []
        if code not in ("UNAUTHENTICATED", "PERMISSION_DENIED"):
            details.append({"@type": _KIND, "errorCode": code})
        if field:
            details.append({"@type": _BAD_REQUEST, "fieldViolations": [{"field": field, "description": "Invalid"}]})
        body = {"code": status, "message": text or "Request failed.", "status": name, "details": details}
        return as_json(status, {"error": body})
