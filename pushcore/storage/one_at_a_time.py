"""Run a periodic job in at most one thread of a worker, so that a slow job does not take the threads of others."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable

_decorated: set[object] = set()


def one_at_a_time(work: Callable[[], None]) -> Callable[[], None]:
    """Decorate a job so that one thread of the process runs it at a time; other callers return at once.

    A call that returned at once makes the running thread run the job once more afterwards, for what caused the call may
    be newer than what the job has read. An exception ends the run and is raised to its caller.
    """
    lock = threading.Lock()
    requested = threading.Event()

    @functools.wraps(work)
    def run() -> None:
        requested.set()
        while requested.is_set() and lock.acquire(blocking=False):
            try:
                requested.clear()
                work()
            finally:
                lock.release()

    _decorated.add(run)
    return run


def takes_one_thread(work: Callable[..., object]) -> bool:
    """Tell whether a job is decorated with `one_at_a_time`."""
    return work in _decorated
