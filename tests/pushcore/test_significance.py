"""How sure an open rate is, checked against published values and against another way to compute them."""

from __future__ import annotations

import random
from math import erfc, sqrt

import pytest

from pushcore.ab_tests.significance import chance_of_difference, wilson_interval


@pytest.mark.parametrize(
    ("opened", "delivered", "low", "high"),
    [
        # R. G. Newcombe, Two-sided confidence intervals for the single proportion: comparison of seven methods,
        # Statistics in Medicine 17 (1998), table I, score method without continuity correction.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_intervals_are_those_that_are_published(opened: int, delivered: int, low: float, high: float) -> None:
    assert wilson_interval(opened, delivered) == pytest.approx((low, high), abs=0.00006)


def test_the_bounds_are_where_the_score_test_ends() -> None:
    """A bound is the rate of which the observed one is 1.96 standard errors away."""
    dice = random.Random(1)
    for _ in range(200):
        delivered = dice.randint(1, 5000)
        opened = dice.randint(0, delivered)
        for bound in wilson_interval(opened, delivered):
            if 1e-9 < bound < 1 - 1e-9:
                error = sqrt(bound * (1 - bound) / delivered)
                assert abs(opened / delivered - bound) / error == pytest.approx(1.959964, abs=1e-4)


def test_the_chance_of_a_published_example() -> None:
    """Aspirin and heart attacks: A. Agresti, An Introduction to Categorical Data Analysis, X squared = 25.01."""
    assert chance_of_difference((189, 11034), (104, 11037)) == pytest.approx(erfc(sqrt(25.01 / 2)), rel=0.01)


def test_the_chance_is_that_of_a_chi_squared_test() -> None:
    """Of the table of opened and not opened, computed from what is expected in each cell."""
    dice = random.Random(2)
    for _ in range(200):
        first, second = dice.randint(2, 3000), dice.randint(2, 3000)
        opened = [dice.randint(1, first - 1), dice.randint(1, second - 1)]
        table = [[opened[0], first - opened[0]], [opened[1], second - opened[1]]]
        whole = first + second
        squared = 0.0
        for row in table:
            for place, cell in enumerate(row):
                expected = sum(row) * sum(other[place] for other in table) / whole
                squared += (cell - expected) ** 2 / expected
        found = chance_of_difference((opened[0], first), (opened[1], second))
        assert found == pytest.approx(erfc(sqrt(squared / 2)), rel=1e-6, abs=1e-12)
        assert found == chance_of_difference((opened[1], second), (opened[0], first))


@pytest.mark.parametrize("rates", [((0, 0), (5, 10)), ((0, 10), (0, 20)), ((10, 10), (20, 20)), ((1, 10), (1, 10))])
def test_nothing_is_said_of_what_may_all_be_chance(rates: tuple[tuple[int, int], tuple[int, int]]) -> None:
    assert chance_of_difference(*rates) == 1


def test_all_is_possible_of_nothing() -> None:
    assert wilson_interval(0, 0) == (0, 1)
