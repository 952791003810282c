"""How many receipts an endpoint gets at once, and when it is left alone: learnt from how it answers.

The window grows while answers come as fast as the fastest of late: twice as many each round at first, then one more.
Where they take longer the more are under way, they queue at the backend, and the window stops there (TCP Vegas,
https://doi.org/10.1109/49.464716). No answer, a 5xx or a 429 halves it; several in a row pause the endpoint, after
which one receipt tries.
"""

from __future__ import annotations

from math import inf

FIRST_WINDOW = 2.0
MOST = 64
# Calls that wait at the backend beside those it works on: fewer and the window grows, more and it shrinks.
FEW_QUEUED, MANY_QUEUED = 2.0, 4.0
# Of a large window a share: what networks and machines add by chance is no queue.
FEW_SHARE, MANY_SHARE = 0.15, 0.3
# An answer that took so long, and longer than the fastest by that factor, says that fewer are to be under way: calls
# time out soon. One that took half as long says that no more are. A backend that always takes its time is not told off.
SLOW_SECONDS, SLOWED = 4.0, 1.5
# The fastest answer is that of the last one to two periods, each so long or so many answers' time: a backend may become
# slower for good. A period begins with a round of few calls, for what always waits is not seen to wait (as BBR does,
# https://doi.org/10.1145/3012426.3022184).
PERIOD_SECONDS, PERIOD_ANSWERS = 15.0, 20.0
PROBE_SHARE = 1 / 8
# The weight of an answer in the average of late: 1/8, as in RFC 6298.
_WEIGHT = 0.125

PAUSE_AFTER = 3
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0


class Pace:
    """Of one endpoint. Times are of one monotonic clock, in seconds."""

    def __init__(self) -> None:
        self.window = FIRST_WINDOW
        # While a period begins: the window to return to, and the answers until then.
        self._resume, self._probe_answers = FIRST_WINDOW, 0
        self._begins = True
        self._usual = 0.0
        self._fastest = self._fastest_before = inf
        self._period_began = -inf
        self._failures = 0
        self._cut_at = -inf
        self._paused_until = -inf

    def room(self, under_way: int, now: float) -> int:
        """How many more it may be given now; after a pause one, to try it."""
        if now < self._paused_until:
            return 0
        most = 1 if self._failures >= PAUSE_AFTER else int(self.window)
        return max(0, most - under_way)

    @property
    def fails(self) -> bool:
        """Whether it has given no usable answer for a while."""
        return self._failures >= PAUSE_AFTER

    def answered(self, seconds: float, under_way: int, now: float, unseen: float = 0.0) -> None:
        """An answer that tells that the backend is well. `under_way`: calls before it came, itself included. `unseen`:
        so long of its seconds it may have been here already, with nobody looking."""
        self._failures = 0
        self._note(seconds, now, unseen)
        if self._probe_answers:
            self._probe_answers -= 1
            self.window = self.window if self._probe_answers else self._resume
            return
        # While it doubles, each answer counts by itself: the average would come too late.
        took = max(seconds - unseen, self._usual) if self._begins else self._usual
        queued = self.window * (1.0 - self._fastest_of_late / took) if took > 0 else 0.0
        slowed_to = seconds if seconds > SLOWED * self._fastest_of_late else 0.0
        if queued > max(MANY_QUEUED, MANY_SHARE * self.window) or slowed_to > SLOW_SECONDS:
            self._begins = False
            self.window = max(1.0, self.window - 1.0 / self.window)
        elif queued > max(FEW_QUEUED, FEW_SHARE * self.window) or slowed_to > SLOW_SECONDS / 2:
            self._begins = False
        elif under_way >= self.window / 2:
            self.window = min(float(MOST), self.window + (1.0 if self._begins else 1.0 / self.window))

    def failed(self, started_at: float, now: float, pause: float = 0.0) -> None:
        """No usable answer to a call that began at `started_at`. `pause`: seconds the backend asked for."""
        self._failures += 1
        self._begins, self._probe_answers = False, 0
        if started_at > self._cut_at:  # once for all that were under way together
            self._cut_at = now
            self.window = max(1.0, self.window / 2)
        if self._failures >= PAUSE_AFTER:
            steps = min(self._failures - PAUSE_AFTER, 10)
            pause = max(pause, FIRST_PAUSE_SECONDS * 2**steps)
        self._paused_until = max(self._paused_until, now + min(pause, LONGEST_PAUSE_SECONDS))

    @property
    def _fastest_of_late(self) -> float:
        return min(self._fastest, self._fastest_before)

    def _note(self, seconds: float, now: float, unseen: float) -> None:
        if now - self._period_began > max(PERIOD_SECONDS, PERIOD_ANSWERS * self._usual):
            if self._usual:
                # Those that are under way, and a round after them.
                self._resume, self.window = self.window, max(1.0, self.window * PROBE_SHARE)
                self._probe_answers = int(self._resume + self.window)
            self._fastest_before, self._fastest, self._period_began = self._fastest, inf, now
        self._fastest = min(self._fastest, seconds)
        seconds = max(self._fastest_of_late, seconds - unseen)
        self._usual = self._usual + _WEIGHT * (seconds - self._usual) if self._usual else seconds
