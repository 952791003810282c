"""The REST API follows its OpenAPI schema: generated calls cause no internal error and no undocumented answer."""

from __future__ import annotations

import functools
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import CHECKS
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from mps_project.wsgi import application
from pushcore.api import throttle
from pushcore.api.operations import REST_OPERATIONS
from pushcore.api.rest import signature
from pushcore.devices import registry
from pushcore.devices.info import DeviceInfo
from pushcore.models import Template, Workspace

_JUDGED: list[Any] = [
    CHECKS.get_one("not_a_server_error"),
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
]


CALLS = [("POST", f"/api/v1/{operation.path}") for operation in REST_OPERATIONS] + [
    ("POST", "/api/v1/push/multiple/file"),
    ("GET", "/api/v1/push/multiple/file/{task_id}"),
    ("POST", "/api/v1/templates"),
    ("GET", "/api/v1/templates"),
    ("GET", "/api/v1/templates/{name}"),
    ("DELETE", "/api/v1/templates/{name}"),
]
DEVICE_CALLS = [
    ("POST", f"/device/v1/{name}")
    for name in ("register", "bind", "unbind", "report", "profile", "inbox", "events", "unregister")
]


@functools.cache
def load() -> Any:
    """Return the schema; it is the same for all calls, and takes a second to generate and read."""
    return schemathesis.openapi.from_wsgi("/api/v1/schema/?format=json", application)


def test_every_call_of_the_schema_is_tried_here() -> None:
    found = {(result.ok().method.upper(), result.ok().path) for result in load().get_all_operations()}
    assert found == {*CALLS, *DEVICE_CALLS}


# The application closes its database connections after each call, as it does in production.
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("method", "path"), CALLS)
def test_every_answer_is_as_the_schema_says(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, method: str, path: str
) -> None:
    """Calls bypass the signature, which cannot be generated, and reach the operations."""
    monkeypatch.setattr(signature, "is_valid", lambda *_: True)
    monkeypatch.setattr(throttle, "take", lambda *_: None)
    Template.objects.create(workspace=workspace, name="winner", description="d", title="t", body="b #name#")
    scope = {"appId": workspace.app.app_id, "workspaceId": workspace.workspace_id}

    @settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
    @given(load()[path][method].as_strategy())
    def call(case: schemathesis.Case) -> None:
        case.query = {**(case.query or {}), "signType": "RSA"}
        if isinstance(case.body, dict):
            case.body = {**case.body, **scope}
        else:
            case.query |= scope
        answer = case.call_and_validate(checks=_JUDGED)
        assert answer.json()["code"] != "9000"

    call()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("method", "path"), DEVICE_CALLS)
def test_every_answer_to_a_device_is_as_the_schema_says(workspace: Workspace, method: str, path: str) -> None:
    [(device, secret)] = registry.register([(workspace, DeviceInfo())])
    auth = (f"{workspace.app.app_id}-{workspace.workspace_id}", workspace.client_key)
    if not path.endswith("/register"):
        auth = device.ad_token, secret

    @settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
    @given(load()[path][method].as_strategy())
    def call(case: schemathesis.Case) -> None:
        answer = case.call_and_validate(checks=_JUDGED, auth=auth)
        assert answer.json()["code"] != "9000"

    call()
