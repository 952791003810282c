"""Replays: a request is fresh for 15 minutes and its nonce is taken once."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

from django.utils import timezone

from pushcore.bus import client

TOLERANCE = timedelta(minutes=15)
# A nonce must outlive the time in which its timestamp is still accepted, early or late.
NONCE_SECONDS = int(2 * TOLERANCE.total_seconds()) + 60


def parse_timestamp(text: str) -> datetime | None:
    """An ISO 8601 time in UTC, or milliseconds since 1970; None where it is neither."""
    try:
        if text.isascii() and text.isdigit() and len(text) <= 15:
            return datetime.fromtimestamp(int(text) / 1000, tz=UTC)
        parsed = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def is_fresh(moment: datetime) -> bool:
    return abs(timezone.now() - moment) <= TOLERANCE


def nonce_key(owner: str, nonce: str) -> str:
    """Where the owner's nonce is kept in the store, for `NONCE_SECONDS`."""
    digest = hashlib.blake2b(nonce.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return f"mps:nonce:{owner}:{digest}"


def take_nonce(owner: str, nonce: str) -> bool:
    """Take the owner's nonce; False where it was taken before. Raises `BusDown`: without the store nothing is safe."""
    return bool(client().set(nonce_key(owner, nonce), 1, nx=True, ex=NONCE_SECONDS))
