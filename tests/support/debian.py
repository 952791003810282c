"""Programs from Debian packages that tests need, installed if the tests run as root."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest


def program(name: str, *packages: str) -> str:
    """Return the path of a program; install its Debian packages if it is missing, or skip the test."""
    found = find_program(name, *packages)
    if found is None:
        pytest.skip(f"no {name} on this machine (Debian packages: {', '.join(packages)})")
    return found


def find_program(name: str, *packages: str) -> str | None:
    """Return the path of a program; where it is missing, and we are root, install its Debian packages."""
    found = shutil.which(name)
    if found is None and install(*packages):
        found = shutil.which(name)
    return found


def install(*packages: str) -> bool:
    """Install Debian packages, where we may; return whether that was tried."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    # Another worker may be installing.
    command = ["apt-get", "install", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300", *packages]
    subprocess.run(command, capture_output=True, timeout=600, check=False)
    return True
