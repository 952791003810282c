"""The spelling of targets: one rule for users and one for devices, wherever a name comes in.

Bind, push (by request and by file), revoke and query all use it, so what is bound under a name is found under it.
"""

from __future__ import annotations

import re

from pushcore.codes.results import ResultCode, ResultError
from pushcore.models.pushes import DeliveryType

MAX_USER_ID_LENGTH = 256
# An Ad-token, an APNs device token, a Live Activity's push token or ID.
MAX_DEVICE_NAME_LENGTH = 512

_APNS_KINDS = frozenset({DeliveryType.IOS, DeliveryType.ACTIVITY_TOKEN})
_APNS_DECORATION = re.compile(r"[<>\s]+")
_HEX = re.compile(r"[0-9a-f]+")


def clean_user_id(given: str) -> str:
    """Return the user ID without surrounding blanks.

    Raises:
        ResultError: It is empty (NEED_USERID), too long, or holds a NUL (INVALID_PARAM).
    """
    user_id = given.strip()
    if not user_id:
        raise ResultError(ResultCode.NEED_USERID)
    if len(user_id) > MAX_USER_ID_LENGTH or "\0" in user_id:
        raise ResultError(
            ResultCode.INVALID_PARAM, f"userId is longer than {MAX_USER_ID_LENGTH} characters or holds a NUL"
        )
    return user_id


def clean_target(delivery_type: int, given: str) -> str:
    """Return the target in the spelling that it is looked up and kept in.

    Users and Ad-tokens lose surrounding blanks, APNs tokens are written as `apns_spelling` says.

    Raises:
        ResultError: It is empty (TOKEN_OR_USERID_NULL), too long, or holds a NUL (INVALID_PARAM).
    """
    target = given.strip()
    if not target:
        raise ResultError(ResultCode.TOKEN_OR_USERID_NULL)
    longest = MAX_USER_ID_LENGTH if delivery_type == DeliveryType.USER else MAX_DEVICE_NAME_LENGTH
    if len(target) > longest or "\0" in target:
        raise ResultError(
            ResultCode.INVALID_PARAM, f"a target is longer than {longest} characters or holds a NUL", parameter="target"
        )
    return apns_spelling(target) if delivery_type in _APNS_KINDS else target


def apns_spelling(token: str) -> str:
    """Return an APNs token in lower-case hexadecimal, without the `<`, `>` and blanks of iOS's description of it.

    Text that is no hexadecimal number stays as it is: an app may name a Live Activity's ID or an Ad-token here.
    """
    plain = _APNS_DECORATION.sub("", token).lower()
    return plain if _HEX.fullmatch(plain) else token


def spellings(given: str) -> list[str]:
    """Return the spellings that a target may be kept in, where nothing says of which kind it is."""
    target = given.strip()
    return list(dict.fromkeys((target, apns_spelling(target))))
