"""Measure the lag of the event loop, which every device of the node waits for."""

from __future__ import annotations

import asyncio
from collections import deque

INTERVAL_SECONDS = 0.05
KEPT = 1200


class LoopLag:
    """Samples of the last minute, in seconds."""

    def __init__(self) -> None:
        self._samples: deque[float] = deque(maxlen=KEPT)

    async def watch(self) -> None:
        """Sleep and sample how late the loop wakes up, forever."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + INTERVAL_SECONDS
            await asyncio.sleep(INTERVAL_SECONDS)
            self._samples.append(max(0.0, loop.time() - due))

    def p99(self) -> float:
        """Return the 99th percentile (nearest rank); 0 without samples."""
        ordered = sorted(self._samples)
        return ordered[int(0.99 * (len(ordered) - 1))] if ordered else 0.0
