"""Rate limits: a caller over its rate is asked to wait, and no other caller is affected."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pytest_django import Settings

from pushcore.api import throttle
from pushcore.models import App, PushTask, Workspace
from pushcore.security import keys
from tests.pushcore.api.callers import Rest, Rpc2019

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _slow(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Allow one call, then a long wait."""
    settings.API_RATE_PER_SECOND = 0.01
    monkeypatch.setattr(throttle, "BURST_SECONDS", 100.0)


def test_an_access_key_over_its_rate_gets_a_retry_after(
    rpc2019: Rpc2019, form: dict[str, str], app: App, workspace: Workspace
) -> None:
    assert rpc2019.call("PushSimple", form).status_code == 200
    refused = rpc2019.call("PushSimple", form | {"TargetMsgkey": '{"ann": "k2"}'})
    assert (refused.status_code, json.loads(refused.content)["Code"]) == (429, "Throttling.User")
    assert 90 <= int(refused["Retry-After"]) <= 100
    assert PushTask.objects.count() == 1
    other, secret = keys.create_access_key(app, [workspace])
    assert Rpc2019(other.access_key_id, secret).call("PushSimple", form).status_code == 200


def test_a_workspace_over_its_rate_is_refused_on_the_rest_api(rest: Rest, body: dict[str, Any]) -> None:
    assert rest.call("push/simple", body)["code"] == "100"
    refused = rest.send("push/simple", json.dumps(body | {"targetMsgkey": {"ann": "k2"}}).encode())
    assert (refused.status_code, json.loads(refused.content)["success"]) == (429, False)
    assert int(refused["Retry-After"]) >= 1


def test_calls_are_limited_by_the_day(
    rpc2019: Rpc2019, rest: Rest, form: dict[str, str], body: dict[str, Any], settings: Settings
) -> None:
    settings.API_RATE_PER_SECOND, settings.API_QUOTA_PER_DAY = 1000, 2
    for key in ("k1", "k2", "k3"):
        answer = rpc2019.call("PushSimple", form | {"TargetMsgkey": json.dumps({"ann": key})})
        assert answer.status_code == (429 if key == "k3" else 200)
    assert json.loads(answer.content)["Code"] == "Throttling.User"
    assert 1 <= int(answer["Retry-After"]) <= 86_400
    for key, status in (("r1", 200), ("r2", 200), ("r3", 429)):
        sent = rest.send("push/simple", json.dumps(body | {"targetMsgkey": {"ann": key}}).encode())
        assert sent.status_code == status
    assert PushTask.objects.count() == 4


def test_a_stranger_cannot_use_up_a_callers_rate(rpc2019: Rpc2019, form: dict[str, str]) -> None:
    for _ in range(3):
        assert Rpc2019(rpc2019.key_id, "wrong").call("PushSimple", form).status_code == 400
    assert rpc2019.call("PushSimple", form).status_code == 200


def test_the_rate_recovers_with_time(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.API_RATE_PER_SECOND = 1000
    monkeypatch.setattr(throttle, "BURST_SECONDS", 0.001)
    taken = 0
    for _ in range(2000):
        try:
            throttle.take("someone")
        except throttle.ThrottledError:
            continue
        taken += 1
    assert 1 < taken <= 2000
