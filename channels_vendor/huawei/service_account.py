"""Huawei's service accounts: a signed JWT is the credential itself (Push Kit v2 and v3)."""

from __future__ import annotations

import time

import jwt

from channels_vendor.base import sentences
from channels_vendor.base.contract import CannotAuthorise
from channels_vendor.base.service_accounts import read_service_account
from channels_vendor.base.signing_keys import rsa_key

AUDIENCE = "https://oauth-login.cloud.huawei.com/oauth2/v3/token"
LIFE_SECONDS = 3600


def read(text: str) -> dict[str, str]:
    """Read a service account's key file. Raises `CannotAuthorise` where it is none."""
    return read_service_account(text, ("project_id", "key_id", "private_key", "sub_account"))


def bearer(text: str, algorithm: str = "PS256") -> tuple[str, float]:
    """Return a token to be used as it is, and its life in seconds.

    Raises:
        CannotAuthorise: The account cannot sign.
    """
    account, now = read(text), int(time.time())
    claims = {"iss": account["sub_account"], "aud": AUDIENCE, "iat": now, "exp": now + LIFE_SECONDS}
    try:
        key = rsa_key(account["private_key"])
    except ValueError as error:
        raise CannotAuthorise(sentences.ACCOUNTS_PRIVATE_KEY % {"reason": error}, permanent=True) from None
    return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": account["key_id"]}), LIFE_SECONDS


def problem(text: str) -> str:
    """Return what is wrong with the file, or nothing."""
    try:
        bearer(text)
    except CannotAuthorise as error:
        return str(error)
    return ""
