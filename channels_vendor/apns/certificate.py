"""Read an iOS push certificate, and say whether it will do."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID, ObjectIdentifier

from channels_vendor.base import sentences

# Apple's extensions that say which environment a push certificate is for.
_SANDBOX = ObjectIdentifier("1.2.840.113635.100.6.3.1")
_PRODUCTION = ObjectIdentifier("1.2.840.113635.100.6.3.2")


@dataclass(frozen=True, slots=True)
class PushCertificate:
    """A push certificate.

    Attributes:
        bundle_id: The app's.
        subject: The common name.
        environments: production, sandbox or both.
        expires_at: The end of its validity.
        certificate: PEM.
        key: PEM, not encrypted.
    """

    bundle_id: str
    subject: str
    environments: tuple[str, ...]
    expires_at: datetime
    certificate: bytes
    key: bytes

    @property
    def expired(self) -> bool:
        """Whether its validity has ended."""
        return self.expires_at < datetime.now(UTC)


@lru_cache(maxsize=256)
def parse(encoded: str, password: str) -> PushCertificate:
    """Read a .p12 file, in base64.

    Raises:
        ValueError: It will not do; the message says why.
    """
    try:
        raw = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        raise ValueError(sentences.NOT_BASE64) from None
    try:
        key, parsed, _ = pkcs12.load_key_and_certificates(raw, password.encode() or None)
    except ValueError:
        raise ValueError(sentences.NO_P12) from None
    except UnsupportedAlgorithm as error:
        raise ValueError(sentences.NOT_SUPPORTED % {"reason": error}) from None
    if key is None or parsed is None:
        raise ValueError(sentences.NO_KEY_IN_FILE)
    environments = _environments(parsed)
    name = _name(parsed, NameOID.COMMON_NAME)
    if not environments:
        said = sentences.DEVELOPERS_CERTIFICATE if "Develop" in name else sentences.NO_PUSH_CERTIFICATE
        raise ValueError(said % {"name": name or "it"})
    bundle_id = _name(parsed, NameOID.USER_ID)
    if not bundle_id:
        raise ValueError(sentences.NO_BUNDLE_ID)
    return PushCertificate(
        bundle_id,
        name,
        environments,
        parsed.not_valid_after_utc,
        parsed.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )


def _environments(certificate: x509.Certificate) -> tuple[str, ...]:
    present = {extension.oid for extension in certificate.extensions}
    return tuple(name for name, oid in (("production", _PRODUCTION), ("sandbox", _SANDBOX)) if oid in present)


def _name(certificate: x509.Certificate, oid: ObjectIdentifier) -> str:
    attributes = certificate.subject.get_attributes_for_oid(oid)
    return str(attributes[0].value) if attributes else ""
