"""Credentials that vendors give for a while: kept in Valkey, sealed, and fetched by one process for all."""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Callable

import redis
from cryptography.fernet import InvalidToken

from channels_vendor.base import sentences
from channels_vendor.base.contract import CannotAuthorise
from pushcore.security import crypto
from pushcore.storage.valkey import ValkeyDown, client

# Renewed so long before its end (at most half its life).
RENEW_AHEAD_SECONDS = 300.0
LOCK_SECONDS = 30
_PATIENCE_SECONDS = 15.0


class SharedCredential:
    """The credential of one account, shared by all processes.

    Args:
        identity: Names the account, and changes with its secrets.
        clock: Seconds since 1970.
    """

    def __init__(self, identity: str, *, clock: Callable[[], float] = time.time) -> None:
        self._key = f"mps:vendor:token:{hashlib.sha256(identity.encode()).hexdigest()[:40]}"
        self._clock = clock
        self._known: tuple[str, float] = ("", 0.0)

    def get(self, fetch: Callable[[], tuple[str, float]], *, refused: str = "") -> str:
        """Return the credential from memory, from Valkey, or a new one (`CredentialSource.get`).

        Without Valkey each process fetches its own.

        Raises:
            CannotAuthorise: `fetch` did, or another process has been fetching for too long.
        """
        if (held := self._usable(self._known, refused)) is not None:
            return held
        try:
            return self._shared(fetch, refused)
        except ValkeyDown:
            return self._renew(fetch)

    def _shared(self, fetch: Callable[[], tuple[str, float]], refused: str) -> str:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        lock = client().lock(f"{self._key}:lock", timeout=LOCK_SECONDS, sleep=0.05)
        while time.monotonic() < deadline:
            if (held := self._usable(self._read(), refused)) is not None:
                return held
            if lock.acquire(blocking_timeout=1):
                try:
                    if (held := self._usable(self._read(), refused)) is not None:
                        return held
                    return self._renew(fetch)
                finally:
                    with contextlib.suppress(redis.exceptions.LockError, *ValkeyDown):
                        lock.release()
        raise CannotAuthorise(sentences.FETCHED_TOO_LONG, permanent=False)

    def _usable(self, held: tuple[str, float], refused: str) -> str | None:
        credential, renew_at = held
        return credential if credential and credential != refused and self._clock() < renew_at else None

    def _renew(self, fetch: Callable[[], tuple[str, float]]) -> str:
        credential, life = fetch()
        keep = max(1.0, life - min(RENEW_AHEAD_SECONDS, life / 2))
        self._known = (credential, self._clock() + keep)
        sealed = crypto.encrypt(json.dumps(self._known))
        with contextlib.suppress(*ValkeyDown):
            client().set(self._key, sealed, ex=max(1, int(keep)))
        return credential

    def _read(self) -> tuple[str, float]:
        raw = client().get(self._key)
        if not isinstance(raw, bytes):
            return ("", 0.0)
        try:
            credential, renew_at = json.loads(crypto.decrypt(raw.decode()))
        except (InvalidToken, ValueError):
            return ("", 0.0)
        self._known = (str(credential), float(renew_at))
        return self._known


class StaticCredential:
    """For vendors whose credential never runs out: nothing is kept."""

    def get(self, fetch: Callable[[], tuple[str, float]], *, refused: str = "") -> str:
        """Return what `fetch` returns."""
        return fetch()[0]
