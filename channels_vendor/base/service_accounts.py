"""Service accounts: the JSON key files of Google and Huawei."""

from __future__ import annotations

import json

from channels_vendor.base import sentences
from channels_vendor.base.contract import CannotAuthorise


def read_service_account(text: str, needed: tuple[str, ...]) -> dict[str, str]:
    """Read a service account's key file.

    Args:
        text: The file.
        needed: The members it must have: texts that are not empty.

    Raises:
        CannotAuthorise: It is none; the message names what is missing.
    """
    try:
        account: dict[str, str] = json.loads(text)
    except ValueError:
        raise CannotAuthorise(sentences.NO_JSON, permanent=True) from None
    found = account if isinstance(account, dict) else {}
    missing = [name for name in needed if not isinstance(found.get(name), str) or not found[name]]
    if missing:
        raise CannotAuthorise(sentences.LACKS % {"members": ", ".join(missing)}, permanent=True)
    return account
