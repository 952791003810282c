"""Valkey (Valkey or Redis): a bus and a cache, never the truth. Every key starts with `mps:`.

It is away in three ways, and all are `ValkeyDown`: it cannot be reached; it answers and refuses to write (its disk or
memory is full, a failover made it a replica); it hangs, and then nobody waits for it after the first time-out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.client import Pipeline
from redis.connection import DefaultParser
from redis.retry import Retry

from pushcore.storage.circuit_breaker import CircuitBreaker

# What a caller catches where the service must go on without the bus.
ValkeyDown = (redis.ConnectionError, redis.TimeoutError)

CONNECT_SECONDS = 2
ANSWER_SECONDS = 2
PROBE_ANSWER_SECONDS = 1

# Codes of errors that say: not now (https://valkey.io/topics/errors, server.c `createSharedObjects`). An error within a
# script has its code at the beginning since Redis 7, before that in the text.
_NOT_NOW = r"(?:MISCONF|OOM|READONLY|NOREPLICAS|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY)"
_REFUSAL = re.compile(rf"^{_NOT_NOW} | -{_NOT_NOW} ")


class ValkeyRefusesError(redis.ConnectionError):
    """The store answers, and does not take what it is told. It may in a moment."""


class ValkeyTimeoutError(redis.ConnectionError):
    """The store did not answer lately, and was not asked."""


class ErrorParser(DefaultParser):  # type: ignore[misc,valid-type]  # redis chooses it at import
    """redis-py has the codes of refusals as many classes, or as none; here they are one, and a lost connection."""

    @classmethod
    def parse_error(cls, response: str) -> Exception:
        if _REFUSAL.search(response):
            return ValkeyRefusesError(response)
        error: Exception = super().parse_error(response)
        return error


class _Guarded:
    """Asks nothing while the store hangs."""

    breaker: CircuitBreaker

    @contextmanager
    def _guard(self) -> Iterator[None]:
        if self.breaker.is_open:
            raise ValkeyTimeoutError("Valkey did not answer in time; it is asked again when it does")
        try:
            yield
        except redis.TimeoutError:
            self.breaker.trip()
            raise


class _GuardedPipeline(_Guarded, Pipeline):
    def execute(self, raise_on_error: bool = True) -> list[Any]:
        with self._guard():
            return super().execute(raise_on_error)


class ValkeyClient(_Guarded, redis.Redis):
    """A client whose pool is safe between threads. Answers are bytes."""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        with self._guard():
            return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]

    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> Any:
        made = _GuardedPipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)
        made.breaker = self.breaker
        return made


def connect(url: str) -> ValkeyClient:
    """A client of the store at the address, with a breaker of its own."""
    made = ValkeyClient.from_url(
        url,
        parser_class=ErrorParser,
        socket_connect_timeout=CONNECT_SECONDS,
        socket_timeout=ANSWER_SECONDS,
        # Once more at once, for a kept connection may have been closed meanwhile; not after a time-out.
        retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
        health_check_interval=30,
        max_connections=64,
    )
    assert isinstance(made, ValkeyClient)
    made.breaker = CircuitBreaker(lambda: _answers(url))
    return made


def _answers(url: str) -> bool:
    probe = redis.Redis.from_url(
        url,
        socket_connect_timeout=PROBE_ANSWER_SECONDS,
        socket_timeout=PROBE_ANSWER_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
    try:
        return bool(probe.ping())
    except redis.RedisError:
        return False
    finally:
        probe.close()


@lru_cache(maxsize=1)
def client() -> ValkeyClient:
    """The process's client."""
    return connect(settings.REDIS_URL)
