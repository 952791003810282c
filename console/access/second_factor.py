"""The second factor at login: codes of an authenticator app (RFC 6238), and recovery codes for when it is lost."""

from __future__ import annotations

import base64
import secrets
from binascii import hexlify
from urllib.parse import quote, urlencode

import segno
from django.db import transaction
from django.utils.safestring import SafeString, mark_safe

from console.models import SecondFactor
from pushcore.security import crypto

ISSUER = "Message Push Console"
RECOVERY_CODES = 10


def begin(user_id: int) -> SecondFactor:
    """Make a new key for the user, of no effect until `confirm`. A confirmed one stays as it is."""
    with transaction.atomic():
        factor, made = SecondFactor.objects.select_for_update().get_or_create(
            user_id=user_id, defaults={"confirmed": False, "key_sealed": _new_key()}
        )
        if not made and not factor.confirmed:
            factor.key_sealed = _new_key()
            factor.save(update_fields=["key_sealed"])
        return factor


def confirm(user_id: int, code: str) -> list[str] | None:
    """Put the key into effect if `code` is one of it. Returns the recovery codes, this once; None for a wrong code."""
    with transaction.atomic():
        factor = SecondFactor.objects.select_for_update().filter(user_id=user_id, confirmed=False).first()
        if factor is None or not factor.verify_token(code):
            return None
        codes = [secrets.token_hex(8) for _ in range(RECOVERY_CODES)]
        factor.recovery_hashes = [crypto.fingerprint_secret(one) for one in codes]
        factor.confirmed = True
        factor.save(update_fields=["recovery_hashes", "confirmed"])
        return ["-".join(one[start : start + 4] for start in range(0, 16, 4)) for one in codes]


def is_set_up(user_id: int) -> bool:
    """Tell whether the user has a second factor."""
    return SecondFactor.objects.filter(user_id=user_id, confirmed=True).exists()


def passes(user_id: int, code: str) -> bool:
    """Tell whether the user may log in with this code; without a second factor anybody may. A code works once."""
    with transaction.atomic():
        factor = SecondFactor.objects.select_for_update().filter(user_id=user_id, confirmed=True).first()
        return factor is None or factor.verify_token(code)


def address(factor: SecondFactor, username: str) -> str:
    """Return the `otpauth:` address that authenticator apps read."""
    secret = base64.b32encode(factor.key).decode().rstrip("=")
    query = urlencode({"secret": secret, "issuer": ISSUER}, quote_via=quote)
    return f"otpauth://totp/{quote(ISSUER)}:{quote(username)}?{query}"


def qr_code(text: str) -> SafeString:
    """Draw the text as a QR code, an inline SVG without styles."""
    return mark_safe(segno.make(text, error="m").svg_inline(scale=5, light="#fff"))  # noqa: S308  made by segno alone


def _new_key() -> str:
    return crypto.encrypt(hexlify(secrets.token_bytes(20)).decode())
