"""Remember ids for a while, bounded in time and number."""

from __future__ import annotations

import math
import time
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class RecentIds:
    """A set that forgets each id after `seconds` (at most twice that), and the oldest beyond `limit`.

    Ids are kept in two generations instead of with a time for each, so adding and looking up cost a set operation or
    two. The owner calls `rotate` now and then, and may use `current` and `previous` directly on hot paths.
    """

    def __init__(self, *, seconds: float, limit: int) -> None:
        self.current: set[Hashable] = set()
        self.previous: set[Hashable] = set()
        self._seconds = seconds
        self._generation_limit = max(1, limit // 2)
        self._rotated_at = time.monotonic()
        # Every id added since then (by `time.monotonic`) is remembered.
        self.complete_since = -math.inf

    def __contains__(self, item: Hashable) -> bool:
        return item in self.current or item in self.previous

    def __len__(self) -> int:
        return len(self.current) + len(self.previous)

    def add(self, item: Hashable) -> None:
        """Remember an id."""
        self.current.add(item)
        if len(self.current) >= self._generation_limit:
            self._start_generation()

    def discard(self, item: Hashable) -> None:
        """Forget an id."""
        self.current.discard(item)
        self.previous.discard(item)

    def rotate(self) -> None:
        """Start a generation if the current one is old enough or full."""
        if time.monotonic() - self._rotated_at > self._seconds or len(self.current) >= self._generation_limit:
            self._start_generation()

    def clear(self) -> None:
        """Forget everything."""
        self.current, self.previous = set(), set()

    def _start_generation(self) -> None:
        if self.previous:
            self.complete_since = self._rotated_at
        self.previous, self.current, self._rotated_at = self.current, set(), time.monotonic()


class RecentByDevice(Generic[T]):
    """Values by device id, forgotten as `RecentIds` forgets."""

    def __init__(self, *, seconds: float, limit: int) -> None:
        self._current: dict[int, T] = {}
        self._previous: dict[int, T] = {}
        self._seconds = seconds
        self._generation_limit = max(1, limit // 2)
        self._rotated_at = time.monotonic()

    def put(self, device_id: int, value: T) -> None:
        """Remember a device's value."""
        self._current[device_id] = value
        if len(self._current) >= self._generation_limit:
            self._start_generation()

    def pop(self, device_id: int) -> T | None:
        """Remove and return a device's value."""
        previous = self._previous.pop(device_id, None)
        return self._current.pop(device_id, previous)

    def rotate(self) -> None:
        """Start a generation if the current one is old enough."""
        if time.monotonic() - self._rotated_at > self._seconds:
            self._start_generation()

    def _start_generation(self) -> None:
        self._previous, self._current, self._rotated_at = self._current, {}, time.monotonic()
