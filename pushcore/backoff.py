"""Exponential backoff: how long to wait after a failure before the next attempt."""

from __future__ import annotations

import random

# Doubled so often, any first delay is past any limit; more would overflow a float.
_MAX_DOUBLINGS = 60


def exponential_backoff(failures: int, *, first: float, longest: float) -> float:
    """Return the seconds to wait after so many failures in a row.

    Args:
        failures: Failures in a row; 1 or fewer gives the first delay.
        first: Seconds after the first failure; doubled with each further one.
        longest: Seconds that are never exceeded.
    """
    return min(longest, first * 2.0 ** min(max(0, failures - 1), _MAX_DOUBLINGS))


def jittered_backoff(failures: int, *, first: float, longest: float) -> float:
    """Return `exponential_backoff` shortened by up to half at random, so that what failed together is spread."""
    return exponential_backoff(failures, first=first, longest=longest) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
