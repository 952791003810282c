"""Access keys are cached for a second: rights granted work at once, rights taken end within it."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from pushcore.api import access_keys
from pushcore.models import AccessKey, App, Workspace
from tests.pushcore.api.callers import Rpc2019

pytestmark = pytest.mark.django_db


def _code(response: Any) -> str:
    body = json.loads(response.content)
    return str(body.get("Code") or body["ResultCode"])


def _code_in_the_end(rpc: Rpc2019, form: dict[str, str], wanted: str) -> str:
    """Repeat a call until it has the wanted code or time is up; returns the last code."""
    deadline = time.monotonic() + 10 * access_keys.REMEMBER_SECONDS
    while (code := _code(rpc.call("PushSimple", form))) != wanted and time.monotonic() < deadline:
        time.sleep(0.05)
    return code


@pytest.mark.parametrize(
    ("case", "code"),
    [
        ("key disabled", "InvalidAccessKeyId.Inactive"),
        ("key deleted", "InvalidAccessKeyId.NotFound"),
        ("not granted", "3007"),
        ("app disabled", "3007"),
        ("workspace disabled", "3007"),
    ],
)
def test_a_right_taken_from_a_key_in_use_is_refused_within_a_second(
    rpc2019: Rpc2019, form: dict[str, str], access_key: tuple[AccessKey, str], case: str, code: str
) -> None:
    assert _code(rpc2019.call("PushSimple", form)) == "100"
    if case == "key disabled":
        AccessKey.objects.update(enabled=False)
    elif case == "key deleted":
        AccessKey.objects.all().delete()
    elif case == "not granted":
        access_key[0].workspaces.clear()
    elif case == "app disabled":
        App.objects.update(enabled=False)
    else:
        Workspace.objects.update(enabled=False)
    assert _code_in_the_end(rpc2019, form, code) == code


def test_a_right_given_to_a_key_works_with_the_next_call(
    rpc2019: Rpc2019, form: dict[str, str], workspace: Workspace, access_key: tuple[AccessKey, str]
) -> None:
    access_key[0].workspaces.clear()
    assert _code(rpc2019.call("PushSimple", form)) == "3007"
    access_key[0].workspaces.add(workspace)
    assert _code(rpc2019.call("PushSimple", form)) == "100"
    AccessKey.objects.update(enabled=False)
    assert _code_in_the_end(rpc2019, form, "InvalidAccessKeyId.Inactive") == "InvalidAccessKeyId.Inactive"
    AccessKey.objects.update(enabled=True)
    assert _code(rpc2019.call("PushSimple", form)) == "100"


def test_the_cache_of_keys_is_bounded(rpc2019: Rpc2019, form: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_keys, "MAX_REMEMBERED", 1)
    monkeypatch.setattr(access_keys, "_remembered", {"other": None})
    assert _code(rpc2019.call("PushSimple", form)) == "100"
    assert list(access_keys._remembered) == [rpc2019.key_id]
