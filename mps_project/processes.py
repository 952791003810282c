"""What the operating system offers to leave no process behind."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

# prctl(2): the signal a process gets when its parent dies.
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with_parent() -> None:
    """Run in a child before exec: on Linux it is killed when its parent is (elsewhere nothing happens)."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def kill_group(leader: int, signum: signal.Signals) -> bool:
    """Signal a process group; whether there was one."""
    try:
        os.killpg(leader, signum)
    except ProcessLookupError:
        return False
    except PermissionError:  # macOS says so of a group of zombies
        return False
    return True
