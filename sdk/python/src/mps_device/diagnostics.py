"""A bounded log of what the client did, free of secrets, for support and for the app's developers."""

from __future__ import annotations

import logging
import threading
from collections import deque
from datetime import UTC, datetime

from mps_device.clock import Clock

MAX_LINES = 200


class Diagnostics:
    """Keeps the latest lines, and passes them to a logger. What is logged never holds keys, secrets or contents."""

    def __init__(self, clock: Clock, logger: logging.Logger) -> None:
        self._clock = clock
        self._logger = logger
        self._lines: deque[str] = deque(maxlen=MAX_LINES)
        self._lock = threading.Lock()

    def note(self, text: str, *, warning: bool = False) -> None:
        """Add a line; a warning is something that the app should act on."""
        at = datetime.fromtimestamp(self._clock.time(), tz=UTC).isoformat(timespec="milliseconds")
        with self._lock:
            self._lines.append(f"{at} {text}")
        self._logger.log(logging.WARNING if warning else logging.INFO, "%s", text)

    def lines(self) -> list[str]:
        """Return the latest lines, oldest first."""
        with self._lock:
            return list(self._lines)
