"""Read private keys that operators paste or upload; an error says what was given instead."""

from __future__ import annotations

from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

MIN_RSA_BITS = 2048
_NAMES = (
    (rsa.RSAPrivateKey, "an RSA key"),
    (ec.EllipticCurvePrivateKey, "an elliptic curve key"),
)


def p256_key(text: str) -> ec.EllipticCurvePrivateKey:
    """Read an ECDSA key of the curve P-256, which ES256 signs with (RFC 7518, 3.4).

    Raises:
        ValueError: It is something else; the message says what.
    """
    key = _private_key(text)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"this is {_name(key)}; an elliptic curve key (P-256) is needed")
    if not isinstance(key.curve, ec.SECP256R1):
        raise ValueError(f"this key is of the curve {key.curve.name}; one of P-256 is needed")
    return key


def rsa_key(text: str) -> rsa.RSAPrivateKey:
    """Read an RSA key that RS256 or PS256 signs with (RFC 7518, 3.3: 2048 bits or more).

    Raises:
        ValueError: It is something else; the message says what.
    """
    key = _private_key(text)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError(f"this is {_name(key)}; an RSA key is needed")
    if key.key_size < MIN_RSA_BITS:
        raise ValueError(f"this key has {key.key_size} bits; {MIN_RSA_BITS} or more are needed")
    return key


def _private_key(text: str) -> Any:
    marks = {
        "CERTIFICATE-----": "this is a certificate; the private key is needed",
        "PUBLIC KEY-----": "this is a public key; the private one is needed",
        "ENCRYPTED PRIVATE KEY-----": "this key is protected by a password; one without is needed",
    }
    try:
        return serialization.load_pem_private_key(text.strip().encode(), password=None)
    except TypeError:
        raise ValueError(marks["ENCRYPTED PRIVATE KEY-----"]) from None
    except UnsupportedAlgorithm:
        raise ValueError("this key is of a kind that is not supported") from None
    except ValueError:
        known = next((words for mark, words in marks.items() if mark in text), "")
        raise ValueError(known or "this is no private key in PEM form (-----BEGIN PRIVATE KEY-----)") from None


def _name(key: Any) -> str:
    return next((words for kind, words in _NAMES if isinstance(key, kind)), "a key of another kind")
