"""Fixtures for the started service: its database, devices, and the published Node package."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e import backends
from tests.e2e.database import Database
from tests.support import node_packages
from tests.support.devices import PahoDevice
from tests.support.stack import Stack

NODE = Path(__file__).resolve().parent / "node"


@pytest.fixture
def database(stack: Stack) -> Iterator[Database]:
    database = Database(stack)
    yield database
    database.close()


@pytest.fixture
def new_device(stack: Stack) -> Iterator[Callable[..., PahoDevice]]:
    """Return a function that connects a device, a new or a known one. `app` holds credentials of another app."""
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
    """End the test's broadcasts after it, since they are offered to every device that connects."""
    yield
    database.query("UPDATE pushcore_broadcast SET expire_at = now() RETURNING task_id")
    backends.run_in_service(stack, "from gateway.lane import notify_broadcasts_changed; notify_broadcasts_changed()")


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """Return the folder of Node packages at the versions of `package-lock.json`."""
    return node_packages.installed(NODE)
