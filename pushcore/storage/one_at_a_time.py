"""Periodic work in a worker's threads: each job takes one of them at most, so none keeps another from its turn."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable

_known: set[object] = set()


def one_at_a_time(work: Callable[[], None]) -> Callable[[], None]:
    """Let one thread of the process do the work; who comes meanwhile leaves at once.

    It is done once more then: what they came for may be newer than what the thread has looked at. An exception ends it
    all the same, and is the caller's whose run it was.
    """
    lock = threading.Lock()
    asked = threading.Event()

    @functools.wraps(work)
    def run() -> None:
        asked.set()
        while asked.is_set() and lock.acquire(blocking=False):
            try:
                asked.clear()
                work()
            finally:
                lock.release()

    _known.add(run)
    return run


def takes_one_thread(work: Callable[..., object]) -> bool:
    """Whether the work is done by one thread at a time."""
    return work in _known
