"""Fixtures shared by all tests: the app, its workspace and access key, and the running service."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from functools import lru_cache

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from django.conf import settings
from django.db.backends.postgresql.creation import DatabaseCreation
from django.test import TransactionTestCase
from whitenoise.middleware import WhiteNoiseMiddleware  # type: ignore[import-untyped]
from whitenoise.responders import StaticFile  # type: ignore[import-untyped]

from mps_project.garbage_collection import exempt_loaded_objects, paused_while_loading
from pushcore.api import replay_protection, throttle
from pushcore.models import AccessKey, App, Workspace
from pushcore.security import keys
from pushcore.storage import valkey
from tests.support import device_schemas
from tests.support.database_reset import empty_tables
from tests.support.migrated_database import migrate_once
from tests.support.shared_stacks import shared, stop_idle
from tests.support.stack import Stack


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Rest garbage collection while thousands of tests are loaded; it looks at none of them afterwards."""
    with paused_while_loading():
        collected = yield
    exempt_loaded_objects()
    return collected


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    """Stop the services that no following test of this worker needs."""
    stop_idle(nextitem)


@pytest.fixture(scope="session", autouse=True)
def _skip_slow_work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Skip slow work that no test is about.

    Passwords are hashed once instead of a million times. After a test only tables with rows are emptied. Static files
    are searched once instead of by each test client. Each private key is checked once, which takes 40 ms. One of the
    parallel workers runs the migrations.
    """
    find, files = WhiteNoiseMiddleware.add_files_from_finders, dict[str, StaticFile]()

    def add_files(middleware: WhiteNoiseMiddleware) -> None:
        if not files:
            find(middleware)
            files.update(middleware.files)
        middleware.files.update(files)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "PASSWORD_HASHERS", ["django.contrib.auth.hashers.MD5PasswordHasher"])
        patch.setattr(serialization, "load_pem_private_key", lru_cache(serialization.load_pem_private_key))
        patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", add_files)
        patch.setattr(TransactionTestCase, "_fixture_teardown", empty_tables)
        if "PYTEST_XDIST_WORKER" in os.environ:
            lock = tmp_path_factory.getbasetemp().parent / "migrated.lock"
            patch.setattr(DatabaseCreation, "create_test_db", migrate_once(DatabaseCreation.create_test_db, lock))
        yield


@pytest.fixture(scope="session", autouse=True)
def _check_device_requests() -> Iterator[None]:
    """Check what goes to the devices' paths by `requests`, and what comes back, against the protocol's schemas."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests.Session, "send", device_schemas.check_http(requests.Session.send))
        yield


@pytest.fixture(autouse=True)
def _empty_valkey() -> Iterator[None]:
    """Empty Valkey for each test, and mark it as up for long, so that it knows the nonces of all calls still valid."""
    throttle.ensure_nonce_epoch()
    valkey.client().hset(replay_protection.EPOCH_KEY, "since", 0)
    yield
    valkey.client().flushdb()


@pytest.fixture
def username(workspace: Workspace) -> str:
    """Return the MQTT user name of the workspace's devices."""
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
    """Start the whole service once, for all tests that need it (mark them `xdist_group("stack")`)."""
    with shared("stack", Stack(tmp_path_factory.mktemp("stack") / "var")) as running:
        yield running
