"""Signals that ask the launcher to stop."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from mps_project.launcher.make import MakeParent


class StopRequest:
    """Whether the launcher was asked to stop, and how often."""

    def __init__(self) -> None:
        self.signals = 0
        self._make = MakeParent()

    @property
    def asked(self) -> bool:
        """Whether a signal came, or make was interrupted and waits for us."""
        return self.signals > 0 or self._make.interrupted

    @property
    def repeated(self) -> bool:
        """Whether a second signal came: the user does not want to wait for a graceful end."""
        return self.signals > 1


@contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """Count SIGINT, SIGTERM and SIGHUP instead of ending, and restore the former handlers on leaving.

    SIGHUP (the terminal is closed) is left alone where nohup(1) turned it off.
    """
    request = StopRequest()

    def count(_signum: int, _frame: FrameType | None) -> None:
        request.signals += 1

    wanted = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        wanted.append(signal.SIGHUP)
    before = {signum: signal.signal(signum, count) for signum in wanted}
    yield request
    for signum, handler in before.items():
        signal.signal(signum, handler)
