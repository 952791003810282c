"""Run what builds an SDK. A machine whose toolchain reaches no packages skips, with the toolchain's own words."""

from __future__ import annotations

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
