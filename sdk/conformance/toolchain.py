"""Run what builds an SDK. A machine whose toolchain reaches no packages skips, with the toolchain's own words."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from conformance.sdks import ROOT
from tests.support.node_packages import NO_REGISTRY

# What Maven says, and what npm does, where packages cannot be had.
_UNAVAILABLE = re.compile(
    rf"[^\n]*(?:Could not (?:find artifact|transfer artifact|resolve dependencies)|{'|'.join(NO_REGISTRY)})[^\n]*"
)

# What this process has built. A run of several workers has a number that they share.
_RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID", f"process-{os.getpid()}")


def build(commands: Sequence[Sequence[str]]) -> None:
    """Run commands once in a run of the tests, whichever worker comes first; the others wait for it."""
    name = hashlib.sha256(repr(commands).encode()).hexdigest()[:16]
    folder = ROOT.parent / "var" / "tests"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"sdk-build-{name}").open("a+") as built:
        fcntl.flock(built, fcntl.LOCK_EX)
        built.seek(0)
        if built.read() != _RUN:
            for command in commands:
                run(command)
            built.truncate(0)
            built.write(_RUN)


def run(command: Sequence[str], folder: Path = ROOT, environment: Mapping[str, str] = os.environ) -> None:
    """Run a command to its end; fails with what it printed, or skips where packages cannot be had."""
    program = shutil.which(command[0]) or command[0]
    done = subprocess.run(
        [program, *command[1:]],
        cwd=folder,
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        if found := _UNAVAILABLE.search(done.stdout):
            pytest.skip(found[0][:500])
        pytest.fail(f"{' '.join(command)}\n{done.stdout[-3000:]}")
