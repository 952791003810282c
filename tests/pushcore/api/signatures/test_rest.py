"""REST signature (RSA): a call that is not signed as documented is refused with the documented code."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from pushcore.models import PushTask, RsaKey, Template, Workspace
from pushcore.security import crypto, keys
from tests.pushcore.api.callers import Rest, SignedRequest
from tests.pushcore.api.signatures.changes import (
    Change,
    add_query,
    append_to_body,
    change_query,
    remove_query,
    rename_query,
    replace_in_body,
    set_query,
    swap_case,
    to_hex,
)
from tests.pushcore.api.signatures.refusals import UNKNOWN_SIGN_TYPE, WRONG_SIGN, Refusal, cases, forget_pushes, refusal

pytestmark = pytest.mark.django_db


def reorder(request: SignedRequest) -> None:
    request.raw = json.dumps(dict(reversed(json.loads(request.raw).items()))).encode()


CHANGED: dict[str, tuple[Change, Refusal]] = {
    "a changed value": (replace_in_body('"title": "Title"', '"title": "Other"'), WRONG_SIGN),
    "a changed target": (replace_in_body("ann", "eve"), WRONG_SIGN),
    "a name in another case": (replace_in_body('"title"', '"Title"'), WRONG_SIGN),
    "an added parameter": (replace_in_body('"title"', '"silent": 1, "title"'), WRONG_SIGN),
    "a repeated parameter": (replace_in_body('"title"', '"title": "Title", "title"'), WRONG_SIGN),
    "a removed parameter": (replace_in_body('"taskName": "task", ', ""), WRONG_SIGN),
    "another order": (reorder, WRONG_SIGN),
    "one more blank": (append_to_body(" "), WRONG_SIGN),
    "another spelling of the same JSON": (replace_in_body(": ", ":"), WRONG_SIGN),
    "another workspace": (replace_in_body('"workspaceId": "test"', '"workspaceId": "second"'), WRONG_SIGN),
    "another app": (replace_in_body("ONEX570DA89211721", "OTHER"), WRONG_SIGN),
    "no signature": (remove_query("sign"), WRONG_SIGN),
    "an empty signature": (set_query("sign", ""), WRONG_SIGN),
    "a signature's name in another case": (rename_query("sign", "Sign"), WRONG_SIGN),
    "a truncated signature": (change_query("sign", lambda text: text[:-8]), WRONG_SIGN),
    "a longer signature": (change_query("sign", lambda text: "AAAA" + text), WRONG_SIGN),
    "an endless signature": (set_query("sign", "A" * 5000), WRONG_SIGN),
    "a signature in another case": (change_query("sign", swap_case), WRONG_SIGN),
    "a signature in hexadecimal": (change_query("sign", to_hex), WRONG_SIGN),
    "a signature that is no base64": (set_query("sign", "%%%"), WRONG_SIGN),
    "a signature with other characters in it": (
        change_query("sign", lambda text: f"{text[:9]}!{text[9:]}"),
        WRONG_SIGN,
    ),
    "a second signature": (add_query("sign", "x"), WRONG_SIGN),
    "no signature type": (remove_query("signType"), UNKNOWN_SIGN_TYPE),
    "an empty signature type": (set_query("signType", ""), UNKNOWN_SIGN_TYPE),
    "another signature type": (set_query("signType", "MD5"), UNKNOWN_SIGN_TYPE),
    "a longer signature type": (set_query("signType", "RSA2"), UNKNOWN_SIGN_TYPE),
    "another method": (lambda request: setattr(request, "method", "PUT"), (405, "")),
}

SIGNED: dict[str, tuple[dict[str, Any], Refusal]] = {
    "SHA-1": ({"algorithm": hashes.SHA1()}, WRONG_SIGN),
    "SHA-512": ({"algorithm": hashes.SHA512()}, WRONG_SIGN),
    "PSS": ({"scheme": padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.MAX_LENGTH)}, WRONG_SIGN),
}


@pytest.fixture
def second(workspace: Workspace) -> Workspace:
    """Another workspace of the app, with a key of its own."""
    return Workspace.objects.create(app=workspace.app, workspace_id="second")


def test_a_rest_call_that_nobody_changed_is_taken(rest: Rest, body: dict[str, Any]) -> None:
    assert json.loads(rest.prepare("push/simple", body).send().content)["code"] == "100"


@cases(CHANGED)
def test_a_rest_call_changed_after_it_was_signed_is_refused(
    rest: Rest, body: dict[str, Any], second: Workspace, change: Change, refused: Refusal
) -> None:
    request = rest.prepare("push/simple", body)
    change(request)
    response = request.send()
    if refused[0] == 405:
        assert response.status_code == 405
        assert not PushTask.objects.exists()
    else:
        assert refusal(response) == refused


@cases(SIGNED)
def test_a_rest_call_signed_in_another_way_is_refused(
    rest: Rest, body: dict[str, Any], change: dict[str, Any], refused: Refusal
) -> None:
    assert refusal(replace(rest, **change).prepare("push/simple", body).send()) == refused


@pytest.mark.parametrize("owner", ["nobody", "another workspace", "receipts", "retired"])
def test_a_rest_call_signed_with_another_key_is_refused(
    rest: Rest, workspace: Workspace, second: Workspace, body: dict[str, Any], owner: str
) -> None:
    private, public = crypto.new_rsa_key()
    if owner == "another workspace":
        keys.add_api_key(second, public)
    elif owner == "receipts":
        RsaKey.objects.create(workspace=workspace, purpose=RsaKey.Purpose.CALLBACK, public_pem=public)
    elif owner == "retired":
        key = keys.add_api_key(workspace, public)
        assert json.loads(Rest(private).prepare("bind", body).send().content)["code"] != "-1"
        RsaKey.objects.filter(pk=key.pk).update(active=False)
    assert refusal(Rest(private).prepare("push/simple", body).send()) == WRONG_SIGN


def test_a_workspace_without_a_key_takes_no_signature(rest: Rest, second: Workspace, body: dict[str, Any]) -> None:
    assert refusal(rest.prepare("push/simple", body | {"workspaceId": "second"}).send()) == WRONG_SIGN


def test_a_rest_signature_of_another_request_is_refused(rest: Rest, body: dict[str, Any]) -> None:
    request = rest.prepare("push/simple", body)
    request.query = rest.prepare("push/simple", body | {"title": "Other"}).query
    assert refusal(request.send()) == WRONG_SIGN


@pytest.mark.parametrize("timestamp", [-16 * 60_000, 2 * 3_600_000, "never", ""])
def test_a_rest_timestamp_counts_where_it_is_given(rest: Rest, body: dict[str, Any], timestamp: int | str) -> None:
    given = int(time.time() * 1000) + timestamp if isinstance(timestamp, int) else timestamp
    assert refusal(rest.prepare("push/simple", body | {"timestamp": given}).send()) == (200, "3028")


def test_a_rest_nonce_is_taken_once_whatever_the_request(rest: Rest, body: dict[str, Any]) -> None:
    signed = body | {"nonce": "n1", "timestamp": int(time.time() * 1000)}
    request = rest.prepare("push/simple", signed)
    assert request.send().json()["code"] == "100"
    forget_pushes()
    again = request.send()
    assert refusal(again) == (200, "3028")
    assert again.json()["message"].endswith("nonce was used already")
    assert refusal(rest.prepare("push/simple", signed | {"targetMsgkey": {"bob": "k2"}}).send()) == (200, "3028")


@pytest.mark.parametrize("less", ["nonce", "timestamp"])
def test_a_workspace_may_require_timestamp_and_nonce(
    rest: Rest, workspace: Workspace, body: dict[str, Any], less: str
) -> None:
    Workspace.objects.filter(pk=workspace.pk).update(replay_protection=True)
    complete = body | {"nonce": "n1", "timestamp": int(time.time() * 1000)}
    refused = rest.prepare("push/simple", {name: value for name, value in complete.items() if name != less}).send()
    assert refusal(refused) == (200, "3028")
    assert refused.json()["message"].endswith("timestamp and nonce are required")
    assert rest.prepare("push/simple", complete).send().json()["code"] == "100"


def prepare_without_body(rest: Rest, path: str, method: str, **query: str) -> SignedRequest:
    """Sign a request without a body: what is signed is its path with the query."""
    signed = f"/api/v1/{path}?{urlencode(query)}"
    pairs = [*query.items(), ("sign", rest.sign(signed.encode())), ("signType", "RSA")]
    return SignedRequest(f"/api/v1/{path}", pairs, b"", {"content-type": "application/json"}, method)


@cases({
    "another path": (lambda request: setattr(request, "path", "/api/v1/templates/second"), WRONG_SIGN),
    "another page": (set_query("page", "2"), WRONG_SIGN),
    "another order": (lambda request: request.query.reverse(), WRONG_SIGN),
    "an added parameter": (lambda request: request.query.insert(0, ("a", "b")), WRONG_SIGN),
    "a removed parameter": (remove_query("page"), WRONG_SIGN),
    "a repeated parameter": (add_query("page", "1"), WRONG_SIGN),
    "another workspace": (set_query("workspaceId", "second"), WRONG_SIGN),
    "no workspace": (remove_query("workspaceId"), (200, "3003")),
})  # fmt: skip
def test_a_read_changed_after_it_was_signed_is_refused(
    rest: Rest, workspace: Workspace, second: Workspace, change: Change, refused: Refusal
) -> None:
    for name in ("winner", "second"):
        Template.objects.create(workspace=workspace, name=name, description="d", title="t", body="b")
    scope = {"appId": "ONEX570DA89211721", "workspaceId": "test", "page": "1"}
    for method in ("GET", "DELETE"):
        request = prepare_without_body(rest, "templates/winner", method, **scope)
        change(request)
        assert refusal(request.send()) == refused
    assert Template.objects.count() == 2
    assert prepare_without_body(rest, "templates", "GET", **scope).send().json()["code"] == "100"
