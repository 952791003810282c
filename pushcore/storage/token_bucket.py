"""Token buckets in Valkey: one rate limit for all processes.

A bucket is full at first, gives out its tokens, and refills at a fixed rate by Valkey's clock. Its key expires once it
would be full again, so a bucket nobody uses takes no memory, and an emptied Valkey starts with full buckets.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import redis
from redis.commands.core import Script

from pushcore.storage.valkey import client

# For scripts that take tokens together with other work. `now`: seconds by Valkey's clock. Returns how many of `wanted`
# tokens are granted, and how many are left, with a fraction.
TAKE_TOKENS = """
local now = redis.call('TIME')
now = tonumber(now[1]) + tonumber(now[2]) / 1000000

local function take_tokens(key, rate, size, wanted)
  local bucket = redis.call('HMGET', key, 'tokens', 'at')
  local tokens = math.min(size, (tonumber(bucket[1]) or size) + (now - (tonumber(bucket[2]) or now)) * rate)
  local granted = math.max(0, math.min(wanted, math.floor(tokens)))
  redis.call('HSET', key, 'tokens', tokens - granted, 'at', now)
  redis.call('EXPIRE', key, math.ceil(size / rate) + 1)
  return granted, tokens - granted
end
"""

# KEYS: buckets. ARGV: for each its rate (tokens a second), its size, and the tokens wanted. Returns the tokens granted.
_TAKE_EACH = (
    TAKE_TOKENS
    + """
local granted = {}
for i, key in ipairs(KEYS) do
  granted[i] = take_tokens(key, tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i]))
end
return granted
"""
)

# KEYS: a bucket. ARGV: tokens to put back. A bucket that has expired is full.
_GIVE_BACK = """
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HINCRBYFLOAT', KEYS[1], 'tokens', ARGV[1]) end
"""


class TokenBucket(NamedTuple):
    """A bucket of `size` tokens at a Valkey key, refilled with `rate` tokens a second."""

    key: str
    rate: float
    size: float

    def take(self, wanted: int) -> int:
        """Take up to `wanted` tokens and return how many were granted. Raises `ValkeyDown`."""
        return take_from_each([(self, wanted)])[0]

    def give_back(self, unused: int) -> None:
        """Put back tokens that were granted and not needed. Raises `ValkeyDown`."""
        if unused > 0:
            _script(client(), _GIVE_BACK)([self.key], [unused])


def take_from_each(wanted: Sequence[tuple[TokenBucket, int]]) -> list[int]:
    """Take tokens from several buckets in one round trip.

    Args:
        wanted: Each bucket with the tokens to take from it.

    Returns:
        The tokens granted of each, in order.

    Raises:
        ValkeyDown: Nothing was taken, as far as is known.
    """
    arguments = [number for bucket, count in wanted for number in (bucket.rate, bucket.size, count)]
    granted: list[int] = _script(client(), _TAKE_EACH)([bucket.key for bucket, _ in wanted], arguments)
    return granted


@lru_cache
def _script(valkey: redis.Redis, source: str) -> Script:
    """Return a script that is called by its hash and loaded again if Valkey lost it."""
    return valkey.register_script(source)
