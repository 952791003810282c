"""The clock of keep alives: it stands still while the process does."""

from __future__ import annotations

import asyncio
import time

# How often the clock advances, and so how old a packet's time stamp may be.
TICK_SECONDS = 0.1
# A tick later than that counts as one in time: the process was stopped or starved.
LATE_SECONDS = 1.0


class LoopClock:
    """Monotonic seconds, advanced by ticks of the event loop.

    Packets are stamped without a system call and idle sessions share one number. The clock stands still while the
    process does, so that no device is taken for silent after a pause.
    """

    __slots__ = ("_ticked_at", "now")

    def __init__(self) -> None:
        self.now = 0.0
        self._ticked_at = time.monotonic()

    def tick(self) -> None:
        """Advance the clock by the time since the last tick."""
        ticked_at, self._ticked_at = self._ticked_at, time.monotonic()
        passed = self._ticked_at - ticked_at
        self.now += passed if passed <= LATE_SECONDS else TICK_SECONDS

    async def run(self) -> None:
        """Tick forever."""
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self.tick()
