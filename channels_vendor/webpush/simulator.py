"""A push service as RFC 8030 and RFC 8292 have it, and the browsers that subscribed there."""

from __future__ import annotations

import base64
import json
import re
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from channels_vendor.simulator.script import Incoming, Reply
from channels_vendor.simulator.simulated_vendor import SimulatedVendor

ORIGIN = "https://push.example.net"
MAX_BYTES = 4096
_PATH = "/wpush/v2/"
# RFC 8292, 2: "The expiration time MUST NOT be more than 24 hours after the time of the request".
_LONGEST_LIFE = 24 * 3600
_VAPID = re.compile(r"vapid t=([\w.-]+), ?k=([\w-]+)")
_URGENCIES = ("very-low", "low", "normal", "high")
_TOPIC = re.compile(r"[\w-]{1,32}")
# What all simulated browsers have for a key pair and secret: real ones have their own.
BROWSER_KEY = ec.derive_private_key(int.from_bytes(b"simulated browser"), ec.SECP256R1())
BROWSER_AUTH = b"simulated secret"
# Google's words.
_OTHER_KEY = (
    "the VAPID credentials in the authorization header do not correspond to the credentials used to create the "
    "subscriptions."
)


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


_POINT = _base64url(BROWSER_KEY.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


def subscription(name: str) -> str:
    """Return the subscription of a simulated browser, by any name."""
    keys = {"p256dh": _POINT, "auth": _base64url(BROWSER_AUTH)}
    return json.dumps({"endpoint": f"{ORIGIN}{_PATH}{name}", "keys": keys}, separators=(",", ":"))


class SimulatedPushService(SimulatedVendor):
    """Answers as a push service does. A script's error for a subscription is an HTTP status, or `key`."""

    name = "webpush"
    malformed = "404"

    def serves(self, incoming: Incoming) -> bool:
        """Take messages to subscriptions."""
        return incoming.path.startswith(_PATH)

    def credential(self, incoming: Incoming) -> Reply:
        """Refuse: senders sign by themselves."""
        return Reply(404)

    def send(self, incoming: Incoming) -> Reply:
        """Check a message as push services do, and accept it."""
        if (refusal := self._refusal(incoming)) is not None:
            return refusal
        name = incoming.path.removeprefix(_PATH)
        token = subscription(name)
        error = self.error_of(token) if name.strip("0") else self.malformed
        if error == "key":
            return Reply(403, _OTHER_KEY.encode())
        if error:
            return self.refuse(int(error), "refused by the script")
        number = self.ledger.accept(token)
        return Reply(201, headers=(("location", f"{ORIGIN}/m/{number}"),))

    def _refusal(self, incoming: Incoming) -> Reply | None:
        """Return what is wrong with a request, None where nothing is."""
        found = _VAPID.fullmatch(incoming.headers.get("authorization", ""))
        if found is None:
            return self.refuse(401, "missing authorization header")
        claims = self._claims(*found.groups())
        if claims is None:
            return self.refuse(403, "invalid JWT provided")
        if self.public_key and found[2].encode() != self.public_key:
            return Reply(403, _OTHER_KEY.encode())
        if str(claims["exp"]) in self.script.expired:
            return self.refuse(401, "token expired")
        headers = incoming.headers
        if not headers.get("ttl", "").isdigit() or headers.get("urgency", "normal") not in _URGENCIES:
            return self.refuse(400, "TTL or Urgency invalid")
        if "topic" in headers and not _TOPIC.fullmatch(headers["topic"]):
            return self.refuse(400, "Topic invalid")
        if len(incoming.body) > MAX_BYTES:
            return self.refuse(413, "Payload Too Large")
        # RFC 8188, 2.1: salt, record size, and the sender's key as its ID.
        is_encrypted = headers.get("content-encoding") == "aes128gcm" and incoming.body[20:22] == b"\x41\x04"
        return None if is_encrypted else self.refuse(400, "not encrypted")

    def _claims(self, token: str, key: str) -> dict[str, Any] | None:
        """Return the claims of a VAPID token; None where it is not signed with the key or not for this service."""
        raw = base64.urlsafe_b64decode(key + "=" * (-len(key) % 4))
        try:
            public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw)
            claims = jwt.decode(token, public, algorithms=["ES256"], options={"verify_aud": False})
        except (ValueError, jwt.PyJWTError):
            return None
        is_soon = claims.get("exp", 0) <= time.time() + _LONGEST_LIFE
        is_known = str(claims.get("sub", "")).startswith(("mailto:", "https:"))
        return claims if is_soon and is_known and str(claims.get("aud", "")).startswith("http") else None

    def internal_error(self) -> Reply:
        """Say that the service is in trouble."""
        return self.refuse(500, "Internal Server Error")

    def too_many(self) -> Reply:
        """Say that too much came at once."""
        return self.refuse(429, "Too Many Requests")

    @staticmethod
    def refuse(status: int, text: str) -> Reply:
        """Return an error as Mozilla writes it."""
        return Reply(status, json.dumps({"code": status, "message": text}).encode())


SIMULATED = (SimulatedPushService,)


def demo_account() -> dict[str, str]:
    """Return what an operator would enter for an account here."""
    return {"contact": "mailto:push@example.com", "private_key": _base64url(b"the demo's simulated VAPID key!!")}


def demo_token(name: str) -> str:
    """Return the subscription of the demo's browser."""
    return subscription(name)
