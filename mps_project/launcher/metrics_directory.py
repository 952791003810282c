"""The directory in which the processes of an installation share their Prometheus counts.

prometheus_client maps its files into memory: on a full disk, touching a page that has no block yet kills the process
(SIGBUS, mmap(2)). The counts are of one run only, so they are kept in memory where the system can.
"""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made there, and its owner is checked


def shared_memory_directory() -> str | None:
    """Return the system's directory of files in memory, None where there is none we may write to."""
    usable = _SHARED_MEMORY.is_dir() and os.access(_SHARED_MEMORY, os.W_OK)
    return str(_SHARED_MEMORY) if usable else None


def make_metrics_directory(data_directory: Path) -> Path:
    """Return an empty directory for the counts of the installation, in memory or else below its data directory."""
    directory = data_directory / "metrics"
    if shared_memory_directory() is not None:
        name = hashlib.sha256(os.fsencode(data_directory)).hexdigest()[:16]
        shared = _SHARED_MEMORY / f"mps-metrics-{os.geteuid()}-{name}"
        shared.mkdir(mode=0o700, exist_ok=True)
        status = shared.lstat()
        if stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid():
            directory = shared
    directory.mkdir(exist_ok=True)
    for file in directory.glob("*.db"):
        file.unlink()
    return directory
