"""Encrypt secrets at rest, compare secrets, and sign with RSA.

Encryption: Fernet with rotation (`MPS_FIELD_KEYS`: the first key encrypts, all decrypt).
Signatures: RSA with SHA-256 and PKCS#1 v1.5 padding, base64 with `-` and `_` for `+` and `/` (source document, 6.8).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.fernet import Fernet, MultiFernet
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from django.conf import settings

MIN_RSA_BITS = 2048


@lru_cache(maxsize=8)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def encrypt(plain: str) -> str:
    """Encrypt a secret for the database."""
    return _fernet(tuple(settings.FIELD_KEYS)).encrypt(plain.encode()).decode()


def decrypt(sealed: str) -> str:
    """Decrypt what `encrypt` returned.

    Raises:
        cryptography.fernet.InvalidToken: No configured key fits.
    """
    return _fernet(tuple(settings.FIELD_KEYS)).decrypt(sealed.encode()).decode()


def new_token() -> str:
    """Return a random public identifier: 64 hexadecimal digits, the form of the cloud product's Ad-token."""
    return secrets.token_hex(32)


def new_address_key() -> str:
    """Return 192 random bits in 32 URL-safe characters: an unguessable part of an address that must be short."""
    return secrets.token_urlsafe(24)


def new_secret() -> str:
    """Return 256 random bits, URL-safe."""
    return secrets.token_urlsafe(32)


def fingerprint_secret(secret: str) -> str:
    """Return the SHA-256 of a random 256-bit secret in hexadecimal. At that entropy it needs no salt."""
    return hashlib.sha256(secret.encode()).hexdigest()


def same_secret(given: str, expected: str) -> bool:
    """Compare two secrets in constant time."""
    return hmac.compare_digest(given.encode(), expected.encode())


def new_rsa_key() -> tuple[str, str]:
    """Generate a 2048-bit RSA key; return (private PEM in PKCS#8, public PEM)."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=MIN_RSA_BITS)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return private, public_pem_of(key.public_key())


def public_pem_of(key: rsa.RSAPublicKey) -> str:
    """Return the key as PEM (SubjectPublicKeyInfo)."""
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def load_rsa_public_key(text: str) -> rsa.RSAPublicKey:
    """Parse an RSA public key, given as PEM or as the bare base64 between its markers.

    Raises:
        ValueError: It is no key, not RSA, or under 2048 bits; the message says which.
    """
    body = text.strip()
    if "-----BEGIN" not in body:
        body = f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----"
    try:
        key = serialization.load_pem_public_key(body.encode())
    except ValueError:
        raise ValueError("not a public key in PEM format") from None
    if not isinstance(key, rsa.RSAPublicKey):
        raise ValueError("not an RSA key")
    if key.key_size < MIN_RSA_BITS:
        raise ValueError(f"the key has {key.key_size} bits; at least {MIN_RSA_BITS} are needed")
    return key


@lru_cache(maxsize=1024)
def _public_key(pem: str) -> rsa.RSAPublicKey:
    return load_rsa_public_key(pem)


@lru_cache(maxsize=256)
def _private_key(pem: str) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("not an RSA key")
    return key


def sign(body: bytes, private_pem: str) -> str:
    """Sign `body`; return URL-safe base64 with padding.

    Raises:
        ValueError: `private_pem` is no RSA key.
    """
    signature = _private_key(private_pem).sign(body, padding.PKCS1v15(), hashes.SHA256())
    return base64.b64encode(signature, altchars=b"-_").decode()


def verify(body: bytes, signature: str, public_pem: str) -> bool:
    """Verify a signature over `body`; an unreadable signature or key is a wrong one.

    Args:
        body: The signed bytes.
        signature: Base64 in the standard or the URL-safe alphabet, with or without padding.
        public_pem: The signer's public key.
    """
    standard = signature.replace("-", "+").replace("_", "/").replace(" ", "+").rstrip("=")
    try:
        raw = base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
        _public_key(public_pem).verify(raw, body, padding.PKCS1v15(), hashes.SHA256())
    except (binascii.Error, ValueError, InvalidSignature):
        return False
    return True
