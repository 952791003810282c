"""GNU make as the launcher's parent (`make run`)."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from mps_project.launcher import processes


class MakeParent:
    """Detects that make, our parent, was told to stop.

    Ctrl-C in a terminal reaches make and its recipe alike. A SIGINT sent to make alone does not: make then waits for
    its recipe without a word to it (`fatal_error_signal`: it passes on SIGTERM only). What shows is that make no
    longer catches SIGINT. On Linux we look for that, and end when make is gone. Where make is not our parent, or there
    is no /proc, nothing is detected.
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
        processes.follow_parent(signal.SIGTERM)

    @property
    def interrupted(self) -> bool:
        """Whether make was told to stop and waits for us."""
        return self._status is not None and not _catches_interrupt(self._status)


def _catches_interrupt(status: Path) -> bool:
    """Tell whether SIGINT is among the caught signals of a /proc/PID/status (proc(5))."""
    try:
        caught = next(line for line in status.read_text().splitlines() if line.startswith("SigCgt:"))
    except (OSError, StopIteration):
        return False
    return bool(int(caught.split()[1], 16) >> (signal.SIGINT - 1) & 1)
