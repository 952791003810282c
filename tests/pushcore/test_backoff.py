"""Waiting times after failures."""

from __future__ import annotations

import pytest

from pushcore.backoff import exponential_backoff, jittered_backoff


@pytest.mark.parametrize(("failures", "seconds"), [(0, 5), (1, 5), (2, 10), (3, 20), (4, 40), (5, 60), (10_000, 60)])
def test_a_wait_doubles_with_each_failure_up_to_its_limit(failures: int, seconds: float) -> None:
    assert exponential_backoff(failures, first=5, longest=60) == seconds


def test_jitter_shortens_a_wait_by_up_to_half() -> None:
    waits = [jittered_backoff(2, first=5, longest=60) for _ in range(200)]
    assert all(5 <= wait <= 10 for wait in waits)
    assert len(set(waits)) > 100
