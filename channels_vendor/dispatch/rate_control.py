"""How much may be sent to a vendor now.

A rate shared by all workers, a circuit breaker for a vendor that is down, and the pause a vendor asked for. All live in
Valkey and may be lost with it: then sending starts afresh.
"""

from __future__ import annotations

import contextlib
import math

from pushcore.backoff import exponential_backoff
from pushcore.storage.token_bucket import TokenBucket
from pushcore.storage.valkey import ValkeyDown, client

BURST_SECONDS = 1.0
# So many batches in a row without a usable answer open the breaker; while it is open nothing is sent.
OPENS_AFTER = 3
FIRST_OPEN_SECONDS = 5
LONGEST_OPEN_SECONDS = 300
_FORGET_SECONDS = 900


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
