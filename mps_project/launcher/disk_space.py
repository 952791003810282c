"""Watches the disk of the data directory and tells when it is full."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from mps_project.launcher.output import write_line

# With less, PostgreSQL cannot begin another segment of its log (16 MiB), and a service cannot accept for long.
FULL_BYTES = 32 * 1024 * 1024
# The disk counts as full until this much is free again.
_ENOUGH_BYTES = 2 * FULL_BYTES
_CHECK_SECONDS = 1.0


class DiskSpaceMonitor:
    """Writes one line when the disk of `directory` is full, and another when it has space again."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._checked_at = float("-inf")
        # Full now; the line that says so was written; a line that says it is over is owed.
        self._full = self._announced = self._was_full = False

    def check(self) -> None:
        """Check the disk. To be called often; looks once a second."""
        if time.monotonic() - self._checked_at < _CHECK_SECONDS:
            return
        self._checked_at = time.monotonic()
        try:
            free = shutil.disk_usage(self._directory).free
        except OSError:
            return
        where, left = f"MPS_DATA_DIR={self._directory}", f"{free / 1024 / 1024:.0f} MiB left"
        # A line for which the full disk itself has no space is written again.
        self._full = free < (_ENOUGH_BYTES if self._full else FULL_BYTES)
        if self._full and not self._announced:
            self._announced = write_line(
                f"mps: the disk of {where} is full ({left}): calls are answered 503 until there is room"
            )
            self._was_full = True
        elif not self._full and self._was_full:
            self._announced = False
            self._was_full = not write_line(f"mps: the disk of {where} was full and has room again ({left})")
