"""A node's asynchronous connections to Valkey, and whether Valkey was lost."""

from __future__ import annotations

from typing import Any

import redis.asyncio
import structlog
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

COMMAND_SECONDS = 2.0


class Outage:
    """Whether Valkey was unavailable since lease and presence were last written."""

    def __init__(self) -> None:
        self.is_open = False

    def note(self, error: RedisError) -> None:
        """Note that a command failed."""
        if not self.is_open:
            log.warning("Valkey is unavailable; devices stay connected", error=type(error).__name__)
        self.is_open = True


def connect(redis_url: str, answer_seconds: float = 0.0) -> Any:
    """Return a client that retries once, for a pooled connection may be dead; further retries are the callers'.

    Args:
        redis_url: The server's URL.
        answer_seconds: How long an answer is waited for; `COMMAND_SECONDS` if 0.
    """
    return redis.asyncio.Redis.from_url(
        redis_url,
        socket_connect_timeout=COMMAND_SECONDS,
        socket_timeout=answer_seconds or COMMAND_SECONDS,
        retry=Retry(NoBackoff(), 1),
    )
