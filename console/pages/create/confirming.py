"""A broadcast is confirmed by its number of devices: whoever types it has read how many will be disturbed.

The number that was shown goes with the page, signed together with what it was counted for. So it is compared with what
the operator saw, not with a count that has moved on, and is good for no other push.
"""

from __future__ import annotations

import hashlib
import re

from django.core import signing

_SALT = "console.pages.create.confirming"
# Then the devices are counted, and shown, again.
GOOD_FOR_SECONDS = 900


def signed(devices: int, push: object) -> str:
    """What the review page carries: the number shown, for this push (anything whose `repr` says all of it)."""
    return signing.dumps([devices, _digest(push)], salt=_SALT)


def is_confirmed(typed: str, carried: str, push: object) -> bool:
    """Whether the number typed is the one that was shown for this push, and not 0."""
    try:
        devices, digest = signing.loads(carried, salt=_SALT, max_age=GOOD_FOR_SECONDS)
    except (signing.BadSignature, ValueError, TypeError):
        return False
    return digest == _digest(push) and devices > 0 and _number(typed) == devices


def _number(typed: str) -> int | None:
    """The number, however its thousands are set apart."""
    digits = re.sub(r"[\s,.'_\u00a0\u202f]", "", typed)
    return int(digits) if re.fullmatch(r"[0-9]{1,12}", digits) else None


def _digest(push: object) -> str:
    return hashlib.sha256(repr(push).encode()).hexdigest()
