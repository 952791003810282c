"""Processes that leave no process behind: they die with their parent, and are ended with their children.

Those that Python starts anew are `subprocess.Popen`; those that go on from where their parent is, `ForkedProcess`.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Protocol

# prctl(2): the signal a process gets when its parent dies; whether it gets the orphans among its descendants.
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class Process(Protocol):
    """A child process, as `subprocess.Popen` shows one."""

    @property
    def pid(self) -> int:
        """Its process id, which is also that of the group it leads."""

    @property
    def returncode(self) -> int | None:
        """What it ended with, -N for signal N; None while it is not known to have ended."""

    def poll(self) -> int | None:
        """Reap it if it has ended; returns what it ended with, None while it runs."""

    def wait(self) -> int:
        """Wait for its end; returns what it ended with."""

    def send_signal(self, sig: int, /) -> None:
        """Send it a signal, unless it has ended."""


class ForkedProcess:
    """A child of this process that no `subprocess` started."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Reap it if it has ended; returns what it ended with, None while it runs."""
        return self._reap(os.WNOHANG)

    def wait(self) -> int:
        """Wait for its end; returns what it ended with."""
        code = self._reap(0)
        assert code is not None
        return code

    def send_signal(self, sig: int, /) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, sig)

    def _reap(self, options: int) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, options)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


_ASKING_TO_END = (signal.SIGTERM, signal.SIGINT)


def fork() -> ForkedProcess | None:
    """Fork a child that leads a session of its own, and is killed when its parent dies.

    Returns:
        The child; None in the child, where signals that ask it to end have their default effect.
    """
    parent = os.getpid()
    signal.pthread_sigmask(signal.SIG_BLOCK, _ASKING_TO_END)
    pid = os.fork()
    if not pid:
        os.setsid()
        follow(signal.SIGKILL, parent)
        for signum in _ASKING_TO_END:
            signal.signal(signum, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ASKING_TO_END)
    return ForkedProcess(pid) if pid else None


def adopt_orphans() -> bool:
    """Have this process become the parent of descendants that lose theirs; tells whether the system can (Linux)."""
    return _libc is not None and _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1) == 0


def reap_orphans(own: Collection[int]) -> None:
    """Reap adopted processes that have ended. Those with an id in `own` are left to whoever waits for them."""
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) and ended.si_pid not in own:
            os.waitpid(ended.si_pid, 0)


def die_with_parent(signum: signal.Signals = signal.SIGKILL) -> Callable[[], None]:
    """Return a `preexec_fn`: on Linux the child gets `signum` when its parent dies; elsewhere nothing happens."""
    return partial(follow, signum, os.getpid())


def follow(signum: signal.Signals, parent: int) -> None:
    """Have the calling process get `signum` when its parent dies (on Linux); now, if its parent is another already."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signum)
        if os.getppid() != parent:  # it died before it could be followed
            os.kill(os.getpid(), signum)


def follow_parent(signum: signal.Signals = signal.SIGKILL) -> None:
    """Have the calling process get `signum` when its parent dies (on Linux)."""
    follow(signum, os.getppid())


def kill_group(leader: int) -> None:
    """Kill what is left of a process group (SIGKILL)."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS says the latter of a group of zombies
        os.killpg(leader, signal.SIGKILL)


def terminate(
    leaders: Sequence[tuple[Process, signal.Signals]],
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
