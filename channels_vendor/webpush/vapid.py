"""VAPID (RFC 8292): the account's key pair, and the tokens by which push services know who sends."""

from __future__ import annotations

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from channels_vendor.base import sentences
from channels_vendor.webpush.subscription import decode, encode

# A token is valid for at most 24 hours (RFC 8292, 2); half of that leaves room for clocks that are wrong.
LIFE_SECONDS = 12 * 3600
_KEY_BYTES = 32


def new_private_key() -> str:
    """Make a private key of P-256: its number in base64url, as the tools of all web push libraries print it."""
    number = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    return encode(number.to_bytes(_KEY_BYTES))


def read_private_key(text: str) -> ec.EllipticCurvePrivateKey:
    """Read a private key.

    Raises:
        ValueError: It is none.
    """
    try:
        raw = decode(text)
        if len(raw) != _KEY_BYTES:
            raise ValueError
        return ec.derive_private_key(int.from_bytes(raw), ec.SECP256R1())
    except ValueError:
        raise ValueError(sentences.NO_VAPID_KEY) from None


def public_key(private_key: ec.EllipticCurvePrivateKey) -> str:
    """Return the public key as pages give it to the browser (`applicationServerKey`), in base64url."""
    return encode(private_key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


def authorization(private_key: ec.EllipticCurvePrivateKey, origin: str, contact: str, expires: int) -> str:
    """Return the value of the header Authorization for one push service.

    Args:
        private_key: The account's.
        origin: The push service.
        contact: Where the service's operator can reach the sender: `mailto:` or https.
        expires: When the token runs out, in seconds since 1970.
    """
    claims = {"aud": origin, "exp": expires, "sub": contact}
    return f"vapid t={jwt.encode(claims, private_key, algorithm='ES256')}, k={public_key(private_key)}"
