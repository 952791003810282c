"""The disk of the data directory: what is said when it is full, and what must not stand on it."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import time
from pathlib import Path

from mps_project.launcher.supervisor import say

# With less, PostgreSQL cannot begin another segment of its log (16 MiB), and a service cannot accept for long.
FULL_BYTES = 32 * 1024 * 1024
# It has room again from so much on.
ROOM_BYTES = 2 * FULL_BYTES
LOOK_SECONDS = 1.0
_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made there, and its owner is checked


class Room:
    """Says in a line that the disk is full, and in another that it is no longer."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._looked_at = float("-inf")
        self._full = self._told = self._was_full = False

    def look(self) -> None:
        """To be called often; looks once a second."""
        if time.monotonic() - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = time.monotonic()
        try:
            free = shutil.disk_usage(self._directory).free
        except OSError:
            return
        where, left = f"MPS_DATA_DIR={self._directory}", f"{free / 1024 / 1024:.0f} MiB left"
        # A line for which the full disk itself has no room is said again.
        self._full = free < (ROOM_BYTES if self._full else FULL_BYTES)
        if self._full and not self._told:
            self._told = say(f"mps: the disk of {where} is full ({left}): calls are answered 503 until there is room")
            self._was_full = True
        elif not self._full and self._was_full:
            self._told = False
            self._was_full = not say(f"mps: the disk of {where} was full and has room again ({left})")


def memory_folder() -> str | None:
    """Where files stand in memory; None where the system has no such folder (then they go where others go)."""
    return str(_MEMORY) if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) else None


def metrics_folder(directory: Path) -> Path:
    """An empty folder for the counts that the processes of this installation share.

    prometheus_client maps its files into memory: on a full disk, touching a page that has no block yet kills the
    process (SIGBUS, mmap(2)). They are of one run only, so they stand in memory.
    """
    folder = directory / "metrics"
    if memory_folder() is not None:
        name = hashlib.sha256(os.fsencode(directory)).hexdigest()[:16]
        shared = _MEMORY / f"mps-metrics-{os.geteuid()}-{name}"
        shared.mkdir(mode=0o700, exist_ok=True)
        found = shared.lstat()
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid():
            folder = shared
    folder.mkdir(exist_ok=True)
    for file in folder.glob("*.db"):
        file.unlink()
    return folder
