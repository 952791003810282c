"""Fixtures of the domain, shared by all rooms, and what keeps thousands of tests short."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Generator, Iterator
from functools import lru_cache
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings
from django.test import TransactionTestCase
from whitenoise.middleware import WhiteNoiseMiddleware  # type: ignore[import-untyped]
from whitenoise.responders import StaticFile  # type: ignore[import-untyped]

from pushcore.api import replay_protection, throttle
from pushcore.models import AccessKey, App, Workspace
from pushcore.security import keys
from pushcore.storage import valkey
from tests.support.database_reset import empty_tables
from tests.support.stack import Stack

_generate_private_key = rsa.generate_private_key
# By public exponent and size in bits.
_RSA_KEYS: defaultdict[tuple[int, int], list[rsa.RSAPrivateKey]] = defaultdict(list)


@pytest.fixture(scope="session", autouse=True)
def _quick() -> Iterator[None]:
    """Spare the tests work that is slow and that none of them is about.

    Passwords are hashed once instead of a million times. After a test only the tables it wrote to are emptied. Static
    files are looked for once, not by each of Django's test clients. A private key is checked once (it takes 40 ms).
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
        yield


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any]) -> Generator[None, Any, Any]:
    """Let what outlives a test make RSA keys of its own, also where a test asks for it in its course."""
    if fixturedef.scope == "function":
        return (yield)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rsa, "generate_private_key", _generate_private_key)
        return (yield)


@pytest.fixture(autouse=True)
def _known_rsa_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test gets the RSA keys that a test before it got, for to find one takes 50 ms; within a test all differ."""
    taken: Counter[tuple[int, int]] = Counter()

    def generate(public_exponent: int, key_size: int) -> rsa.RSAPrivateKey:
        kind = public_exponent, key_size
        made = _RSA_KEYS[kind]
        if taken[kind] == len(made):
            made.append(_generate_private_key(*kind))
        taken[kind] += 1
        return made[taken[kind] - 1]

    monkeypatch.setattr(rsa, "generate_private_key", generate)


@pytest.fixture(autouse=True)
def _empty_bus() -> Iterator[None]:
    """Each test finds a Valkey that is empty and has been for long: whatever was signed, its nonces are kept."""
    throttle.keep_mark()
    valkey.client().hset(replay_protection.MARK, "since", 0)
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
