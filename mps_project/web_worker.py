"""The web server's worker: gunicorn's threads, with connections spread evenly over the processes.

Connections are kept alive, so where one begins it stays. Left to chance, one process would take most of a backend's
connections while the others idle: whoever is awake accepts. Here a process leaves a new connection to a sibling that
has fewer.
"""

from __future__ import annotations

import mmap
import time
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

# How long a new connection waits for the sibling that should take it. One that does not is busy or stuck: nothing more
# is left to it for a while.
PATIENCE_SECONDS = 0.02
DISTRUST_SECONDS = 1.0
_PAUSE_SECONDS = 0.0005
_SLOTS = 256

# Connections of each accepting process, plus one; 0: none there. In memory that is shared with the processes forked.
_connections = memoryview(mmap.mmap(-1, 4 * _SLOTS)).cast("I")


class WebWorker(ThreadWorker):
    """A `ThreadWorker` whose processes know how many connections each has."""

    _count = 0
    _waits_since: float | None = None
    _distrusts_until = 0.0

    @property
    def _slot(self) -> int:
        return int(self.age % _SLOTS)

    @property
    def nr_conns(self) -> int:
        return self._count

    @nr_conns.setter
    def nr_conns(self, count: int) -> None:
        self._count = count
        self._tell()

    def _tell(self) -> None:
        _connections[self._slot] = self._count + 1 if getattr(self, "_accepting", False) else 0

    def set_accept_enabled(self, enabled: bool) -> None:
        super().set_accept_enabled(enabled)
        self._tell()

    def accept(self, listener: Any) -> None:
        """Accept, unless a sibling should. The listener stays readable: we are asked again at once."""
        if self._leaves_it():
            time.sleep(_PAUSE_SECONDS)
        else:
            super().accept(listener)

    def _leaves_it(self) -> bool:
        fewest = min((count - 1 for count in _connections if count), default=0)
        now = time.monotonic()
        if self._count <= fewest or now < self._distrusts_until:
            self._waits_since = None
            return False
        self._waits_since = self._waits_since or now
        if now - self._waits_since < PATIENCE_SECONDS:
            return True
        self._waits_since, self._distrusts_until = None, now + DISTRUST_SECONDS
        return False

    def gone(self) -> None:
        """Called in the parent when the process has ended, however."""
        _connections[self._slot] = 0
