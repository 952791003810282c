from __future__ import annotations

from mps_device.backoff import Backoff


def longest(_low: float, high: float) -> float:
    return high


def test_waits_double_up_to_five_minutes() -> None:
    backoff = Backoff(longest)
    assert [backoff.next_wait() for _ in range(11)] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


def test_a_wait_is_random_between_nothing_and_its_bound() -> None:
    bounds: list[tuple[float, float]] = []
    backoff = Backoff(lambda low, high: bounds.append((low, high)) or low)  # type: ignore[func-returns-value]
    assert [backoff.next_wait(), backoff.next_wait()] == [0, 0]
    assert bounds == [(0, 1), (0, 2)]


def test_a_slow_wait_has_a_bound_of_a_minute_at_least() -> None:
    backoff = Backoff(longest)
    assert backoff.next_wait(slow=True) == 60
    assert [backoff.next_wait(slow=True) for _ in range(9)][-1] == 300


def test_the_servers_time_is_waited_out() -> None:
    assert Backoff(longest).next_wait(at_least=45) == 45


def test_after_a_reset_waits_are_short_again() -> None:
    backoff = Backoff(longest)
    for _ in range(5):
        backoff.next_wait()
    backoff.reset()
    assert backoff.next_wait() == 1
