"""Call functions in threads that close their database connections."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connections

T = TypeVar("T")

WAIT_SECONDS = 60


def in_background(work: Callable[[], object]) -> threading.Thread:
    """Start `work` in a thread, which closes its database connections; the caller joins it."""

    def run() -> None:
        try:
            work()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def at_once(count: int, work: Callable[[int], T]) -> list[T]:
    """Call `work(0)` to `work(count - 1)` in a thread each, started together; return their results in that order.

    Each thread closes its database connections. Raises what the first of them that fails raises.
    """
    start = threading.Barrier(count)

    def run(number: int) -> T:
        start.wait(WAIT_SECONDS)
        try:
            return work(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as threads:
        return [future.result(WAIT_SECONDS) for future in [threads.submit(run, number) for number in range(count)]]
