"""Remembering ids for a while, within bounds of time and number."""

from __future__ import annotations

import time
from collections.abc import Hashable


class RecentIds:
    """A set of ids that forgets: each after `seconds` (at most twice that), the oldest beyond `limit`.

    Two generations instead of a time per id: adding and asking cost one set operation each.
    """

    def __init__(self, *, seconds: float, limit: int) -> None:
        self._seconds = seconds
        self._limit = limit
        self._young: set[Hashable] = set()
        self._old: set[Hashable] = set()
        self._turned = time.monotonic()

    def __contains__(self, item: Hashable) -> bool:
        return item in self._young or item in self._old

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def add(self, item: Hashable) -> None:
        now = time.monotonic()
        if now - self._turned > self._seconds or len(self._young) * 2 >= self._limit:
            self._old, self._young, self._turned = self._young, set(), now
        self._young.add(item)

    def clear(self) -> None:
        self._young, self._old = set(), set()
