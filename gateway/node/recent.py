"""Remembering ids for a while, within bounds of time and number."""

from __future__ import annotations

import math
import time
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class RecentIds:
    """A set of ids that forgets: each after `seconds` (at most twice that), the oldest beyond `limit`.

    Two generations instead of a time per id: adding and asking cost a set operation or two. Its owner calls `turn` now
    and then, for it looks at the clock only there, and may add to `young` itself where each microsecond counts.
    """

    def __init__(self, *, seconds: float, limit: int) -> None:
        self.young: set[Hashable] = set()
        self.old: set[Hashable] = set()
        self._seconds = seconds
        self._most = max(1, limit // 2)
        self._turned = time.monotonic()
        # All that was added since then (`time.monotonic`) is remembered.
        self.complete_since = -math.inf

    def __contains__(self, item: Hashable) -> bool:
        return item in self.young or item in self.old

    def __len__(self) -> int:
        return len(self.young) + len(self.old)

    def add(self, item: Hashable) -> None:
        self.young.add(item)
        if len(self.young) >= self._most:
            self._forget()

    def discard(self, item: Hashable) -> None:
        self.young.discard(item)
        self.old.discard(item)

    def turn(self) -> None:
        """Forget what is old enough, or too much."""
        if time.monotonic() - self._turned > self._seconds or len(self.young) >= self._most:
            self._forget()

    def clear(self) -> None:
        self.young, self.old = set(), set()

    def _forget(self) -> None:
        if self.old:
            self.complete_since = self._turned
        self.old, self.young, self._turned = self.young, set(), time.monotonic()


class RecentByDevice(Generic[T]):
    """Things kept by device id, forgotten as `RecentIds` forgets."""

    def __init__(self, *, seconds: float, limit: int) -> None:
        self._young: dict[int, T] = {}
        self._old: dict[int, T] = {}
        self._seconds = seconds
        self._most = max(1, limit // 2)
        self._turned = time.monotonic()

    def keep(self, device_id: int, what: T) -> None:
        self._young[device_id] = what
        if len(self._young) >= self._most:
            self._forget()

    def take(self, device_id: int) -> T | None:
        """What is kept of the device, which is kept no longer."""
        old = self._old.pop(device_id, None)
        return self._young.pop(device_id, old)

    def turn(self) -> None:
        """Forget what is old enough."""
        if time.monotonic() - self._turned > self._seconds:
            self._forget()

    def _forget(self) -> None:
        self._old, self._young, self._turned = self._young, {}, time.monotonic()
