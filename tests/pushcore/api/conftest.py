"""Clients of both APIs, and a simple push for each."""

from __future__ import annotations

from typing import Any

import pytest

from pushcore.models import AccessKey, Workspace
from pushcore.security import crypto, keys
from tests.pushcore.api.callers import Rest, Rpc2019, Rpc2020, form_of
from tests.pushcore.api.samples import REQUESTS

ApiClient = Rpc2019 | Rpc2020 | Rest


@pytest.fixture
def rpc2019(access_key: tuple[AccessKey, str]) -> Rpc2019:
    return Rpc2019(access_key[0].access_key_id, access_key[1])


@pytest.fixture
def rpc2020(access_key: tuple[AccessKey, str]) -> Rpc2020:
    return Rpc2020(access_key[0].access_key_id, access_key[1])


@pytest.fixture(scope="session")
def rsa_pair() -> tuple[str, str]:
    """Return (private, public) PEM, shared because generating a key is slow."""
    return crypto.new_rsa_key()


@pytest.fixture
def rest(workspace: Workspace, rsa_pair: tuple[str, str]) -> Rest:
    keys.add_api_key(workspace, rsa_pair[1])
    return Rest(rsa_pair[0])


@pytest.fixture
def form() -> dict[str, str]:
    """Return PushSimple as the RPC API takes it."""
    return form_of(REQUESTS["PushSimple"])


@pytest.fixture
def body() -> dict[str, Any]:
    """Return PushSimple as the REST API takes it."""
    return dict(REQUESTS["PushSimple"])


@pytest.fixture(params=["rpc2019", "rpc2020", "rest"])
def api(request: pytest.FixtureRequest) -> ApiClient:
    """Return a client of each API, and of each version of the RPC API."""
    return request.getfixturevalue(request.param)
