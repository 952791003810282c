"""Fixtures of the domain, shared by all rooms."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pushcore.api import replay, throttle
from pushcore.models import AccessKey, App, Workspace
from pushcore.security import keys
from pushcore.storage import valkey
from tests.support.stack import Stack


@pytest.fixture(autouse=True)
def _empty_bus() -> Iterator[None]:
    """Each test finds a fast store that is empty and has been for long: whatever was signed, its nonces are kept."""
    throttle.keep_mark()
    valkey.client().hset(replay.MARK, "since", 0)
    yield
    valkey.client().flushdb()


@pytest.fixture
def username(workspace: Workspace) -> str:
    """What devices of the workspace connect as."""
    return f"{workspace.app.app_id}-{workspace.workspace_id}"


@pytest.fixture
def app(db: None) -> App:
    return App.objects.create(app_id="ONEX570DA89211721", name="Demo")


@pytest.fixture
def workspace(app: App) -> Workspace:
    return Workspace.objects.create(app=app, workspace_id="test", client_bind="open", replay_protection=False)


@pytest.fixture
def access_key(app: App, workspace: Workspace) -> tuple[AccessKey, str]:
    return keys.create_access_key(app, [workspace])


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole service, started once for the tests that need it (mark them `xdist_group("stack")`)."""
    with Stack(tmp_path_factory.mktemp("stack") / "var") as running:
        yield running
