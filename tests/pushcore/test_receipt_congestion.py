"""How many receipts an endpoint gets at once, computed with simulated endpoints."""

from __future__ import annotations

import heapq

import pytest

from pushcore.callbacks.congestion import FIRST_SIZE, LONGEST_PAUSE_SECONDS, MAX_SIZE, PAUSE_AFTER, CongestionWindow


def serve(
    window: CongestionWindow, seconds: float, *, at_once: float, until: float, timeout: float = 10.0
) -> tuple[int, int]:
    """Simulate a backend that takes `seconds` for a call and works on several at once.

    Returns the calls that were answered and those that timed out.
    """
    now, under_way, answered, late = 0.0, 0, 0, 0
    free_at = [0.0] * int(at_once)
    ends: list[tuple[float, float]] = []
    while now < until:
        while window.available(under_way, now) > 0:
            begins = max(now, heapq.heappop(free_at))
            heapq.heappush(free_at, begins + seconds)
            heapq.heappush(ends, (min(begins + seconds, now + timeout), now))
            under_way += 1
        now, started = heapq.heappop(ends)
        if now - started >= timeout:
            late += 1
            window.on_failure(started, now)
        else:
            answered += 1
            window.on_answer(now - started, under_way, now)
        under_way -= 1
    return answered, late


def test_a_fast_endpoint_soon_gets_as_many_receipts_as_it_accepts() -> None:
    window = CongestionWindow()
    answered, _ = serve(window, 0.05, at_once=1_000, until=10)
    assert window.size == MAX_SIZE
    assert answered > 0.9 * 10 * MAX_SIZE / 0.05


@pytest.mark.parametrize("seconds", [0.1, 0.5, 1.0, 2.0, 3.0])
def test_a_slow_healthy_endpoint_that_works_on_one_at_a_time_never_times_out(seconds: float) -> None:
    answered, late = serve(CongestionWindow(), seconds, at_once=1, until=300)
    assert late == 0
    assert answered > 0.95 * 300 / seconds


@pytest.mark.parametrize("seconds", [2.5, 5.0, 8.0])
def test_a_healthy_slow_endpoint_gets_many_receipts_at_once(seconds: float) -> None:
    window = CongestionWindow()
    answered, late = serve(window, seconds, at_once=1_000, until=600)
    assert late == 0
    assert answered > 0.5 * 600 * MAX_SIZE / seconds


@pytest.mark.parametrize("at_once", [4, 16])
def test_an_endpoint_of_a_few_workers_is_kept_busy_and_not_flooded(at_once: int) -> None:
    window = CongestionWindow()
    answered, late = serve(window, 0.5, at_once=at_once, until=120)
    assert late == 0
    assert answered > 0.9 * 120 * at_once / 0.5
    assert window.size < at_once + 10


def test_an_endpoint_that_becomes_slower_for_good_is_used_as_it_is_now() -> None:
    window = CongestionWindow()
    serve(window, 0.05, at_once=100, until=20)
    answered, late = serve(window, 0.5, at_once=100, until=120)
    assert late == 0
    assert answered > 120 * 20 / 0.5


def test_an_endpoint_that_does_not_answer_is_paused_and_then_tried_with_one_receipt() -> None:
    window, now, under_way = CongestionWindow(), 0.0, 0
    tries = []
    while now < 600:
        if room := window.available(under_way, now):
            tries.append(room)
            started, now = now, now + 10
            for _ in range(room):
                window.on_failure(started, now)
        else:
            now += 0.5
    assert tries[0] == FIRST_SIZE
    assert set(tries[PAUSE_AFTER:]) == {1}
    assert len(tries) < 15
    window.on_answer(0.05, 1, now)
    assert not window.is_failing
    assert window.available(0, now + LONGEST_PAUSE_SECONDS) >= 1


def test_a_backend_that_asks_for_a_pause_gets_it() -> None:
    window = CongestionWindow()
    window.on_failure(0.0, 0.1, pause=20.0)
    assert window.available(0, 20.0) == 0
    assert window.available(0, 20.2) == 1


def test_calls_that_fail_at_once_shrink_the_window_once() -> None:
    window = CongestionWindow()
    serve(window, 0.05, at_once=1_000, until=10)
    window.on_failure(10.0, 20.0)
    window.on_failure(10.0, 20.0)
    assert window.size == MAX_SIZE / 2
