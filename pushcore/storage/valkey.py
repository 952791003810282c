"""The client of Valkey (or Redis): a bus and a cache, never the source of truth. Every key starts with `mps:`.

Valkey is unavailable in three ways, all of which raise `ValkeyDown`: it cannot be reached; it answers and refuses
writes (its disk or memory is full, a failover made it a replica); it hangs, and then calls fail at once after the first
time-out (`pushcore.storage.circuit_breaker`).
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

# What to catch where the service must go on without Valkey.
ValkeyDown = (redis.ConnectionError, redis.TimeoutError)

CONNECT_SECONDS = 2
ANSWER_SECONDS = 2
PROBE_ANSWER_SECONDS = 1

# Codes of temporary errors (https://valkey.io/topics/errors, server.c `createSharedObjects`). An error of a script
# begins with its code since Redis 7 and holds it in the text before that.
_NOT_NOW = r"(?:MISCONF|OOM|READONLY|NOREPLICAS|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY)"
_REFUSAL = re.compile(rf"^{_NOT_NOW} | -{_NOT_NOW} ")


class ValkeyRefusesError(redis.ConnectionError):
    """Valkey answers and refuses the command for now."""


class ValkeyTimeoutError(redis.ConnectionError):
    """Valkey did not answer in time lately, so the command was not sent."""


class ErrorParser(DefaultParser):  # type: ignore[misc,valid-type]  # redis chooses it at import
    """A response parser that raises `ValkeyRefusesError` for every temporary error.

    redis-py has some of these codes as classes of their own and others as none.
    """

    @classmethod
    def parse_error(cls, response: str) -> Exception:
        """Return the exception for an error response."""
        if _REFUSAL.search(response):
            return ValkeyRefusesError(response)
        error: Exception = super().parse_error(response)
        return error


class _Guarded:
    """Send nothing while the circuit breaker is open."""

    breaker: CircuitBreaker

    @contextmanager
    def _guard(self) -> Iterator[None]:
        if self.breaker.is_open:
            raise ValkeyTimeoutError("Valkey did not answer in time; it is probed until it does")
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
    """A thread-safe client behind a circuit breaker. Answers are bytes."""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send a command.

        Raises:
            ValkeyDown: Valkey is unavailable.
        """
        with self._guard():
            return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]

    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> Any:
        """Return a pipeline behind the same circuit breaker."""
        pipeline = _GuardedPipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)
        pipeline.breaker = self.breaker
        return pipeline


def connect(url: str) -> ValkeyClient:
    """Return a client of the server at `url`, with a circuit breaker of its own."""
    valkey = ValkeyClient.from_url(
        url,
        parser_class=ErrorParser,
        socket_connect_timeout=CONNECT_SECONDS,
        socket_timeout=ANSWER_SECONDS,
        # One retry at once, for a pooled connection may have been closed meanwhile; none after a time-out.
        retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
        health_check_interval=30,
        max_connections=64,
    )
    assert isinstance(valkey, ValkeyClient)
    valkey.breaker = CircuitBreaker(lambda: _answers(url))
    return valkey


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
    """Return the client of this process (`REDIS_URL`)."""
    return connect(settings.REDIS_URL)
