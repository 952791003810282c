"""Rates and quotas: so many calls a second and a day for each caller, counted in the fast store for all processes.

The rate is a token bucket, one key a caller: a burst of two seconds' worth, then the rate. The quota is of the UTC day;
a store that was emptied counts from nothing. One round trip, atomic; the nonce of a request is taken on the same trip.
"""

from __future__ import annotations

import math
from functools import lru_cache

import redis
from django.conf import settings
from django.utils import timezone
from redis.commands.core import Script

from pushcore.api.replay import Nonce
from pushcore.bus import client

BURST_SECONDS = 2.0

# KEYS: the bucket, the day's count, and the nonce if there is one. ARGV: rate (tokens/s), burst (tokens), quota (calls
# a day, 0: none), seconds left of the day, the nonce's seconds to live. Returns 0 when the call is granted, else the
# wait in ms; -1 where the nonce was taken before, and nothing is counted then.
_TAKE = """
if KEYS[3] and not redis.call('SET', KEYS[3], 1, 'NX', 'EX', ARGV[5]) then return -1 end
local quota, left = tonumber(ARGV[3]), tonumber(ARGV[4])
if quota > 0 and tonumber(redis.call('GET', KEYS[2]) or 0) >= quota then return left * 1000 end
local now = redis.call('TIME')
now = tonumber(now[1]) + tonumber(now[2]) / 1000000
local rate, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = math.min(burst, (tonumber(kept[1]) or burst) + (now - (tonumber(kept[2]) or now)) * rate)
local wait = 0
if tokens >= 1 then tokens = tokens - 1 else wait = math.ceil((1 - tokens) / rate * 1000) end
redis.call('HSET', KEYS[1], 'tokens', tokens, 'at', now)
redis.call('EXPIRE', KEYS[1], math.ceil(burst / rate) + 1)
if quota > 0 and wait == 0 and redis.call('INCR', KEYS[2]) == 1 then redis.call('EXPIRE', KEYS[2], left) end
return wait
"""


class ThrottledError(Exception):
    """The caller is over its rate or quota. `retry_after`: whole seconds, at least 1."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"over rate or quota; again in {retry_after} s")
        self.retry_after = retry_after


class UsedNonceError(Exception):
    """The nonce was taken before."""


@lru_cache(maxsize=1)
def _take_script(bus: redis.Redis) -> Script:
    """The script, known to the store by its hash (and sent again where the store forgot it)."""
    return bus.register_script(_TAKE)


def take(caller: str, nonce: Nonce | None = None) -> None:
    """Take one call from the caller's bucket and day, and its nonce before.

    Raises `UsedNonceError`, `ThrottledError`, and `BusDown` where nothing can be counted.
    """
    rate = settings.API_RATE_PER_SECOND
    now = timezone.now()
    keys = [f"mps:rate:{caller}", f"mps:quota:{caller}:{now:%Y%m%d}"]
    left_of_day = 86_400 - (now.hour * 3600 + now.minute * 60 + now.second)
    arguments = [rate, max(1.0, rate * BURST_SECONDS), settings.API_QUOTA_PER_DAY, left_of_day]
    if nonce is not None:
        keys.append(nonce.key)
        arguments.append(nonce.seconds)
    wait = int(_take_script(client())(keys, arguments))
    if wait < 0:
        raise UsedNonceError
    if wait:
        raise ThrottledError(max(1, math.ceil(wait / 1000)))
