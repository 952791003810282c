"""Describe devices' HTTP requests in the OpenAPI document, from the JSON Schemas of the device protocol.

The schemas are those of `sdk/schemas`, which is linked here so that the wheel has them too: what SDKs are written from,
what the tests compare with the wire, and what the document says are the same files.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

SCHEMAS = Path(__file__).parent / "schemas"


class _Request(NamedTuple):
    """A request: its path below /device/v1/, the schema of its body, what it does, and an example."""

    path: str
    schema: str
    summary: str
    example: Any
    security: str = "device"


_REQUESTS = (
    _Request(
        "register",
        "register",
        "Register a device, or give an installation its device back",
        {"platform": "android", "model": "M1", "installationId": "0b6a4c1e-6f0d-4bd8-9c1d-2f7f0a4a8f11"},
        security="clientKey",
    ),
    _Request("bind", "bind", "Bind a user to the device", {"userId": "user1024"}),
    _Request("unbind", "unbind", "End the device's binding to a user", {"userId": "user1024"}),
    _Request(
        "report",
        "report",
        "Report the device's token at a vendor, or its description",
        {"thirdChannel": 4, "thirdChannelDeviceToken": "token", "appVersion": "2.0"},
    ),
    _Request(
        "profile",
        "profile",
        "Change the device's own tags, topics and attributes, and whether it takes marketing messages",
        {"topics": {"add": ["news"]}, "attributes": {"city": "Oslo"}, "marketingConsent": True},
    ),
    _Request(
        "inbox",
        "inbox",
        "Read the inbox of the device and its user, mark messages as read, delete them",
        {"read": ["1834567890123456"], "limit": 20},
    ),
    _Request(
        "events",
        "event",
        "Report what became of messages",
        [{"k": "1834567890123456", "event": "opened", "at": 1793000000000}],
    ),
    _Request("unregister", "unregister", "End the device", {}),
)
_STATUSES = {
    "200": "Served: `success` and `code` tell the result.",
    "401": "Wrong credentials.",
    "413": "The body is larger than 64 KiB.",
    "429": "Too many wrong credentials or registrations; again after Retry-After seconds.",
    "503": "Unavailable for a moment.",
}
_SECURITY = {
    "device": "The device's Ad-token and secret.",
    "clientKey": "`{appId}-{workspaceId}` and a client key of the workspace.",
}


def add_device_requests(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add devices' requests to the document: a hook of drf-spectacular."""
    components = result.setdefault("components", {})
    components.setdefault("securitySchemes", {}).update(
        {name: {"type": "http", "scheme": "basic", "description": text} for name, text in _SECURITY.items()}
    )
    schemas = components.setdefault("schemas", {})
    for name in {"answer", "registration", *(request.schema for request in _REQUESTS)}:
        schemas[_component(name)] = _schema(name)
    for request in _REQUESTS:
        result["paths"][f"/device/v1/{request.path}"] = {"post": _operation(request)}
    return result


def _operation(request: _Request) -> dict[str, Any]:
    answer: dict[str, Any] = _reference("answer")
    answers = {status: _json(answer) | {"description": text} for status, text in _STATUSES.items()}
    if request.path == "register":
        data = {"properties": {"data": {"anyOf": [_reference("registration"), {"type": "null"}]}}}
        answers["200"] |= _json({"allOf": [answer, data]})
    return {
        "operationId": f"device_{request.path}",
        "summary": request.summary,
        "tags": ["device"],
        "security": [{request.security: []}],
        "requestBody": {"required": True} | _json(_reference(request.schema), request.example),
        "responses": answers,
    }


def _json(schema: dict[str, Any], example: Any = None) -> dict[str, Any]:
    media: dict[str, Any] = {"schema": schema}
    return {"content": {"application/json": media | ({} if example is None else {"example": example})}}


def _component(name: str) -> str:
    return "Device" + "".join(part.capitalize() for part in name.split("-"))


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{_component(name)}"}


@cache
def _schema(name: str) -> dict[str, Any]:
    """Return a schema of the protocol as a component, which has no name and dialect of its own."""
    schema: dict[str, Any] = json.loads((SCHEMAS / f"{name}.json").read_text())
    return {member: value for member, value in schema.items() if member not in ("$schema", "$id")}
