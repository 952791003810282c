"""Processes that leave no process behind: they die with their parent, and are ended with their children."""

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

# prctl(2): the signal a process gets when its parent dies.
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with_parent(signum: signal.Signals = signal.SIGKILL) -> Callable[[], None]:
    """Return a `preexec_fn`: on Linux the child gets `signum` when its parent dies; elsewhere nothing happens."""
    return partial(_follow, signum, os.getpid())


def _follow(signum: signal.Signals, parent: int) -> None:
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signum)
        if os.getppid() != parent:  # it died before it could be followed
            os.kill(os.getpid(), signum)


def follow_parent(signum: signal.Signals = signal.SIGKILL) -> None:
    """Have the calling process get `signum` when its parent dies (on Linux)."""
    _follow(signum, os.getppid())


def kill_group(leader: int) -> None:
    """Kill what is left of a process group (SIGKILL)."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS says the latter of a group of zombies
        os.killpg(leader, signal.SIGKILL)


def terminate(
    leaders: Sequence[tuple[subprocess.Popen[bytes], signal.Signals]],
    grace_seconds: float,
    skip_grace: Callable[[], bool] = lambda: False,
) -> None:
    """Ask group leaders to end, each by its signal; then kill what is left of their groups. Reaps all.

    Only the leaders are asked: the web process, celery and PostgreSQL end their children themselves, in order.

    Args:
        leaders: Processes that lead a group each, with the signal that asks them to end.
        grace_seconds: How long they may take before they are killed.
        skip_grace: Asked often meanwhile; once true, they are killed at once.
    """
    for process, signum in leaders:
        if process.poll() is None:
            process.send_signal(signum)
    deadline = time.monotonic() + grace_seconds
    while any(process.poll() is None for process, _ in leaders) and time.monotonic() < deadline and not skip_grace():
        time.sleep(0.05)
    for process, _ in leaders:
        kill_group(process.pid)
        process.wait()
