"""Batch work: items that arrive within a few milliseconds are processed together."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import structlog

log = structlog.get_logger(__name__)

Item = TypeVar("Item")


class Batcher(Generic[Item]):
    """Collects items and passes them to `work` in lists of at most `size`, `delay` seconds after the first.

    At most `width` lists are processed at a time; the rest waits. Exceptions of `work` are logged.
    """

    def __init__(
        self, work: Callable[[list[Item]], Awaitable[None]], *, size: int, delay: float, width: int = 1
    ) -> None:
        self._work = work
        self._size = size
        self._delay = delay
        self._width = width
        self._waiting: deque[Item] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, item: Item) -> None:
        """Add an item to the next list."""
        self._waiting.append(item)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._delay, self._start)

    def _start(self) -> None:
        self._timer = None
        while self._waiting and len(self._running) < self._width:
            batch = [self._waiting.popleft() for _ in range(min(self._size, len(self._waiting)))]
            task = asyncio.get_running_loop().create_task(self._run(batch))
            self._running.add(task)
            task.add_done_callback(self._done)

    async def _run(self, batch: list[Item]) -> None:
        try:
            await self._work(batch)
        except Exception:  # a failed batch must not stop the following ones
            log.exception("a batch failed", size=len(batch))

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if self._waiting and self._timer is None:
            self._start()
