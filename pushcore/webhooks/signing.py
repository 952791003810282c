"""Sign requests by the Standard Webhooks scheme.

Signed is `{webhook-id}.{webhook-timestamp}.{body}` with HMAC-SHA256; the header has a signature for each valid secret
(https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence

PREFIX = "whsec_"
# The specification wants 24 to 64 bytes.
SECRET_BYTES = 32


def new_secret() -> str:
    """Make a secret: `whsec_` and base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def headers(identifier: str, timestamp: int, body: bytes, signing_secrets: Sequence[str]) -> tuple[str, ...]:
    """Return the three header lines of a request.

    Args:
        identifier: Names the event; the same in each attempt.
        timestamp: When this attempt is made, in seconds since 1970.
        body: What is posted.
        signing_secrets: One or more secrets (`new_secret`).
    """
    signed = b".".join((identifier.encode(), str(timestamp).encode(), body))
    signatures = " ".join(f"v1,{_signature(secret, signed)}" for secret in signing_secrets)
    return (f"webhook-id: {identifier}", f"webhook-timestamp: {timestamp}", f"webhook-signature: {signatures}")


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
