"""Rate limits: so many calls a second for each caller, counted in the fast store for all processes together.

A token bucket, kept as one key a caller: a burst of two seconds' worth, then the rate. One round trip, atomic; the
nonce of a request is taken on the same trip.
"""

from __future__ import annotations

import math
from functools import lru_cache

import redis
from django.conf import settings
from redis.commands.core import Script

from pushcore.api.replay import Nonce
from pushcore.bus import client

BURST_SECONDS = 2.0

# KEYS: the bucket, and the nonce if there is one. ARGV: rate (tokens/s), burst (tokens), the nonce's seconds to live.
# Returns 0 when a token was taken, else the wait in ms; -1 where the nonce was taken before, and no token then.
_TAKE = """
if KEYS[2] and not redis.call('SET', KEYS[2], 1, 'NX', 'EX', ARGV[3]) then return -1 end
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


class UsedNonceError(Exception):
    """The nonce was taken before."""


@lru_cache(maxsize=1)
def _take_script(bus: redis.Redis) -> Script:
    """The script, known to the store by its hash (and sent again where the store forgot it)."""
    return bus.register_script(_TAKE)


def take(caller: str, nonce: Nonce | None = None) -> None:
    """Take one call from the caller's bucket, and its nonce before.

    Raises `UsedNonceError`, `ThrottledError`, and `BusDown` where nothing can be counted.
    """
    rate = settings.API_RATE_PER_SECOND
    keys, arguments = [f"mps:rate:{caller}"], [rate, max(1.0, rate * BURST_SECONDS)]
    if nonce is not None:
        keys.append(nonce.key)
        arguments.append(nonce.seconds)
    wait = int(_take_script(client())(keys, arguments))
    if wait < 0:
        raise UsedNonceError
    if wait:
        raise ThrottledError(max(1, math.ceil(wait / 1000)))
