"""The time in which a node could hear its devices."""

from __future__ import annotations

import asyncio
import time

# How old the time may be that a packet is stamped with.
TICK_SECONDS = 0.1
# A tick that comes later than that counts as if it were in time: the process was stopped, or kept from the processor.
LATE_SECONDS = 1.0


class LoopClock:
    """Seconds. It is moved on by ticks, so that a packet is stamped without asking the system and idle sessions share
    one number; and it stands still while the process does, so that no device is taken for silent after that."""

    __slots__ = ("_ticked_at", "now")

    def __init__(self) -> None:
        self.now = 0.0
        self._ticked_at = time.monotonic()

    def tick(self) -> None:
        ticked_at, self._ticked_at = self._ticked_at, time.monotonic()
        passed = self._ticked_at - ticked_at
        self.now += passed if passed <= LATE_SECONDS else TICK_SECONDS

    async def run(self) -> None:
        """Tick as long as the node lives."""
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self.tick()
