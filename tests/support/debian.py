"""Programs from Debian packages that tests need, installed if the tests run as root."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest


def program(name: str, *packages: str) -> str:
    """Return the path of a program; install its Debian packages if it is missing, or skip the test."""
    found = shutil.which(name)
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        # Another worker may be installing.
        command = ["apt-get", "install", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300", *packages]
        subprocess.run(command, capture_output=True, timeout=600, check=False)
        found = shutil.which(name)
    if found is None:
        pytest.skip(f"no {name} on this machine (Debian packages: {', '.join(packages)})")
    return found
