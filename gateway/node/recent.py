"""Remember ids for a while, bounded in time and number."""

from __future__ import annotations

import math
import time
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class RecentIds:
    """A set that forgets each id after `seconds` (at most twice that), and the oldest beyond `limit`.

    Two generations replace a time for each id, so adding and looking up cost a set operation or two. The owner calls
    `rotate` now and then, the only place that reads the clock, and may add to `young` directly on hot paths.
    """

    def __init__(self, *, seconds: float, limit: int) -> None:
        self.young: set[Hashable] = set()
        self.old: set[Hashable] = set()
        self._seconds = seconds
        self._most = max(1, limit // 2)
        self._turned = time.monotonic()
        # Everything added since then (`time.monotonic`) is remembered.
        self.complete_since = -math.inf

    def __contains__(self, item: Hashable) -> bool:
        return item in self.young or item in self.old

    def __len__(self) -> int:
        return len(self.young) + len(self.old)

    def add(self, item: Hashable) -> None:
        """Remember an id."""
        self.young.add(item)
        if len(self.young) >= self._most:
            self._forget()

    def discard(self, item: Hashable) -> None:
        """Forget an id."""
        self.young.discard(item)
        self.old.discard(item)

    def rotate(self) -> None:
        """Forget the old generation if it is old enough, or the new one is full."""
        if time.monotonic() - self._turned > self._seconds or len(self.young) >= self._most:
            self._forget()

    def clear(self) -> None:
        """Forget everything."""
        self.young, self.old = set(), set()

    def _forget(self) -> None:
        if self.old:
            self.complete_since = self._turned
        self.old, self.young, self._turned = self.young, set(), time.monotonic()


class RecentByDevice(Generic[T]):
    """Values by device id, forgotten as `RecentIds` forgets."""

    def __init__(self, *, seconds: float, limit: int) -> None:
        self._young: dict[int, T] = {}
        self._old: dict[int, T] = {}
        self._seconds = seconds
        self._most = max(1, limit // 2)
        self._turned = time.monotonic()

    def keep(self, device_id: int, what: T) -> None:
        """Remember a device's value."""
        self._young[device_id] = what
        if len(self._young) >= self._most:
            self._forget()

    def take(self, device_id: int) -> T | None:
        """Remove and return a device's value."""
        old = self._old.pop(device_id, None)
        return self._young.pop(device_id, old)

    def rotate(self) -> None:
        """Forget the old generation if it is old enough."""
        if time.monotonic() - self._turned > self._seconds:
            self._forget()

    def _forget(self) -> None:
        self._old, self._young, self._turned = self._young, {}, time.monotonic()
