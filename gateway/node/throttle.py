"""Delay the refusals of addresses that fail to log in again and again."""

from __future__ import annotations

import time
from collections import OrderedDict

from pushcore.backoff import exponential_backoff
from pushcore.security.proxies import source_network

FREE_FAILURES = 5
FIRST_DELAY_SECONDS = 0.2
LONGEST_DELAY_SECONDS = 5.0
FORGET_SECONDS = 60.0
MAX_ADDRESSES = 10_000


class FailureThrottle:
    """Counts failures by address and computes how long a refusal is delayed. The oldest addresses are forgotten."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def failed(self, address: str) -> float:
        """Count a failure; return the seconds to delay its refusal, doubled with each beyond the first few."""
        now, key = time.monotonic(), source_network(address)
        count, last = self._failures.pop(key, (0, now))
        count = 1 if now - last > FORGET_SECONDS else count + 1
        self._failures[key] = (count, now)
        if len(self._failures) > MAX_ADDRESSES:
            self._failures.popitem(last=False)
        if count <= FREE_FAILURES:
            return 0.0
        return exponential_backoff(count - FREE_FAILURES, first=FIRST_DELAY_SECONDS, longest=LONGEST_DELAY_SECONDS)
