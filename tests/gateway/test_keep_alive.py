"""Keep alive deadlines, by a clock that stands still while the process does."""

from __future__ import annotations

import mqtt5
import pytest

from gateway.node import clock as clock_module
from gateway.node.clock import TICK_SECONDS, LoopClock
from gateway.node.keep_alive import KeepAliveTimers
from gateway.protocol.session import Session
from tests.gateway.recorder import DEVICE, Recorder, new_session

PING = mqtt5.PingReqPacket().write()


class Time:
    """What the system's clock says."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> Time:
    system = Time()
    monkeypatch.setattr(clock_module, "time", system)
    return system


def connected(keep_alive: int, now: float = 0.0) -> tuple[Session, Recorder, KeepAliveTimers]:
    session, recorder = new_session()
    recorder.clock.now = now
    wheel = KeepAliveTimers(recorder.clock)
    wheel.add(session)
    session.feed(mqtt5.ConnectPacket("ad-token", keep_alive=keep_alive).write())
    session.accept(DEVICE, issued_secret=None, max_keep_alive=1200)
    wheel.reschedule(session)
    return session, recorder, wheel


def let_pass(system: Time, clock: LoopClock, seconds: float) -> None:
    """So much time, in which the node is well."""
    for _ in range(round(seconds / TICK_SECONDS)):
        system.seconds += TICK_SECONDS
        clock.tick()


def test_a_device_is_overdue_one_and_a_half_keep_alives_after_its_last_packet(system: Time) -> None:
    session, recorder, wheel = connected(keep_alive=10)
    let_pass(system, recorder.clock, 12)
    assert wheel.overdue() == []
    session.feed(PING)
    let_pass(system, recorder.clock, 14.9)
    assert wheel.overdue() == []
    let_pass(system, recorder.clock, 2)
    assert wheel.overdue() == [session]


def test_a_stamp_may_be_a_tick_older_than_the_packet(system: Time) -> None:
    session, recorder, wheel = connected(keep_alive=2, now=0.95)
    recorder.clock.now = 4.0  # of the packet at 1.04, stamped with 0.95, this is less than three seconds after
    assert wheel.overdue() == []
    recorder.clock.now = 5.0
    assert wheel.overdue() == [session]


def test_no_device_is_overdue_because_the_process_stood_still(system: Time) -> None:
    session, recorder, wheel = connected(keep_alive=10)
    let_pass(system, recorder.clock, 5)
    system.seconds += 60
    recorder.clock.tick()
    assert wheel.overdue() == []
    session.feed(PING)  # it lay in the socket
    let_pass(system, recorder.clock, 14)
    assert wheel.overdue() == []
