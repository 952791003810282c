"""A circuit breaker: after a time-out nobody waits for the same server again until a probe says that it answers."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

PROBE_SECONDS = 0.5


class CircuitBreaker:
    """Of one process and one server. `answers` asks the server, within a bounded time, and may not raise."""

    def __init__(self, answers: Callable[[], bool]) -> None:
        self._answers = answers
        self._lock = threading.Lock()
        self.is_open = False
        # A fork has none of its parent's threads, so nobody would close it there.
        os.register_at_fork(after_in_child=self._close)

    def trip(self) -> None:
        """Open it; a thread asks the server again and again, and closes it."""
        with self._lock:
            if self.is_open:
                return
            self.is_open = True
        threading.Thread(target=self._probe, name="store-probe", daemon=True).start()

    def _probe(self) -> None:
        while not self._answers():
            time.sleep(PROBE_SECONDS)
        self._close()

    def _close(self) -> None:
        self._lock = threading.Lock()
        self.is_open = False
