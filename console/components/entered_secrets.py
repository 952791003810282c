"""Secrets that were entered into a form which was refused: the form carries them, sealed, until it is saved."""

from __future__ import annotations

import json

from django.core import signing
from django.db.models import Model

from pushcore.security import crypto

_SALT = "console.components.entered_secrets"
# How long a form may lie open before a file has to be chosen again.
LIFETIME_SECONDS = 3600


def seal(account: Model, values: dict[str, str]) -> str:
    """Encrypt the values for the form of one account."""
    return signing.dumps(crypto.encrypt(json.dumps(values)), salt=_salt(account))


def unseal(account: Model, sealed: str) -> dict[str, str]:
    """Return the values; none where they are of another account's form, too old, or not sealed here."""
    try:
        encrypted = signing.loads(sealed, salt=_salt(account), max_age=LIFETIME_SECONDS)
    except signing.BadSignature:
        return {}
    return dict(json.loads(crypto.decrypt(encrypted)))


def _salt(account: Model) -> str:
    return f"{_SALT}.{account._meta.label}.{account.pk}"
