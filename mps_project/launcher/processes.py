"""What the operating system offers to leave no process behind."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

# prctl(2): the signal a process gets when its parent dies.
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with_parent(signum: signal.Signals = signal.SIGKILL) -> Callable[[], None]:
    """For `preexec_fn`: on Linux the child gets `signum` when its parent dies (elsewhere nothing happens)."""
    return partial(_follow, signum, os.getpid())


def _follow(signum: signal.Signals, parent: int) -> None:
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signum)
        if os.getppid() != parent:  # it died before it could be followed
            os.kill(os.getpid(), signum)


def follow_parent() -> None:
    """For a process that has been forked already: it is killed when its parent dies (on Linux)."""
    _follow(signal.SIGKILL, os.getppid())


def kill_group(leader: int) -> None:
    """SIGKILL what is left of a process group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS says the latter of a group of zombies
        os.killpg(leader, signal.SIGKILL)


def end(
    leaders: Sequence[tuple[subprocess.Popen[bytes], signal.Signals]],
    seconds: float,
    hurried: Callable[[], bool] = lambda: False,
) -> None:
    """Ask group leaders to end, each by its signal; after `seconds`, or once `hurried`, kill what is left. Reaps all.

    Only the leaders are asked: the web process, celery and PostgreSQL end their children themselves, in order.
    """
    for process, signum in leaders:
        if process.poll() is None:
            process.send_signal(signum)
    deadline = time.monotonic() + seconds
    while any(process.poll() is None for process, _ in leaders) and time.monotonic() < deadline and not hurried():
        time.sleep(0.05)
    for process, _ in leaders:
        kill_group(process.pid)
        process.wait()


class Make:
    """GNU make, where it is our parent.

    Ctrl-C in a terminal reaches make and its recipe alike. A SIGINT sent to make alone does not: make then waits for
    its recipe without a word to it (`fatal_error_signal`: it passes on SIGTERM only). What shows is that make no
    longer catches SIGINT. On Linux we look for that, and end when make is gone.
    """

    def __init__(self) -> None:
        self._status: Path | None = None
        process = Path(f"/proc/{os.getppid()}")
        try:
            if (process / "comm").read_text().strip() not in ("make", "gmake"):
                return
        except OSError:
            return
        self._status = process / "status" if _catches_interrupt(process / "status") else None
        _follow(signal.SIGTERM, os.getppid())

    @property
    def interrupted(self) -> bool:
        """Whether make was told to stop and waits for us."""
        return self._status is not None and not _catches_interrupt(self._status)


def _catches_interrupt(status: Path) -> bool:
    """Whether SIGINT is among the caught signals of a /proc/PID/status (proc(5))."""
    try:
        caught = next(line for line in status.read_text().splitlines() if line.startswith("SigCgt:"))
    except (OSError, StopIteration):
        return False
    return bool(int(caught.split()[1], 16) >> (signal.SIGINT - 1) & 1)
