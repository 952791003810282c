"""A node's asynchronous connections to Valkey, and whether Valkey may have lost what the node wrote."""

from __future__ import annotations

from typing import Any

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

COMMAND_SECONDS = 2.0


class LossMarker:
    """Whether Valkey failed since the node last wrote its lease and presence, and so may have lost them."""

    def __init__(self) -> None:
        self.is_marked = False

    def mark(self) -> None:
        """Note that a command failed, or that the lease is gone."""
        self.is_marked = True

    def clear(self) -> None:
        """Note that lease and presence are being written again."""
        self.is_marked = False


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
