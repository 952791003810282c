"""A pytest plugin that starts PostgreSQL and Valkey for the run, and stops them at its end.

It is loaded with `-p` before anything imports the settings. Parallel workers share the engines: pytest-django gives
each worker a database of its own, and each uses a logical database of Valkey.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography.fernet import Fernet

from mps_project.launcher import engines

_WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
_started: list[tuple[engines.Engine, subprocess.Popen[bytes]]] = []
_directory: list[Path] = []


def _start() -> None:
    """Start the engines that the environment does not name; workers of a parallel run inherit the variables."""
    os.environ.setdefault("MPS_SECRET_KEY", "tests")
    os.environ.setdefault("MPS_FIELD_KEYS", Fernet.generate_key().decode())
    os.environ.setdefault("MPS_LOG_LEVEL", "WARNING")
    directory = Path(tempfile.mkdtemp(prefix="mps-tests-"))
    _directory.append(directory)
    for variable in ("DATABASE_URL", "REDIS_URL"):
        if variable in os.environ:
            continue
        if variable == "DATABASE_URL":
            # The data need not survive a crash of the machine.
            unsafe = ["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"]
            engine = engines.postgres(directory / "postgres", "tests", options=unsafe)
        else:
            engine = engines.valkey(directory / "valkey", "tests", engines.free_port())
        _started.append((engine, engine.start_and_wait()))
        os.environ[variable] = engine.url


def _stop() -> None:
    for engine, process in reversed(_started):
        engine.stop(process)
    _started.clear()
    for directory in _directory:
        shutil.rmtree(directory, ignore_errors=True)


if not _WORKER:
    _start()
else:
    # Valkey has 32 logical databases; gw0 takes 1, gw1 takes 2.
    database = 1 + int(_WORKER.removeprefix("gw")) % 30
    url = urlsplit(os.environ["REDIS_URL"])
    url = url._replace(query=f"db={database}") if url.scheme == "unix" else url._replace(path=f"/{database}")
    os.environ["REDIS_URL"] = url.geturl()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Put temporary folders beside the engines' data instead of pytest's default folder.

    When root runs the tests, PostgreSQL runs as another user and must reach the folders, but pytest makes its default
    folder private at every start, also under an earlier run that still uses it.
    """
    if not _WORKER and not config.option.basetemp:
        config.option.basetemp = _directory[0] / "tests"


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    if not _WORKER:
        _stop()
        sys.stderr.flush()
