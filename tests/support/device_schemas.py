"""The JSON Schemas of the device protocol (`sdk/schemas`), and the checks that tests' devices make against them.

Every device of the tests checks what it receives, and what it asked where that was granted: `PahoDevice`, `RawDevice`,
the `Fleet`, and `requests` (`check_http`).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from jsonschema import Draft202012Validator

SCHEMAS = Path(__file__).resolve().parent.parent.parent / "sdk" / "schemas"
HTTP_PREFIX = "/device/v1/"
# The schema of what a request over HTTP carries, where it is not called as its path is.
_OF_PATH = {"events": "event"}


@cache
def schema(name: str) -> Draft202012Validator:
    """Return the validator of `sdk/schemas/<name>.json`."""
    return Draft202012Validator(json.loads((SCHEMAS / f"{name}.json").read_text()))


def check(name: str, value: Any) -> None:
    """Fail where a value is not as the schema says."""
    faults = [f"{fault.json_path}: {fault.message}" for fault in schema(name).iter_errors(value)]
    assert not faults, f"{value!r} is not as sdk/schemas/{name}.json says: {faults}"


def check_received(topic: str, payload: bytes) -> Any:
    """Check what the service published; return what it says."""
    received = json.loads(payload)
    if topic != "mps/inbox":
        check("answer", received)
    elif received["bData"]["pushType"] == "revoke":
        check("revocation", received)
    else:
        check("message", received)
    return received


def check_granted(name: str, asked: Any, answer: dict[str, Any]) -> None:
    """Check an answer, and that a request of the schema `name` was granted only if it is as the schema says."""
    check("answer", answer)
    if answer["success"]:
        check(name, asked)
        if name == "register":
            check("registration", answer["data"])


def check_http(send: Callable[..., requests.Response]) -> Callable[..., requests.Response]:
    """Wrap `requests.Session.send`: what goes to the device's paths, and comes back, is checked."""

    def checked(session: requests.Session, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        response = send(session, request, **options)
        path = urlsplit(request.url or "").path
        if path.startswith(HTTP_PREFIX) and request.method == "POST":
            operation = path.removeprefix(HTTP_PREFIX)
            body = response.json()
            asked = json.loads(request.body or b"{}") if body["success"] else None
            check_granted(_OF_PATH.get(operation, operation), asked, body)
        return response

    return checked
