"""Congestion control of one endpoint: how many calls it gets at once, learnt from how it answers.

The window doubles each round at first, then grows by one, as long as answers take no longer than the fastest recent
one. Where they take longer the more calls are in flight, calls queue at the backend and the window stops growing (TCP
Vegas, https://doi.org/10.1109/49.464716). No answer, a 5xx or a 429 halves it; several in a row pause the endpoint,
after which one call probes it.
"""

from __future__ import annotations

from math import inf

from pushcore.backoff import exponential_backoff

FIRST_SIZE = 2.0
MAX_SIZE = 64
# Calls queued at the backend: with fewer the window grows, with more it shrinks.
FEW_QUEUED, MANY_QUEUED = 2.0, 4.0
# For large windows a share of the window instead: jitter of networks and machines is no queue.
FEW_SHARE, MANY_SHARE = 0.15, 0.3
# An answer this slow, and slower than the fastest by this factor, shrinks the window, for calls are about to time out;
# one half as slow stops its growth. A backend that is always slow is not affected.
SLOW_SECONDS, SLOWED = 4.0, 1.5
# The fastest answer is taken over the last one to two periods of this many seconds or answers, for a backend may become
# slower for good. A period begins with a round of few calls, for a permanent queue cannot be measured (as in BBR,
# https://doi.org/10.1145/3012426.3022184).
PERIOD_SECONDS, PERIOD_ANSWERS = 15.0, 20.0
PROBE_SHARE = 1 / 8
# Weight of an answer in the moving average: 1/8, as in RFC 6298.
_WEIGHT = 0.125

PAUSE_AFTER = 3
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0


class CongestionWindow:
    """The number of calls one endpoint may have in flight. All times are seconds of one monotonic clock."""

    def __init__(self) -> None:
        self.size = FIRST_SIZE
        # While a period begins: the size to return to, and how many answers are left until then.
        self._resume, self._probe_answers = FIRST_SIZE, 0
        self._slow_start = True
        self._smoothed = 0.0
        self._fastest = self._fastest_before = inf
        self._period_began = -inf
        self._failures = 0
        self._cut_at = -inf
        self._paused_until = -inf

    def available(self, in_flight: int, now: float) -> int:
        """Return how many more calls may start now: none during a pause, one after it."""
        if now < self._paused_until:
            return 0
        most = 1 if self._failures >= PAUSE_AFTER else int(self.size)
        return max(0, most - in_flight)

    @property
    def is_failing(self) -> bool:
        """Whether the last `PAUSE_AFTER` calls or more failed."""
        return self._failures >= PAUSE_AFTER

    def on_answer(self, seconds: float, in_flight: int, now: float, unseen: float = 0.0) -> None:
        """Learn from an answer of a healthy backend.

        Args:
            seconds: How long the call took.
            in_flight: Calls in flight before the answer came, including this one.
            now: The time.
            unseen: Seconds of `seconds` during which the answer may have been waiting to be read here.
        """
        self._failures = 0
        self._note(seconds, now, unseen)
        if self._probe_answers:
            self._probe_answers -= 1
            self.size = self.size if self._probe_answers else self._resume
            return
        # While the window doubles, single answers count: the average would lag behind.
        took = max(seconds - unseen, self._smoothed) if self._slow_start else self._smoothed
        queued = self.size * (1.0 - self._recent_fastest / took) if took > 0 else 0.0
        slowed_to = seconds if seconds > SLOWED * self._recent_fastest else 0.0
        if queued > max(MANY_QUEUED, MANY_SHARE * self.size) or slowed_to > SLOW_SECONDS:
            self._slow_start = False
            self.size = max(1.0, self.size - 1.0 / self.size)
        elif queued > max(FEW_QUEUED, FEW_SHARE * self.size) or slowed_to > SLOW_SECONDS / 2:
            self._slow_start = False
        elif in_flight >= self.size / 2:
            self.size = min(float(MAX_SIZE), self.size + (1.0 if self._slow_start else 1.0 / self.size))

    def on_failure(self, started_at: float, now: float, pause: float = 0.0) -> None:
        """Learn from a call that failed or was answered 5xx or 429.

        Args:
            started_at: When the call began.
            now: The time.
            pause: Seconds the backend asked to be left alone for (Retry-After).
        """
        self._failures += 1
        self._slow_start, self._probe_answers = False, 0
        if started_at > self._cut_at:  # once for all calls of the same round
            self._cut_at = now
            self.size = max(1.0, self.size / 2)
        if self._failures >= PAUSE_AFTER:
            in_pause = self._failures - PAUSE_AFTER + 1
            pause = max(pause, exponential_backoff(in_pause, first=FIRST_PAUSE_SECONDS, longest=LONGEST_PAUSE_SECONDS))
        self._paused_until = max(self._paused_until, now + min(pause, LONGEST_PAUSE_SECONDS))

    @property
    def _recent_fastest(self) -> float:
        return min(self._fastest, self._fastest_before)

    def _note(self, seconds: float, now: float, unseen: float) -> None:
        if now - self._period_began > max(PERIOD_SECONDS, PERIOD_ANSWERS * self._smoothed):
            if self._smoothed:
                # Answers of calls in flight, and of one round after them.
                self._resume, self.size = self.size, max(1.0, self.size * PROBE_SHARE)
                self._probe_answers = int(self._resume + self.size)
            self._fastest_before, self._fastest, self._period_began = self._fastest, inf, now
        self._fastest = min(self._fastest, seconds)
        seconds = max(self._recent_fastest, seconds - unseen)
        self._smoothed = self._smoothed + _WEIGHT * (seconds - self._smoothed) if self._smoothed else seconds
