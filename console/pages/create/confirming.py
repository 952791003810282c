"""Confirmation of a push to many devices: the operator types the number of devices it would reach.

The review page carries the number it showed, signed together with a digest of the push. So the typed number is compared
with what the operator saw rather than with a newer count, and it confirms no other push.
"""

from __future__ import annotations

import hashlib
import re

from django.core import signing

_SALT = "console.pages.create.confirming"
# After this time the devices are counted and shown again.
VALID_SECONDS = 900


def signed(devices: int, push: object) -> str:
    """Return the signed value that the review page carries.

    Args:
        devices: The number of devices shown.
        push: The push, as any object whose `repr` tells it apart from every other.
    """
    return signing.dumps([devices, _digest(push)], salt=_SALT)


def is_confirmed(typed: str, carried: str, push: object) -> bool:
    """Return whether the typed number is the one shown for this push within `VALID_SECONDS`, and not 0."""
    try:
        devices, digest = signing.loads(carried, salt=_SALT, max_age=VALID_SECONDS)
    except (signing.BadSignature, ValueError, TypeError):
        return False
    return digest == _digest(push) and devices > 0 and _number(typed) == devices


def _number(typed: str) -> int | None:
    """Parse a number with any thousands separators; None for anything else."""
    digits = re.sub(r"[\s,.'_\u00a0\u202f]", "", typed)
    return int(digits) if re.fullmatch(r"[0-9]{1,12}", digits) else None


def _digest(push: object) -> str:
    return hashlib.sha256(repr(push).encode()).hexdigest()
