"""How much may be sent to a vendor now.

A rate shared by all workers, a circuit breaker for a vendor that is down, and the pause a vendor asked for. All live in
Valkey and may be lost with it: then sending starts afresh.
"""

from __future__ import annotations

import contextlib
import math
from datetime import datetime
from typing import NamedTuple

from pushcore.backoff import exponential_backoff
from pushcore.storage import clock
from pushcore.storage.token_bucket import TokenBucket
from pushcore.storage.valkey import ValkeyDown, client

BURST_SECONDS = 1.0
# So many batches in a row without a usable answer open the breaker; while it is open nothing is sent.
OPENS_AFTER = 3
FIRST_OPEN_SECONDS = 5
LONGEST_OPEN_SECONDS = 300
_FORGET_SECONDS = 900
# For so long the time is known at which a vendor last took a message.
_ACCEPTED_SECONDS = 30 * 86_400


class RateStatus(NamedTuple):
    """What is known now of an account's sending.

    Attributes:
        paused: Seconds left of the pause that the vendor asked for.
        open: Seconds until a vendor that does not answer is tried again.
        used: The share of the account's rate that is in use, 0 to 1.
        accepted_at: When the vendor last took a message, None if not in 30 days.
    """

    paused: int = 0
    open: int = 0
    used: float = 0.0
    accepted_at: datetime | None = None


class RateControl:
    """The rate limit, circuit breaker and pause of one account."""

    def __init__(self, workspace_id: int, channel: int, rate: int) -> None:
        self._name = f"mps:vendor:%s:{workspace_id}:{channel}"
        self._bucket = TokenBucket(self._name % "bucket", rate, max(1.0, rate * BURST_SECONDS))

    def grant(self, wanted: int) -> int:
        """Return how many of `wanted` targets may be sent now.

        None in a pause or with an open breaker; one to try a vendor whose breaker has been open long enough.
        """
        try:
            paused, is_open, failures = client().mget(*(self._name % part for part in ("pause", "open", "failures")))
            if paused or is_open:
                return 0
            if int(failures or 0) >= OPENS_AFTER:
                # Half open: whoever comes first tries one; the others wait for what it finds.
                if not client().set(self._name % "open", 1, nx=True, ex=FIRST_OPEN_SECONDS):
                    return 0
                wanted = 1
            return self._bucket.take(wanted)
        except ValkeyDown:
            return wanted

    def give_back(self, unused: int) -> None:
        """Return what was granted and not needed."""
        with contextlib.suppress(*ValkeyDown):
            self._bucket.give_back(unused)

    def pause(self, seconds: float) -> None:
        """Pause as the vendor asked: only time ends it, and a shorter pause does not shorten it."""
        name, seconds = self._name % "pause", max(1, math.ceil(seconds))
        with contextlib.suppress(*ValkeyDown):
            if not client().set(name, 1, nx=True, ex=seconds):
                client().expire(name, seconds, gt=True)

    def note_accepted(self, at: datetime | None = None) -> None:
        """Note when the vendor took a message, now by default; for 30 days."""
        with contextlib.suppress(*ValkeyDown):
            client().set(self._name % "accepted", (at or clock.now()).isoformat(), ex=_ACCEPTED_SECONDS)

    def status(self) -> RateStatus | None:
        """Return what is known now, in one round trip; None while Valkey is unavailable."""
        try:
            with client().pipeline(transaction=False) as asked:
                asked.ttl(self._name % "pause").ttl(self._name % "open")
                asked.hmget(self._bucket.key, "tokens", "at").get(self._name % "accepted")
                paused, is_open, (tokens, at), accepted = asked.execute()
        except ValkeyDown:
            return None
        left = self._bucket.size
        if tokens is not None and at is not None:
            left = float(tokens) + max(0.0, clock.now().timestamp() - float(at)) * self._bucket.rate
        used = min(1.0, max(0.0, 1 - left / self._bucket.size))
        # A key that does not exist has a negative time to live.
        accepted_at = datetime.fromisoformat(accepted.decode()) if accepted else None
        return RateStatus(max(0, paused), max(0, is_open), used, accepted_at)

    def record(self, *, usable: bool) -> None:
        """Note whether a batch got usable answers: failures in a row open the breaker."""
        try:
            if usable:
                client().delete(self._name % "failures", self._name % "open")
                return
            failures = int(client().incr(self._name % "failures"))
            client().expire(self._name % "failures", _FORGET_SECONDS)
            if failures >= OPENS_AFTER:
                pause = exponential_backoff(
                    failures - OPENS_AFTER + 1, first=FIRST_OPEN_SECONDS, longest=LONGEST_OPEN_SECONDS
                )
                client().set(self._name % "open", 1, ex=int(pause))
        except ValkeyDown:
            return
