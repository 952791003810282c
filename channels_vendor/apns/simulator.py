"""APNs over HTTP/2, as Apple documents it."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from channels_vendor.simulator.script import Incoming, Reply
from channels_vendor.simulator.simulated_vendor import SimulatedVendor, as_json

_STATUSES = {
    "BadDeviceToken": 400,
    "DeviceTokenNotForTopic": 400,
    "TopicDisallowed": 400,
    "BadTopic": 400,
    "BadCollapseId": 400,
    "BadMessageId": 400,
    "MissingDeviceToken": 400,
    "DuplicateHeaders": 400,
    "IdleTimeout": 400,
    "PayloadEmpty": 400,
    "MissingTopic": 400,
    "BadExpirationDate": 400,
    "BadPriority": 400,
    "InvalidPushType": 400,
    "BadCertificateEnvironment": 403,
    "BadCertificate": 403,
    "Forbidden": 403,
    "ExpiredProviderToken": 403,
    "InvalidProviderToken": 403,
    "MissingProviderToken": 403,
    "UnrelatedKeyIdInToken": 403,
    "BadEnvironmentKeyIdInToken": 403,
    "BadPath": 404,
    "MethodNotAllowed": 405,
    "Unregistered": 410,
    "ExpiredToken": 410,
    "PayloadTooLarge": 413,
    "TooManyRequests": 429,
    "TooManyProviderTokenUpdates": 429,
    "InternalServerError": 500,
    "ServiceUnavailable": 503,
    "Shutdown": 503,
}
MAX_BYTES = 4096
_TOKEN_SECONDS = 3600
_MAX_BEARERS = 100
# Apple's extensions that say what a certificate is for.
_ENVIRONMENTS = {"sandbox": "1.2.840.113635.100.6.3.1", "production": "1.2.840.113635.100.6.3.2"}
# What may follow the bundle ID in a topic.
_SUFFIXES = (".voip", ".complication", ".push-type.liveactivity")


@lru_cache(maxsize=256)
def _read(der: bytes) -> tuple[str, frozenset[str], datetime]:
    """Read a client certificate: its bundle ID, the environments it is for (OIDs), and its end."""
    certificate = x509.load_der_x509_certificate(der)
    user_ids = certificate.subject.get_attributes_for_oid(NameOID.USER_ID)
    marks = frozenset(extension.oid.dotted_string for extension in certificate.extensions)
    return (
        str(user_ids[0].value) if user_ids else "",
        marks & set(_ENVIRONMENTS.values()),
        certificate.not_valid_after_utc,
    )


class SimulatedApns(SimulatedVendor):
    """Answers as APNs does.

    Attributes:
        environment: Which of Apple's two hosts it is.
    """

    name = "apns"
    malformed = "BadDeviceToken"
    environment = "production"

    def __init__(self) -> None:
        super().__init__()
        self._bearers: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}

    def serves(self, incoming: Incoming) -> bool:
        """Take paths of the provider API."""
        return incoming.path.startswith("/3/")

    def credential(self, incoming: Incoming) -> Reply:
        """Refuse: there is no such path."""
        return self.error("BadPath")

    def answer(self, incoming: Incoming) -> Reply:
        """Name the notification in every answer: by the ID that came with it, else by one made for it."""
        reply = super().answer(incoming)
        apns_id = incoming.headers.get("apns-id") or str(uuid.uuid4()).upper()
        return Reply(reply.status, reply.body, (*reply.headers, ("apns-id", apns_id)))

    def send(self, incoming: Incoming) -> Reply:
        """Check the notification as APNs does, and accept it."""
        wrong = self._refused(incoming)
        if wrong:
            return self.error(wrong)
        token = incoming.path.rsplit("/", 1)[-1]
        if reason := self.error_of(token):
            return self.error(reason)
        self.ledger.accept(token)
        return Reply(200)

    def _refused(self, incoming: Incoming) -> str:
        token = incoming.path.removeprefix("/3/device/")
        if token == incoming.path:
            return "BadPath"
        if incoming.method != "POST":
            return "MethodNotAllowed"
        # A connection made with a certificate needs no provider token.
        certificate = incoming.client_certificate
        if reason := self._bad_certificate(certificate, incoming) if certificate else self._bad_bearer(incoming):
            return reason
        if len(incoming.body) > MAX_BYTES:
            return "PayloadTooLarge"
        if not incoming.body:
            return "PayloadEmpty"
        background = incoming.headers.get("apns-push-type") == "background"
        if background and incoming.headers.get("apns-priority") != "5":
            return "BadPriority"
        if len(incoming.headers.get("apns-collapse-id", "").encode()) > 64:
            return "BadCollapseId"
        return "" if token and all(letter in "0123456789abcdefABCDEF" for letter in token) else "BadDeviceToken"

    def _bad_certificate(self, der: bytes, incoming: Incoming) -> str:
        bundle_id, environments, expires_at = _read(der)
        if not bundle_id or not environments or expires_at < datetime.now(UTC):
            return "BadCertificate"
        if _ENVIRONMENTS[self.environment] not in environments:
            return "BadCertificateEnvironment"
        topic = incoming.headers.get("apns-topic", bundle_id)
        return "" if topic == bundle_id or topic.removeprefix(bundle_id) in _SUFFIXES else "BadTopic"

    def _read_bearer(self, bearer: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Read a provider token's header and claims, cached: each comes many times. Raises `jwt.PyJWTError`."""
        if bearer not in self._bearers:
            if len(self._bearers) >= _MAX_BEARERS:
                self._bearers.clear()
            self._bearers[bearer] = jwt.get_unverified_header(bearer), self.claims_of(bearer, ["ES256"])
        return self._bearers[bearer]

    def _bad_bearer(self, incoming: Incoming) -> str:
        scheme, _, bearer = incoming.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return "MissingProviderToken"
        if bearer in self.script.expired:
            return "ExpiredProviderToken"
        try:
            header, claims = self._read_bearer(bearer)
        except jwt.PyJWTError:
            return "InvalidProviderToken"
        if header.get("alg") != "ES256" or not header.get("kid") or not claims.get("iss"):
            return "InvalidProviderToken"
        if time.time() - claims.get("iat", 0) > _TOKEN_SECONDS:
            return "ExpiredProviderToken"
        return "" if "apns-topic" in incoming.headers else "MissingTopic"

    def internal_error(self) -> Reply:
        """Say that the vendor is in trouble."""
        return self.error("InternalServerError")

    def too_many(self) -> Reply:
        """Say that too much came at once."""
        return self.error("TooManyRequests")

    def error(self, reason: str) -> Reply:
        """Return an error with Apple's reason."""
        body: dict[str, object] = {"reason": reason}
        status = _STATUSES[reason]
        if status == 410:
            body["timestamp"] = int(time.time() * 1000)
        return as_json(status, body)


SIMULATED = (SimulatedApns,)


def demo_account() -> dict[str, str]:
    """Return what an operator would enter for an account here."""
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {"p8": pem.decode(), "key_id": "DEMO123456", "team_id": "DEMOTEAM01", "bundle_id": "com.example.demo"}
