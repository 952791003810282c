"""The fast store (Valkey or Redis): a bus and a cache, never the truth. Every key starts with `mps:`."""

from __future__ import annotations

from functools import lru_cache

import redis
from django.conf import settings

# What a caller catches where the service must go on without the bus.
BusDown = (redis.ConnectionError, redis.TimeoutError)


@lru_cache(maxsize=1)
def client() -> redis.Redis:
    """The process's client; its pool is safe between threads. Answers are bytes."""
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_connect_timeout=2, socket_timeout=5, health_check_interval=30, max_connections=64
    )
