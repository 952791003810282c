"""Replay protection: a request is fresh for 15 minutes, its nonce is taken once, in Valkey (`pushcore.api.throttle`).

A nonce counts for a workspace, whatever the operation, the API or its version. Valkey may be emptied, or lose its last
seconds when it restarts. It therefore keeps the nonce epoch: the time since when it has every nonce that was taken. A
request signed before the epoch is refused, for nobody knows whether its nonce was used.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from pushcore.storage import clock

TOLERANCE = timedelta(minutes=15)
# A nonce must outlive the time in which its timestamp is still accepted, early or late.
NONCE_SECONDS = int(2 * TOLERANCE.total_seconds()) + 60
MAX_NONCE = 128
# The nonce epoch, a hash: `since` (ms since 1970) and `run`, Valkey's own ID, new whenever it starts.
EPOCH_KEY = "mps:nonces:mark"
# Exists while `run` was compared with Valkey's ID less than half a second ago.
EPOCH_CHECKED_KEY = "mps:nonces:checked"


class Nonce(NamedTuple):
    """A request's nonce: where it is kept in Valkey, and when the request was signed (ms since 1970)."""

    key: str
    signed_at: int


def nonce_of(app: int, workspace: str, nonce: str, signed_at: datetime) -> Nonce:
    """Return a request's nonce.

    Args:
        app: The app's primary key.
        workspace: The workspace's ID as the request names it.
        nonce: What the caller made.
        signed_at: The request's timestamp.
    """
    digest = hashlib.blake2b(digest_size=16)
    for part in (workspace, nonce):
        raw = part.encode("utf-8", "surrogatepass")
        digest.update(b"%d:%b" % (len(raw), raw))
    return Nonce(f"mps:nonce:{app}:{digest.hexdigest()}", int(signed_at.timestamp() * 1000))


def parse_timestamp(text: str) -> datetime | None:
    """Return the time that an ISO 8601 text (UTC) or milliseconds since 1970 say; None where it is neither."""
    try:
        if text.isascii() and text.isdigit() and len(text) <= 15:
            return datetime.fromtimestamp(int(text) / 1000, tz=UTC)
        parsed = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def is_fresh(moment: datetime) -> bool:
    """Return whether a timestamp is within `TOLERANCE` of now."""
    return abs(clock.now() - moment) <= TOLERANCE
