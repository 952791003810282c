"""How long to wait before the next attempt."""

from __future__ import annotations

import random
from collections.abc import Callable

FIRST_SECONDS = 1.0
MAX_SECONDS = 300.0
# The least bound where the server's reason asks for patience.
SLOW_SECONDS = 60.0


class Backoff:
    """Exponential back-off with full jitter: a random time up to a bound that doubles.

    The randomness spreads devices that lost their connections together over the whole time, so that they do not come
    back together.
    """

    def __init__(self, draw: Callable[[float, float], float] = random.uniform) -> None:
        """Begin with the shortest bound; `draw` returns a random number between two others."""
        self._draw = draw
        self._attempts = 0

    def next_wait(self, *, slow: bool = False, at_least: float = 0.0) -> float:
        """Return how many seconds to wait, and double the bound.

        Args:
            slow: Whether the bound is at least a minute.
            at_least: Seconds to wait at least, as the server says.
        """
        bound = FIRST_SECONDS * 2.0 ** min(self._attempts, 30)
        self._attempts += 1
        return max(at_least, self._draw(0.0, min(MAX_SECONDS, max(SLOW_SECONDS, bound) if slow else bound)))

    def longest_wait(self) -> float:
        """Return how many seconds to wait after what must not be repeated soon."""
        return self._draw(0.0, MAX_SECONDS)

    def reset(self) -> None:
        """Begin with the shortest bound again."""
        self._attempts = 0
