"""A circuit breaker: after a time-out, calls fail at once until a probe finds that the server answers."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

PROBE_SECONDS = 0.5


class CircuitBreaker:
    """The circuit breaker of one server in one process.

    `answers` probes the server within a bounded time and must not raise.
    """

    def __init__(self, answers: Callable[[], bool]) -> None:
        self._answers = answers
        self._lock = threading.Lock()
        self.is_open = False
        # A forked process has none of its parent's threads, so nothing would close the breaker there.
        os.register_at_fork(after_in_child=self._close)

    def trip(self) -> None:
        """Open the breaker, and start a thread that probes the server until it answers, then closes the breaker."""
        with self._lock:
            if self.is_open:
                return
            self.is_open = True
        threading.Thread(target=self._probe, name="valkey-probe", daemon=True).start()

    def _probe(self) -> None:
        while not self._answers():
            time.sleep(PROBE_SECONDS)
        self._close()

    def _close(self) -> None:
        self._lock = threading.Lock()
        self.is_open = False
