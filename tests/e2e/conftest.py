"""What tests of the started service share: its database, devices, the published Node client."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e import backends
from tests.e2e.database import Database
from tests.support.devices import PahoDevice
from tests.support.stack import ROOT, Stack

# What npm says where there is no network, or none that leads to its packages.
_NO_REGISTRY = (
    "ENOTFOUND",
    "ECONNREFUSED",
    "ECONNRESET",
    "ETIMEDOUT",
    "EAI_AGAIN",
    "E401",
    "E403",
    "ERR_SOCKET_TIMEOUT",
)
NODE = Path(__file__).resolve().parent / "node"


@pytest.fixture
def database(stack: Stack) -> Iterator[Database]:
    database = Database(stack)
    yield database
    database.close()


@pytest.fixture
def new_device(stack: Stack) -> Iterator[Callable[..., PahoDevice]]:
    """Connects a device: a new one, or a known one again. `app`: credentials of another app than the demo's."""
    made: list[PahoDevice] = []

    def connect(
        transport: str = "tcp", known: PahoDevice | None = None, app: dict[str, str] | None = None
    ) -> PahoDevice:
        made.append(PahoDevice(stack.demo | (app or {}), transport=transport, known=known).connect())
        return made[-1]

    yield connect
    for device in made:
        device.disconnect()


@pytest.fixture
def broadcasts_end(stack: Stack, database: Database) -> Iterator[None]:
    """Ends the test's broadcasts after it; until then they are offered to every device that connects."""
    yield
    database.query("UPDATE pushcore_broadcast SET expire_at = now() RETURNING task_id")
    backends.run_in_service(stack, "from gateway.lane import tell_broadcast_news; tell_broadcast_news()")


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """The folder of Node packages, at the versions of `package-lock.json`; kept in `var/` from one run to the next."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not on this machine")
    lock = (NODE / "package-lock.json").read_bytes()
    kept = ROOT / "var" / "tests" / f"node-{hashlib.sha256(lock).hexdigest()[:16]}"
    if not kept.exists():
        coming = kept.with_name(f"{kept.name}.{os.getpid()}")
        shutil.copytree(NODE, coming)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        ran = subprocess.run(command, cwd=coming, capture_output=True, text=True, timeout=240, check=False)
        if ran.returncode and any(sign in ran.stderr for sign in _NO_REGISTRY):
            shutil.rmtree(coming)
            pytest.skip(f"npm reaches no registry from this machine: {ran.stderr.splitlines()[0]}")
        assert ran.returncode == 0, f"npm ci failed:\n{ran.stdout}{ran.stderr}"
        try:
            coming.rename(kept)
        except OSError:  # another worker of this run was faster
            shutil.rmtree(coming)
    return kept / "node_modules"
