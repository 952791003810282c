"""Rate limits: so many calls a second for each caller, counted in the fast store for all processes together.

A token bucket, kept as one key a caller: a burst of two seconds' worth, then the rate. One round trip, atomic.
"""

from __future__ import annotations

import math

from django.conf import settings

from pushcore.bus import client

BURST_SECONDS = 2.0

# KEYS[1]: the bucket. ARGV: rate (tokens/s), burst (tokens). Returns 0 when a token was taken, else the wait in ms.
_TAKE = """
local now = redis.call('TIME')
now = tonumber(now[1]) + tonumber(now[2]) / 1000000
local rate, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = math.min(burst, (tonumber(kept[1]) or burst) + (now - (tonumber(kept[2]) or now)) * rate)
local wait = 0
if tokens >= 1 then tokens = tokens - 1 else wait = math.ceil((1 - tokens) / rate * 1000) end
redis.call('HSET', KEYS[1], 'tokens', tokens, 'at', now)
redis.call('EXPIRE', KEYS[1], math.ceil(burst / rate) + 1)
return wait
"""


class ThrottledError(Exception):
    """The caller is over its rate. `retry_after`: whole seconds, at least 1."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"over the rate; again in {retry_after} s")
        self.retry_after = retry_after


def take(caller: str) -> None:
    """Take one call from the caller's bucket. Raises `ThrottledError`, and `BusDown` where nothing can be counted."""
    rate = settings.API_RATE_PER_SECOND
    wait = client().eval(_TAKE, 1, f"mps:rate:{caller}", rate, max(1.0, rate * BURST_SECONDS))
    if wait:
        raise ThrottledError(max(1, math.ceil(int(str(wait)) / 1000)))
