"""Alibaba Cloud's signature version 3 (ACS3-HMAC-SHA256): help.aliyun.com, document 2593177."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote, urlsplit

ALGORITHM = "ACS3-HMAC-SHA256"
_EMPTY = hashlib.sha256(b"").hexdigest()


def signed_query(parameters: Mapping[str, str]) -> str:
    """Return parameters as a query, in the order and spelling that is signed."""
    return "&".join(f"{_encoded(name)}={_encoded(value)}" for name, value in sorted(parameters.items()))


def headers(
    url: str, action: str, version: str, query: str, *, key_id: str, secret: str, nonce: str, now: datetime
) -> tuple[str, ...]:
    """Return the header lines of a signed call without a body.

    Args:
        url: The API's address.
        action: The operation.
        version: The API's version.
        query: The parameters (`signed_query`).
        key_id: The AccessKey ID.
        secret: The AccessKey secret.
        nonce: Taken once within 15 minutes; a second call with it is refused.
        now: The time of the call, in UTC.
    """
    values = {
        "host": urlsplit(url).netloc,
        "x-acs-action": action,
        "x-acs-content-sha256": _EMPTY,
        "x-acs-date": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "x-acs-signature-nonce": nonce,
        "x-acs-version": version,
    }
    names = ";".join(values)
    lines = "".join(f"{name}:{value}\n" for name, value in values.items())
    canonical = f"POST\n/\n{query}\n{lines}\n{names}\n{_EMPTY}"
    to_sign = f"{ALGORITHM}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.new(secret.encode(), to_sign.encode(), hashlib.sha256).hexdigest()
    own = tuple(f"{name}: {value}" for name, value in values.items() if name != "host")
    return (*own, f"Authorization: {ALGORITHM} Credential={key_id},SignedHeaders={names},Signature={signature}")


def _encoded(text: str) -> str:
    return quote(text, safe="~")
