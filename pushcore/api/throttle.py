"""Rates and quotas: so many calls a second and a day for each caller, counted in Valkey for all processes.

The rate is a token bucket, one key a caller: a burst of two seconds' worth, then the rate. The quota is of the UTC day;
after Valkey was emptied both begin again. One round trip, atomic, for all the calls that come to a process at the
same time; the nonce of a request is taken on the same trip.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import redis
from django.conf import settings
from redis.commands.core import Script

from pushcore.api import replay_protection
from pushcore.api.replay_protection import Nonce
from pushcore.storage import clock
from pushcore.storage.group_commit import GroupCommit
from pushcore.storage.token_bucket import TAKE_TOKENS
from pushcore.storage.valkey import client

BURST_SECONDS = 2.0

# KEYS: the nonce epoch, the key that says it was checked lately; then for each call the bucket, the day's count, and
# the nonce, empty where there is none. ARGV: rate (tokens/s), burst (tokens), quota (calls a day, 0: none), seconds
# left of the day, a nonce's seconds to live; then for each call when it was signed (ms). Returns for each call 0 when
# it is granted, else the wait in ms; -1 where the nonce was taken before, -2 where it may have been taken before the
# epoch; then nothing is counted.
_TAKE = (
    TAKE_TOKENS
    + """
local rate, burst, quota, left = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])

local function nonce_epoch()
  local epoch = redis.call('HMGET', KEYS[1], 'since', 'run')
  local since = tonumber(epoch[1])
  if since and not redis.call('SET', KEYS[2], 1, 'NX', 'PX', 500) then return since end
  local server = redis.call('INFO', 'server')
  local run = string.match(server, 'run_id:(%x+)')
  if since and run == epoch[2] then return since end
  -- Without an epoch Valkey was emptied, nobody knows when; with another run's it was restarted, and may have lost
  -- the last nonces.
  local ago = since and tonumber(string.match(server, 'uptime_in_seconds:(%d+)')) or 0
  since = math.floor((now - ago) * 1000)
  redis.call('HSET', KEYS[1], 'since', string.format('%d', since), 'run', run)
  return since
end

local since = nonce_epoch()

local function take(bucket, day, nonce, signed)
  if nonce ~= '' then
    if tonumber(signed) < since then return -2 end
    if not redis.call('SET', nonce, 1, 'NX', 'EX', ARGV[5]) then return -1 end
  end
  if quota > 0 and tonumber(redis.call('GET', day) or 0) >= quota then return left * 1000 end
  local granted, tokens = take_tokens(bucket, rate, burst, 1)
  local wait = 0
  if granted == 0 then wait = math.ceil((1 - tokens) / rate * 1000) end
  if quota > 0 and wait == 0 and redis.call('INCR', day) == 1 then redis.call('EXPIRE', day, left) end
  return wait
end

local waits = {}
for i = 3, #KEYS, 3 do waits[#waits + 1] = take(KEYS[i], KEYS[i + 1], KEYS[i + 2], ARGV[5 + i / 3]) end
return waits
"""
)


class ThrottledError(Exception):
    """The caller is over its rate or quota. `retry_after`: whole seconds, at least 1."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"over rate or quota; again in {retry_after} s")
        self.retry_after = retry_after


class UsedNonceError(Exception):
    """The nonce was taken before."""


class ForgottenNonceError(Exception):
    """The request was signed before the nonce epoch: nobody knows whether its nonce was taken."""


@lru_cache(maxsize=1)
def _take_script(valkey: redis.Redis) -> Script:
    """Return the script, which is called by its hash, and sent again where Valkey does not know it."""
    return valkey.register_script(_TAKE)


def take(caller: str, nonce: Nonce | None = None) -> None:
    """Take a call's nonce, then count the call against the caller's rate and quota.

    Raises `UsedNonceError`, `ForgottenNonceError`, `ThrottledError`, and `ValkeyDown` where nothing can be counted.
    """
    wait = _group_commit.submit(_Attempt(caller, nonce))
    if wait is None:
        # Not tried again by itself: the nonce may have been taken, and would be refused.
        raise redis.ConnectionError("the calls that came together could not be counted")
    if wait == _USED:
        raise UsedNonceError
    if wait == _FORGOTTEN:
        raise ForgottenNonceError
    if wait:
        raise ThrottledError(max(1, math.ceil(wait / 1000)))


def ensure_nonce_epoch() -> None:
    """Set the nonce epoch to now where Valkey has none. Calls signed before it are refused, so it is set early.

    Raises:
        ValkeyDown: Valkey is away.
    """
    _take_all([])


_USED, _FORGOTTEN = -1, -2


class _Attempt(NamedTuple):
    caller: str
    nonce: Nonce | None


def _take_all(calls: Sequence[_Attempt]) -> list[int]:
    """Run the script for calls that came at the same time. Returns its result for each."""
    rate, now = settings.API_RATE_PER_SECOND, clock.now()
    left_of_day = 86_400 - (now.hour * 3600 + now.minute * 60 + now.second)
    arguments = [
        rate, max(1.0, rate * BURST_SECONDS), settings.API_QUOTA_PER_DAY, left_of_day, replay_protection.NONCE_SECONDS
    ]  # fmt: skip
    day = f"{now:%Y%m%d}"
    keys = [replay_protection.EPOCH_KEY, replay_protection.EPOCH_CHECKED_KEY]
    for caller, nonce in calls:
        keys += [f"mps:rate:{caller}", f"mps:quota:{caller}:{day}", nonce.key if nonce else ""]
        arguments.append(nonce.signed_at if nonce else 0)
    waits: list[int] = _take_script(client())(keys, arguments)
    return waits


_group_commit = GroupCommit(_take_all, size=lambda _: 1, limit=100)
