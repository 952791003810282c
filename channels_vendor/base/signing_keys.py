"""Read private keys that operators paste or upload; an error says what was given instead."""

from __future__ import annotations

from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from channels_vendor.base import sentences

MIN_RSA_BITS = 2048
_NAMES = (
    (rsa.RSAPrivateKey, sentences.AN_RSA_KEY),
    (ec.EllipticCurvePrivateKey, sentences.AN_ELLIPTIC_KEY),
)


def p256_key(text: str) -> ec.EllipticCurvePrivateKey:
    """Read an ECDSA key of the curve P-256, which ES256 signs with (RFC 7518, 3.4).

    Raises:
        ValueError: It is something else; the message says what.
    """
    key = _private_key(text)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(sentences.NOT_ELLIPTIC % {"kind": _name(key)})
    if not isinstance(key.curve, ec.SECP256R1):
        raise ValueError(sentences.OTHER_CURVE % {"curve": key.curve.name})
    return key


def rsa_key(text: str) -> rsa.RSAPrivateKey:
    """Read an RSA key that RS256 or PS256 signs with (RFC 7518, 3.3: 2048 bits or more).

    Raises:
        ValueError: It is something else; the message says what.
    """
    key = _private_key(text)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError(sentences.NOT_RSA % {"kind": _name(key)})
    if key.key_size < MIN_RSA_BITS:
        raise ValueError(sentences.SHORT_KEY % {"bits": key.key_size, "least": MIN_RSA_BITS})
    return key


def _private_key(text: str) -> Any:
    marks = {
        "CERTIFICATE-----": sentences.CERTIFICATE_GIVEN,
        "PUBLIC KEY-----": sentences.PUBLIC_KEY_GIVEN,
        "ENCRYPTED PRIVATE KEY-----": sentences.PROTECTED_KEY,
    }
    try:
        return serialization.load_pem_private_key(text.strip().encode(), password=None)
    except TypeError:
        raise ValueError(marks["ENCRYPTED PRIVATE KEY-----"]) from None
    except UnsupportedAlgorithm:
        raise ValueError(sentences.UNKNOWN_KEY) from None
    except ValueError:
        raise ValueError(next((given for mark, given in marks.items() if mark in text), sentences.NO_KEY)) from None


def _name(key: Any) -> str:
    return next((name for kind, name in _NAMES if isinstance(key, kind)), sentences.ANOTHER_KEY)
