"""Time: the system's, or one that tests move."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol


class Clock(Protocol):
    """What the client asks of time."""

    def time(self) -> float:
        """Return the wall clock in seconds since 1970. It may be wrong, and may jump."""

    def monotonic(self) -> float:
        """Return seconds that only grow."""

    def block_seconds(self, seconds: float) -> float | None:
        """Return for how long to block until `seconds` have passed; None: until `on_advance` calls."""

    def on_advance(self, wake: Callable[[], None]) -> None:
        """Have a function called whenever time was moved by hand."""


class SystemClock:
    """The system's clock."""

    def time(self) -> float:
        """Return the wall clock in seconds since 1970."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds that only grow."""
        return time.monotonic()

    def block_seconds(self, seconds: float) -> float | None:
        """Return `seconds`: real time passes by itself."""
        return seconds

    def on_advance(self, wake: Callable[[], None]) -> None:
        """Do nothing: this clock is never moved by hand."""


class ManualClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, now: float | None = None) -> None:
        """Stop the clock.

        Args:
            now: What the wall clock shows, in seconds since 1970; the system's time by default.
        """
        self._now = time.time() if now is None else now
        self._elapsed = 0.0
        self._wakers: list[Callable[[], None]] = []
        self._lock = threading.Lock()

    def time(self) -> float:
        """Return the wall clock in seconds since 1970."""
        return self._now

    def monotonic(self) -> float:
        """Return the seconds by which the clock was moved."""
        return self._elapsed

    def block_seconds(self, seconds: float) -> float | None:
        """Return None: this clock moves only by `advance`."""
        return None

    def on_advance(self, wake: Callable[[], None]) -> None:
        """Have a function called whenever the clock was moved."""
        with self._lock:
            self._wakers.append(wake)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        with self._lock:
            self._now += seconds
            self._elapsed += seconds
            wakers = list(self._wakers)
        for wake in wakers:
            wake()

    def set_time(self, now: float) -> None:
        """Set the wall clock, as a user or NTP does; no time passes."""
        self._now = now
