"""How sure an open rate is, and a difference between two. Without I/O.

Wilson's score interval (E. B. Wilson, 1927; recommended by R. G. Newcombe, Statistics in Medicine 17, 1998), and the
two-sided z-test of two proportions with the pooled rate, which is Pearson's chi-squared test of the 2 x 2 table.
"""

from __future__ import annotations

from math import erfc, sqrt
from statistics import NormalDist

CONFIDENCE = 0.95
# A difference is significant if chance alone makes one as large in fewer cases than this.
LEVEL = 1 - CONFIDENCE

_Z = NormalDist().inv_cdf(1 - LEVEL / 2)


def wilson_interval(opened: int, delivered: int) -> tuple[float, float]:
    """Return the bounds between which a rate is with `CONFIDENCE`, as parts of one; all is possible of nothing."""
    if not delivered:
        return 0.0, 1.0
    rate, square = opened / delivered, _Z * _Z
    centre = rate + square / (2 * delivered)
    margin = _Z * sqrt(rate * (1 - rate) / delivered + square / (4 * delivered * delivered))
    whole = 1 + square / delivered
    return max(0.0, (centre - margin) / whole), min(1.0, (centre + margin) / whole)


def chance_of_difference(first: tuple[int, int], second: tuple[int, int]) -> float:
    """Return how likely chance alone makes a difference as large as that between two rates (the p-value).

    Args:
        first: Opened and delivered.
        second: Opened and delivered.
    """
    (opened, delivered), (other_opened, other_delivered) = first, second
    if not delivered or not other_delivered:
        return 1.0
    pooled = (opened + other_opened) / (delivered + other_delivered)
    error = sqrt(pooled * (1 - pooled) * (1 / delivered + 1 / other_delivered))
    if not error:
        return 1.0
    return erfc(abs(opened / delivered - other_opened / other_delivered) / error / sqrt(2))
