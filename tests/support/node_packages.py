"""Published Node packages for tests, installed by npm at the versions of a `package-lock.json`."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

from tests.support.stack import ROOT

# npm's errors where no registry can be reached.
NO_REGISTRY = (
    "ENOTFOUND",
    "ECONNREFUSED",
    "ECONNRESET",
    "ETIMEDOUT",
    "EAI_AGAIN",
    "E401",
    "E403",
    "ERR_SOCKET_TIMEOUT",
)


def missing(what: str) -> NoReturn:
    """Skip a test whose client is missing; fail it if all clients are required (`make test-interop`)."""
    if os.environ.get("MPS_ALL_CLIENTS"):
        pytest.fail(what)
    pytest.skip(what)


def installed(folder: Path) -> Path:
    """Install the Node packages locked in `folder`; returns their `node_modules`, kept in `var/` from run to run."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        missing("node and npm are not on this machine")
    lock = (folder / "package-lock.json").read_bytes()
    kept = ROOT / "var" / "tests" / f"node-{hashlib.sha256(lock).hexdigest()[:16]}"
    if not kept.exists():
        coming = kept.with_name(f"{kept.name}.{os.getpid()}")
        shutil.copytree(folder, coming)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        ran = subprocess.run(command, cwd=coming, capture_output=True, text=True, timeout=240, check=False)
        if ran.returncode and any(sign in ran.stderr for sign in NO_REGISTRY):
            shutil.rmtree(coming)
            missing(f"npm reaches no registry from this machine: {ran.stderr.splitlines()[0]}")
        assert ran.returncode == 0, f"npm ci failed:\n{ran.stdout}{ran.stderr}"
        try:
            coming.rename(kept)
        except OSError:  # another worker of this run was faster
            shutil.rmtree(coming)
    return kept / "node_modules"
