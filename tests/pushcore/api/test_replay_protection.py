"""A captured request cannot be replayed: nonces count once, on any API, even after Valkey lost data."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pushcore import demo
from pushcore.api import replay_protection, throttle
from pushcore.devices import info, registry
from pushcore.models import App, Binding, PushTask, Workspace
from pushcore.storage import valkey
from tests.pushcore.api.callers import Rest, Rpc2019, Rpc2020

pytestmark = pytest.mark.django_db


def code_of(response: Any) -> tuple[int, str]:
    """Return HTTP status and code of an answer."""
    body = json.loads(response.content)
    return response.status_code, body.get("Code") or body.get("ResultCode") or body["code"]


def test_a_rest_body_with_a_nonce_is_good_for_one_call_of_any_operation(rest: Rest, workspace: Workspace) -> None:
    [(device, _)] = registry.register([(workspace, info.DeviceInfo())])
    body = {"appId": "ONEX570DA89211721", "workspaceId": "test", "userId": "ann", "deliveryToken": device.ad_token}
    signed = body | {"nonce": "n1", "timestamp": int(time.time() * 1000)}
    assert code_of(rest.prepare("unbind", signed).send()) == (200, "100")
    bind = rest.prepare("unbind", signed)
    bind.path = "/api/v1/bind"
    again = bind.send()
    assert code_of(again) == (200, "3028")
    assert again.json()["message"].endswith("nonce was used already")
    assert not Binding.objects.exists()


def test_a_nonce_counts_for_both_apis_and_both_versions(
    rpc2019: Rpc2019, rpc2020: Rpc2020, rest: Rest, form: dict[str, str], body: dict[str, Any]
) -> None:
    once = body | {"nonce": "n1", "timestamp": int(time.time() * 1000)}
    assert rest.prepare("push/simple", once).send().json()["code"] == "100"
    for response in (
        replace(rpc2019, nonce="n1").prepare("PushSimple", form).send(),
        rpc2020.prepare("PushSimple", form, **{"x-acs-signature-nonce": "n1"}).send(),
    ):
        assert code_of(response) == (400, "SignatureNonceUsed")


@pytest.mark.parametrize("nonce", ["", "x" * 129, True, 1.5, {"a": 1}])
def test_an_invalid_nonce_is_refused(rest: Rest, body: dict[str, Any], nonce: object) -> None:
    request = rest.prepare("push/simple", body | {"nonce": nonce, "timestamp": int(time.time() * 1000)})
    assert code_of(request.send()) == (200, "3028")


def test_a_nonce_without_a_timestamp_is_refused(rest: Rest, body: dict[str, Any]) -> None:
    assert code_of(rest.prepare("push/simple", body | {"nonce": "n1"}).send()) == (200, "3028")


def emptied() -> None:
    valkey.client().flushdb()


def restarted() -> None:
    """Leave Valkey as after a restart from its file: the latest keys may be lost, and the mark is from another run."""
    valkey.client().hset(replay_protection.EPOCH_KEY, "run", "another")
    valkey.client().delete(replay_protection.EPOCH_CHECKED_KEY, *valkey.client().keys("mps:nonce:*"))


@pytest.fixture
def young_valkey(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let Valkey seem to have been up for 64 seconds, however long it has served other tests."""
    script = throttle._TAKE.replace("uptime_in_seconds", "arch_bits")
    assert script != throttle._TAKE
    monkeypatch.setattr(throttle, "_TAKE", script)
    throttle._take_script.cache_clear()
    yield
    throttle._take_script.cache_clear()


@pytest.mark.usefixtures("young_valkey")
@pytest.mark.parametrize("lose", [emptied, restarted])
def test_calls_signed_before_valkey_started_are_refused_by_every_api(
    rpc2019: Rpc2019, rpc2020: Rpc2020, rest: Rest, form: dict[str, str], body: dict[str, Any],
    lose: Callable[[], None],
) -> None:  # fmt: skip
    signed = datetime.now(tz=UTC) - timedelta(minutes=10)
    stamp = signed.strftime("%Y-%m-%dT%H:%M:%SZ")
    requests = [
        replace(rpc2019, timestamp=stamp).prepare("PushSimple", form),
        rpc2020.prepare("PushSimple", form, **{"x-acs-date": stamp}),
        rest.prepare("push/simple", body | {"nonce": "n1", "timestamp": int(signed.timestamp() * 1000)}),
    ]
    for request in requests:
        assert code_of(request.send()) in ((200, "100"), (200, "OK"))
    lose()
    for request in requests:
        assert request.send().status_code == 503
    # A time without a fraction may be before the mark that was made within its second.
    valkey.client().hset(replay_protection.EPOCH_KEY, "since", int((time.time() - 2) * 1000))
    assert code_of(rpc2019.prepare("PushSimple", form | {"TargetMsgkey": '{"bob": "k2"}'}).send()) == (200, "100")
    later = body | {"targetMsgkey": {"carl": "k3"}, "nonce": "n2", "timestamp": int(time.time() * 1000)}
    assert code_of(rest.prepare("push/simple", later).send()) == (200, "100")


def test_a_new_workspace_requires_replay_protection_and_the_demo_has_the_plain_form(app: App) -> None:
    assert Workspace.objects.create(app=app, workspace_id="new").replay_protection
    app.delete()
    demo.ensure_demo()
    assert not Workspace.objects.get(workspace_id=demo.WORKSPACE_ID).replay_protection


def test_a_valkey_without_a_mark_gets_one_before_the_first_call(rpc2019: Rpc2019, form: dict[str, str]) -> None:
    emptied()
    throttle.ensure_nonce_epoch()
    since = int(valkey.client().hget(replay_protection.EPOCH_KEY, "since") or 0)
    assert abs(since / 1000 - time.time()) < 5
    throttle.ensure_nonce_epoch()
    assert int(valkey.client().hget(replay_protection.EPOCH_KEY, "since") or 0) == since
    valkey.client().hset(replay_protection.EPOCH_KEY, "since", since - 2000)
    assert code_of(rpc2019.prepare("PushSimple", form).send()) == (200, "100")
    assert PushTask.objects.count() == 1
