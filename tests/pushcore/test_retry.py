"""Work that is repeated goes on through outages, waits longer each time, and logs an outage once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator

import pytest
import redis
from django.db import DataError, InterfaceError, OperationalError
from structlog.testing import capture_logs

from pushcore.storage import retry
from pushcore.storage.retry import OutageBackoff, run_forever, run_until_stopped

LOST, AWAY = OperationalError("server closed the connection"), redis.ConnectionError("refused")


@pytest.fixture
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_SECONDS", 0.0)


def steps(*faults: Exception | None, then: Callable[[], object]) -> Callable[[], None]:
    """A step that fails with one fault after the other, None for a success, and ends with `then`."""
    left: Iterator[Exception | None] = iter(faults)

    def step() -> None:
        try:
            fault = next(left)
        except StopIteration:
            then()
            return
        if fault is not None:
            raise fault

    return step


def awaited(step: Callable[[], None]) -> Callable[[], Awaitable[None]]:
    async def awaitable() -> None:
        step()

    return awaitable


def run_in_thread(*faults: Exception | None) -> int:
    """Run a loop in this thread until the faults are used up; returns how often it was told of a failure."""
    stop, failures = threading.Event(), list[int]()
    step = steps(*faults, then=stop.set)
    run_until_stopped(step, stop, work="tests", on_failure=lambda: failures.append(1))
    return len(failures)


def run_in_event_loop(*faults: Exception | None) -> int:
    """The same in an event loop; a cancellation ends it."""
    failures: list[int] = []

    def end() -> None:
        raise asyncio.CancelledError

    async def run() -> None:
        step = awaited(steps(*faults, then=end))
        with pytest.raises(asyncio.CancelledError):
            await run_forever(step, work="tests", on_failure=lambda: failures.append(1))

    asyncio.run(run())
    return len(failures)


both = pytest.mark.parametrize("run", [run_in_thread, run_in_event_loop])


@both
@pytest.mark.usefixtures("_no_waiting", "db")
def test_work_goes_on_through_outages_of_the_database_and_of_valkey(run: Callable[..., int]) -> None:
    faults = LOST, InterfaceError("closed"), None, AWAY, redis.ResponseError("NOGROUP"), DataError("a statement's")
    assert run(*faults) == 5


@both
@pytest.mark.usefixtures("_no_waiting", "db")
def test_any_other_error_ends_the_loop(run: Callable[..., int]) -> None:
    with pytest.raises(ZeroDivisionError):
        run(None, ZeroDivisionError())


@both
@pytest.mark.usefixtures("_no_waiting", "db")
def test_an_outage_is_logged_once_and_so_is_its_end(run: Callable[..., int]) -> None:
    with capture_logs() as logs:
        run(LOST, LOST, LOST, None, None)
    assert [(entry["log_level"], entry["event"], entry["failures"]) for entry in logs] == [
        ("warning", "work failed; tried again", 1),
        ("info", "work succeeds again", 3),
    ]
    assert {entry["work"] for entry in logs} == {"tests"}


def test_an_error_of_another_kind_is_logged_too_with_its_traceback_if_it_is_no_outage() -> None:
    backoff = OutageBackoff("tests")
    with capture_logs() as logs:
        for fault in (LOST, AWAY, DataError("a statement's"), DataError("a statement's")):
            backoff.failed(fault)
    assert [(entry["log_level"], "exc_info" in entry) for entry in logs] == [
        ("warning", False),
        ("warning", False),
        ("error", True),
    ]


def test_a_long_outage_is_logged_again_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "LOG_SECONDS", 0.0)
    backoff = OutageBackoff("tests")
    with capture_logs() as logs:
        for _ in range(3):
            backoff.failed(LOST)
    assert [entry["failures"] for entry in logs] == [1, 2, 3]


def test_failures_in_a_row_wait_longer_up_to_a_limit_and_a_success_begins_anew() -> None:
    backoff = OutageBackoff("tests")
    waits = [backoff.failed(LOST) for _ in range(100)]
    longest = [min(retry.LONGEST_SECONDS, retry.FIRST_SECONDS * 2.0**n) for n in range(100)]
    assert all(limit / 2 <= wait <= limit for wait, limit in zip(waits, longest, strict=True))
    backoff.succeeded()
    assert backoff.failed(LOST) <= retry.FIRST_SECONDS


@pytest.mark.usefixtures("db")
def test_a_stop_ends_the_wait_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_SECONDS", 600.0)
    stop = threading.Event()
    run_until_stopped(steps(LOST, then=lambda: None), stop, work="tests", on_failure=stop.set, longest=600.0)
