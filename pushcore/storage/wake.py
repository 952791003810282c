"""Having a Celery task run now that would run by itself a little later."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import redis
import structlog
from celery import current_app
from kombu.exceptions import OperationalError

from pushcore.storage.valkey import client

log = structlog.get_logger(__name__)


def wake_task(task: str, args: Sequence[Any] = (), **options: Any) -> bool:
    """Send the task; False where the broker is away, for then its periodic run does the same. Never waits long."""
    try:
        # The broker's own connection would wait for a store that hangs.
        client().ping()
        current_app.send_task(task, args=list(args), retry=False, **options)
    except (OperationalError, redis.RedisError, OSError) as error:
        log.warning("a task could not be sent; its periodic run follows", task=task, error=type(error).__name__)
        return False
    return True
