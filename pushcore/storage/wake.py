"""Run a periodic Celery task now instead of at its next interval."""

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
    """Send a periodic task to its queue now. Never waits long, never raises for an unavailable broker.

    Args:
        task: The task's name.
        args: Its arguments.
        options: Options of `celery.Celery.send_task`, such as `queue` and `expires`.

    Returns:
        False if the broker is unavailable; the task's periodic run then does the work.
    """
    try:
        # The broker's own connection would wait for a server that hangs.
        client().ping()
        current_app.send_task(task, args=list(args), retry=False, **options)
    except (OperationalError, redis.RedisError, OSError) as error:
        log.warning("task could not be queued; its periodic run does the work", task=task, error=type(error).__name__)
        return False
    return True
