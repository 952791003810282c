"""What is not signed as documented is refused with the documented code, on both APIs, and nothing is pushed."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import pytest
from aliyunsdkcore.auth.algorithm import sha_hmac1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from pushcore.models import AccessKey, App, Message, MessageKey, PushTask, RsaKey, Template, Workspace
from pushcore.security import crypto, keys
from tests.pushcore.api.callers import Rest, Rpc2019, Rpc2020, Wire
from tests.pushcore.api.changes import (
    Change,
    as_get,
    as_hex,
    in_authorization,
    in_body,
    in_header,
    in_query,
    into_the_query,
    less_header,
    less_query,
    more_body,
    more_query,
    of_signature,
    other_case,
    renamed_query,
    set_header,
    set_query,
)

pytestmark = pytest.mark.django_db

Refusal = tuple[int, str]

MISMATCH = (400, "SignatureDoesNotMatch")
UNKNOWN_KEY = (404, "InvalidAccessKeyId.NotFound")
DISABLED_KEY = (403, "InvalidAccessKeyId.Inactive")
EXPIRED = (400, "InvalidTimeStamp.Expired")
NO_TIME = (400, "InvalidTimeStamp.Format")
USED_NONCE = (400, "SignatureNonceUsed")
UNSUPPORTED = (400, "UnsupportedSignatureMethod")
WRONG_SIGN = (200, "-1")
UNKNOWN_SIGN_TYPE = (200, "3033")


def stamp(**offset: int) -> str:
    return (datetime.now(tz=UTC) + timedelta(**offset)).strftime("%Y-%m-%dT%H:%M:%SZ")


def refusal(response: Any) -> Refusal:
    """HTTP status and code of an answer, which must not be a success; nothing may have been pushed."""
    body = json.loads(response.content)
    code = body.get("Code") or body.get("ResultCode") or body["code"]
    assert code not in ("100", "OK"), body
    assert not PushTask.objects.exists()
    assert not Message.objects.exists()
    assert not MessageKey.objects.exists()
    return response.status_code, code


def forget_pushes() -> None:
    Message.objects.all().delete()
    MessageKey.objects.all().delete()
    PushTask.objects.all().delete()


def cases(table: dict[str, tuple[Any, Refusal]]) -> Any:
    """One test a row; its name is the row's."""
    return pytest.mark.parametrize(
        ("change", "refused"), [pytest.param(change, refused, id=name) for name, (change, refused) in table.items()]
    )


# -- signature version 1 -------------------------------------------------------------------------------------------

CHANGED_2019: dict[str, tuple[Change, Refusal]] = {
    "a changed value": (in_body("Title=Title", "Title=Other"), MISMATCH),
    "a changed target": (in_body("ann", "eve"), MISMATCH),
    "a value in another case": (in_body("Title=Title", "Title=TITLE"), MISMATCH),
    "a name in another case": (in_body("Title=", "title="), MISMATCH),
    "an added parameter in the body": (more_body("&Silent=1"), MISMATCH),
    "an added parameter in the query": (more_query("Silent", "1"), MISMATCH),
    "a removed parameter of the body": (in_body("&Title=Title", ""), MISMATCH),
    "a removed parameter of the query": (less_query("SignatureType"), MISMATCH),
    "a repeated parameter that would count": (more_body("&Title=Other"), MISMATCH),
    "a repeated nonce that would count": (more_query("SignatureNonce", "other"), MISMATCH),
    "an emptied body": (lambda wire: setattr(wire, "raw", b""), MISMATCH),
    "another method": (as_get, MISMATCH),
    "another action": (set_query("Action", "PushTemplate"), MISMATCH),
    "another version": (set_query("Version", "2020-10-28"), MISMATCH),
    "another key's id": (set_query("AccessKeyId", "STRANGER"), MISMATCH),
    "an id in another case": (in_query("AccessKeyId", other_case), UNKNOWN_KEY),
    "another timestamp": (set_query("Timestamp", stamp(seconds=-5)), MISMATCH),
    "another nonce": (set_query("SignatureNonce", "fresh"), MISMATCH),
    "another algorithm": (set_query("SignatureMethod", "HMAC-SHA256"), MISMATCH),
    "an algorithm's name in another case": (in_query("SignatureMethod", other_case), MISMATCH),
    "an unknown algorithm": (set_query("SignatureMethod", "HMAC-MD5"), UNSUPPORTED),
    "no algorithm": (set_query("SignatureMethod", "none"), UNSUPPORTED),
    "an unknown signature version": (set_query("SignatureVersion", "2.0"), UNSUPPORTED),
    "no signature": (less_query("Signature"), (400, "MissingSignature")),
    "an empty signature": (set_query("Signature", ""), (400, "MissingSignature")),
    "a signature's name in another case": (renamed_query("Signature", "signature"), (400, "MissingSignature")),
    "a truncated signature": (in_query("Signature", lambda text: text[:-4]), MISMATCH),
    "a signature without its padding": (in_query("Signature", lambda text: text.rstrip("=")), MISMATCH),
    "a longer signature": (in_query("Signature", lambda text: text + "AAAA"), MISMATCH),
    "a signature in another case": (in_query("Signature", other_case), MISMATCH),
    "a signature in hexadecimal": (in_query("Signature", as_hex), MISMATCH),
    "a signature that is no base64": (set_query("Signature", "ключ\u0000"), MISMATCH),
    "a second signature": (more_query("Signature", "x"), MISMATCH),
    "no key": (less_query("AccessKeyId"), (400, "MissingAccessKeyId")),
    "no timestamp": (less_query("Timestamp"), (400, "MissingTimestamp")),
    "no nonce": (less_query("SignatureNonce"), (400, "MissingSignatureNonce")),
}

SIGNED_2019: dict[str, tuple[dict[str, Any], Refusal]] = {
    "another secret": ({"secret": "wrong"}, MISMATCH),
    "an empty secret": ({"secret": ""}, MISMATCH),
    "an unknown key": ({"key_id": "NOBODY"}, UNKNOWN_KEY),
    "a key with a NUL": ({"key_id": "a\0b"}, UNKNOWN_KEY),
    "a disabled key": ({"key_id": "DISABLED", "secret": "disabled"}, DISABLED_KEY),
    "another app's key": ({"key_id": "STRANGER", "secret": "stranger"}, (200, "3007")),
    "a stale timestamp": ({"timestamp": stamp(minutes=-16)}, EXPIRED),
    "a timestamp of the future": ({"timestamp": stamp(hours=2)}, EXPIRED),
    "an unreadable timestamp": ({"timestamp": "yesterday"}, NO_TIME),
}


@pytest.fixture(autouse=True)
def _other_keys(app: App, workspace: Workspace) -> None:
    """A disabled key of the app, and a key of another app that was granted a workspace of the same name."""
    other = App.objects.create(app_id="OTHER", name="Other")
    elsewhere = Workspace.objects.create(app=other, workspace_id="test")
    for owner, granted, name, enabled in ((app, workspace, "disabled", False), (other, elsewhere, "stranger", True)):
        key = AccessKey.objects.create(
            access_key_id=name.upper(), secret_sealed=crypto.encrypt(name), app=owner, enabled=enabled
        )
        key.workspaces.set([granted])


def test_a_v1_call_that_nobody_changed_is_taken_in_any_order(rpc2019: Rpc2019, form: dict[str, str]) -> None:
    wire = rpc2019.wire("PushSimple", form)
    wire.query.reverse()
    wire.raw = urlencode(list(reversed(form.items()))).encode()
    assert json.loads(wire.send().content)["ResultCode"] == "100"


@cases(CHANGED_2019)
def test_a_v1_call_changed_after_it_was_signed_is_refused(
    rpc2019: Rpc2019, form: dict[str, str], change: Change, refused: Refusal
) -> None:
    wire = rpc2019.wire("PushSimple", form)
    change(wire)
    assert refusal(wire.send()) == refused


@cases(SIGNED_2019)
def test_a_v1_call_signed_by_or_for_another_is_refused(
    rpc2019: Rpc2019, form: dict[str, str], change: dict[str, Any], refused: Refusal
) -> None:
    assert refusal(replace(rpc2019, **change).wire("PushSimple", form).send()) == refused


def test_a_v1_signature_of_another_request_is_refused(rpc2019: Rpc2019, form: dict[str, str]) -> None:
    other = dict(rpc2019.wire("PushSimple", form | {"Title": "Other"}).query)["Signature"]
    wire = rpc2019.wire("PushSimple", form)
    set_query("Signature", other)(wire)
    assert refusal(wire.send()) == MISMATCH


def test_a_v1_signature_by_another_algorithm_than_its_name_is_refused(rpc2019: Rpc2019, form: dict[str, str]) -> None:
    def method() -> str:
        return "HMAC-SHA256"

    sha1_under_another_name = SimpleNamespace(**vars(sha_hmac1) | {"get_signer_name": method})
    assert refusal(replace(rpc2019, signer=sha1_under_another_name).wire("PushSimple", form).send()) == MISMATCH


def test_what_was_not_signed_of_a_repeated_parameter_does_not_count(rpc2019: Rpc2019, form: dict[str, str]) -> None:
    wire = rpc2019.wire("PushSimple", form)
    wire.query.append(("Title", "Other"))
    wire.raw = b"Title=Another&" + wire.raw
    assert wire.send().status_code == 200
    assert PushTask.objects.get().content["title"] == "Title"


def test_a_v1_nonce_is_taken_once_whatever_the_request(rpc2019: Rpc2019, form: dict[str, str]) -> None:
    wire = replace(rpc2019, nonce="n1").wire("PushSimple", form)
    assert wire.send().status_code == 200
    other = replace(rpc2019, nonce="n1").wire("PushSimple", form | {"TargetMsgkey": '{"bob": "k2"}'})
    forget_pushes()
    assert refusal(wire.send()) == USED_NONCE
    assert refusal(other.send()) == USED_NONCE


# -- ACS3 ----------------------------------------------------------------------------------------------------------

EMPTY_HASH = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

CHANGED_2020: dict[str, tuple[Change, Refusal]] = {
    "an altered body": (in_body("Title=Title", "Title=Other"), MISMATCH),
    "a longer body": (more_body("&Silent=1"), MISMATCH),
    "a reordered body": (in_body("Title=Title&Content=Content", "Content=Content&Title=Title"), MISMATCH),
    "an emptied body": (lambda wire: setattr(wire, "raw", b""), MISMATCH),
    "a body moved into the query": (into_the_query, MISMATCH),
    "another method": (as_get, MISMATCH),
    "an added parameter in the query": (more_query("Silent", "1"), MISMATCH),
    "another hash": (set_header("x-acs-content-sha256", "0" * 64), MISMATCH),
    "no hash": (less_header("x-acs-content-sha256"), (400, "Missingx-acs-content-sha256")),
    "another action": (set_header("x-acs-action", "PushTemplate"), MISMATCH),
    "another version": (set_header("x-acs-version", "2019-08-21"), MISMATCH),
    "another host": (set_header("host", "other.example"), MISMATCH),
    "another content type": (set_header("content-type", "text/plain"), MISMATCH),
    "another date": (set_header("x-acs-date", stamp(seconds=-5)), MISMATCH),
    "no date": (less_header("x-acs-date"), (400, "Missingx-acs-date")),
    "another nonce": (set_header("x-acs-signature-nonce", "fresh"), MISMATCH),
    "no nonce": (less_header("x-acs-signature-nonce"), (400, "Missingx-acs-signature-nonce")),
    "one header less in the signature": (in_authorization("x-acs-date;", ""), MISMATCH),
    "one more header in the signature": (in_authorization("host;", "host;user-agent;"), MISMATCH),
    "no headers in the signature": (in_authorization("SignedHeaders=", "SignedHeaders=,X="), MISMATCH),
    "an empty signature": (of_signature(lambda _: ""), MISMATCH),
    "a truncated signature": (of_signature(lambda text: text[:-2]), MISMATCH),
    "a longer signature": (of_signature(lambda text: text + "00"), MISMATCH),
    "a signature in upper case": (of_signature(str.upper), MISMATCH),
    "a signature in base64": (of_signature(lambda text: base64.b64encode(bytes.fromhex(text)).decode()), MISMATCH),
    "another key's id": (in_header("authorization", lambda text: _for_key(text, "STRANGER")), MISMATCH),
    "an unknown key's id": (in_header("authorization", lambda text: _for_key(text, "NOBODY")), UNKNOWN_KEY),
    "no key's id": (in_header("authorization", lambda text: _for_key(text, "")), (400, "MissingAuthorization")),
    "a longer algorithm's name": (
        in_authorization("ACS3-HMAC-SHA256", "ACS3-HMAC-SHA256-PLUS"), (400, "MissingAuthorization"),
    ),
    # Without the name of the algorithm a call is read as one of signature version 1, which it is not.
    "another algorithm's name": (in_authorization("ACS3-HMAC-SHA256", "ACS3-HMAC-SM3"), (400, "MissingAction")),
    "an algorithm's name in lower case": (in_authorization("ACS3-HMAC", "acs3-hmac"), (400, "MissingAction")),
    "no authorization": (less_header("authorization"), (400, "MissingAction")),
}  # fmt: skip

# What decides about a request must be signed.
DECIDING = (
    "host", "x-acs-action", "x-acs-version", "x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce",
)  # fmt: skip
# `signed`: headers as they were signed; other names: fields of the caller.
SIGNED_2020: dict[str, tuple[dict[str, Any], Refusal]] = {
    **{f"{name} not signed": ({"unsigned": name}, MISMATCH) for name in DECIDING},
    "another secret": ({"secret": "wrong"}, MISMATCH),
    "a disabled key": ({"key_id": "DISABLED", "secret": "disabled"}, DISABLED_KEY),
    "another app's key": ({"key_id": "STRANGER", "secret": "stranger"}, (200, "3007")),
    "an unknown key": ({"key_id": "NOBODY"}, UNKNOWN_KEY),
    "a stale date": ({"signed": {"x-acs-date": stamp(minutes=-16)}}, EXPIRED),
    "a date of the future": ({"signed": {"x-acs-date": stamp(hours=2)}}, EXPIRED),
    "an unreadable date": ({"signed": {"x-acs-date": "yesterday"}}, NO_TIME),
    "another body's hash": ({"signed": {"x-acs-content-sha256": EMPTY_HASH}}, MISMATCH),
    "an unsigned payload": ({"signed": {"x-acs-content-sha256": "UNSIGNED-PAYLOAD"}}, MISMATCH),
    "an unknown action": ({"signed": {"x-acs-action": "PushNothing"}}, (404, "InvalidAction.NotFound")),
    "an unknown version": ({"signed": {"x-acs-version": "2018-01-01"}}, (400, "InvalidVersion")),
}


def _for_key(authorization: str, key_id: str) -> str:
    before, _, rest = authorization.partition("Credential=")
    return f"{before}Credential={key_id},{rest.partition(',')[2]}"


def test_an_acs3_call_that_nobody_changed_is_taken(rpc2020: Rpc2020, form: dict[str, str]) -> None:
    assert json.loads(rpc2020.wire("PushSimple", form).send().content)["ResultCode"] == "OK"


@cases(CHANGED_2020)
def test_an_acs3_call_changed_after_it_was_signed_is_refused(
    rpc2020: Rpc2020, form: dict[str, str], change: Change, refused: Refusal
) -> None:
    wire = rpc2020.wire("PushSimple", form)
    change(wire)
    assert refusal(wire.send()) == refused


@cases(SIGNED_2020)
def test_an_acs3_call_signed_by_or_for_another_is_refused(
    rpc2020: Rpc2020, form: dict[str, str], change: dict[str, Any], refused: Refusal
) -> None:
    fields = {name: value for name, value in change.items() if name != "signed"}
    assert refusal(replace(rpc2020, **fields).wire("PushSimple", form, **change.get("signed", {})).send()) == refused


def test_an_acs3_signature_of_another_request_is_refused(rpc2020: Rpc2020, form: dict[str, str]) -> None:
    wire = rpc2020.wire("PushSimple", form)
    wire.headers["authorization"] = rpc2020.wire("PushSimple", form | {"Title": "Other"}).headers["authorization"]
    assert refusal(wire.send()) == MISMATCH


def test_an_acs3_nonce_is_taken_once_and_neither_signature_lends_it_to_the_other(
    rpc2019: Rpc2019, rpc2020: Rpc2020, form: dict[str, str]
) -> None:
    wire = rpc2020.wire("PushSimple", form, **{"x-acs-signature-nonce": "n1"})
    assert wire.send().status_code == 200
    forget_pushes()
    assert refusal(wire.send()) == USED_NONCE
    other = form | {"TargetMsgkey": '{"bob": "k2"}'}
    assert refusal(rpc2020.wire("PushSimple", other, **{"x-acs-signature-nonce": "n1"}).send()) == USED_NONCE
    assert refusal(replace(rpc2019, nonce="n1").wire("PushSimple", other).send()) == USED_NONCE


# -- REST ----------------------------------------------------------------------------------------------------------


def reordered(wire: Wire) -> None:
    wire.raw = json.dumps(dict(reversed(json.loads(wire.raw).items()))).encode()


CHANGED_REST: dict[str, tuple[Change, Refusal]] = {
    "a changed value": (in_body('"title": "Title"', '"title": "Other"'), WRONG_SIGN),
    "a changed target": (in_body("ann", "eve"), WRONG_SIGN),
    "a name in another case": (in_body('"title"', '"Title"'), WRONG_SIGN),
    "an added parameter": (in_body('"title"', '"silent": 1, "title"'), WRONG_SIGN),
    "a repeated parameter": (in_body('"title"', '"title": "Title", "title"'), WRONG_SIGN),
    "a removed parameter": (in_body('"taskName": "task", ', ""), WRONG_SIGN),
    "another order": (reordered, WRONG_SIGN),
    "one more blank": (more_body(" "), WRONG_SIGN),
    "another spelling of the same JSON": (in_body(": ", ":"), WRONG_SIGN),
    "another workspace": (in_body('"workspaceId": "test"', '"workspaceId": "second"'), WRONG_SIGN),
    "another app": (in_body("ONEX570DA89211721", "OTHER"), WRONG_SIGN),
    "no signature": (less_query("sign"), WRONG_SIGN),
    "an empty signature": (set_query("sign", ""), WRONG_SIGN),
    "a signature's name in another case": (renamed_query("sign", "Sign"), WRONG_SIGN),
    "a truncated signature": (in_query("sign", lambda text: text[:-8]), WRONG_SIGN),
    "a longer signature": (in_query("sign", lambda text: "AAAA" + text), WRONG_SIGN),
    "an endless signature": (set_query("sign", "A" * 5000), WRONG_SIGN),
    "a signature in another case": (in_query("sign", other_case), WRONG_SIGN),
    "a signature in hexadecimal": (in_query("sign", as_hex), WRONG_SIGN),
    "a signature that is no base64": (set_query("sign", "%%%"), WRONG_SIGN),
    "a signature with other characters in it": (in_query("sign", lambda text: f"{text[:9]}!{text[9:]}"), WRONG_SIGN),
    "a second signature": (more_query("sign", "x"), WRONG_SIGN),
    "no signature type": (less_query("signType"), UNKNOWN_SIGN_TYPE),
    "an empty signature type": (set_query("signType", ""), UNKNOWN_SIGN_TYPE),
    "another signature type": (set_query("signType", "MD5"), UNKNOWN_SIGN_TYPE),
    "a longer signature type": (set_query("signType", "RSA2"), UNKNOWN_SIGN_TYPE),
    "another method": (lambda wire: setattr(wire, "method", "PUT"), (405, "")),
}

SIGNED_REST: dict[str, tuple[dict[str, Any], Refusal]] = {
    "SHA-1": ({"algorithm": hashes.SHA1()}, WRONG_SIGN),
    "SHA-512": ({"algorithm": hashes.SHA512()}, WRONG_SIGN),
    "PSS": ({"scheme": padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.MAX_LENGTH)}, WRONG_SIGN),
}


@pytest.fixture
def second(workspace: Workspace) -> Workspace:
    """Another workspace of the app, with a key of its own."""
    return Workspace.objects.create(app=workspace.app, workspace_id="second")


def test_a_rest_call_that_nobody_changed_is_taken(rest: Rest, body: dict[str, Any]) -> None:
    assert json.loads(rest.wire("push/simple", body).send().content)["code"] == "100"


@cases(CHANGED_REST)
def test_a_rest_call_changed_after_it_was_signed_is_refused(
    rest: Rest, body: dict[str, Any], second: Workspace, change: Change, refused: Refusal
) -> None:
    wire = rest.wire("push/simple", body)
    change(wire)
    response = wire.send()
    if refused[0] == 405:
        assert response.status_code == 405
        assert not PushTask.objects.exists()
    else:
        assert refusal(response) == refused


@cases(SIGNED_REST)
def test_a_rest_call_signed_in_another_way_is_refused(
    rest: Rest, body: dict[str, Any], change: dict[str, Any], refused: Refusal
) -> None:
    assert refusal(replace(rest, **change).wire("push/simple", body).send()) == refused


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
        assert json.loads(Rest(private).wire("bind", body).send().content)["code"] != "-1"
        RsaKey.objects.filter(pk=key.pk).update(active=False)
    assert refusal(Rest(private).wire("push/simple", body).send()) == WRONG_SIGN


def test_a_workspace_without_a_key_takes_no_signature(rest: Rest, second: Workspace, body: dict[str, Any]) -> None:
    assert refusal(rest.wire("push/simple", body | {"workspaceId": "second"}).send()) == WRONG_SIGN


def test_a_rest_signature_of_another_request_is_refused(rest: Rest, body: dict[str, Any]) -> None:
    wire = rest.wire("push/simple", body)
    wire.query = rest.wire("push/simple", body | {"title": "Other"}).query
    assert refusal(wire.send()) == WRONG_SIGN


@pytest.mark.parametrize("timestamp", [-16 * 60_000, 2 * 3_600_000, "never", ""])
def test_a_rest_timestamp_counts_where_it_is_given(rest: Rest, body: dict[str, Any], timestamp: int | str) -> None:
    given = int(time.time() * 1000) + timestamp if isinstance(timestamp, int) else timestamp
    assert refusal(rest.wire("push/simple", body | {"timestamp": given}).send()) == (200, "3028")


def test_a_rest_nonce_is_taken_once_whatever_the_request(rest: Rest, body: dict[str, Any]) -> None:
    signed = body | {"nonce": "n1", "timestamp": int(time.time() * 1000)}
    wire = rest.wire("push/simple", signed)
    assert wire.send().json()["code"] == "100"
    forget_pushes()
    again = wire.send()
    assert refusal(again) == (200, "3028")
    assert again.json()["message"].endswith("nonce was used already")
    assert refusal(rest.wire("push/simple", signed | {"targetMsgkey": {"bob": "k2"}}).send()) == (200, "3028")


@pytest.mark.parametrize("less", ["nonce", "timestamp"])
def test_a_workspace_may_require_timestamp_and_nonce(
    rest: Rest, workspace: Workspace, body: dict[str, Any], less: str
) -> None:
    Workspace.objects.filter(pk=workspace.pk).update(replay_protection=True)
    complete = body | {"nonce": "n1", "timestamp": int(time.time() * 1000)}
    refused = rest.wire("push/simple", {name: value for name, value in complete.items() if name != less}).send()
    assert refusal(refused) == (200, "3028")
    assert refused.json()["message"].endswith("timestamp and nonce are required")
    assert rest.wire("push/simple", complete).send().json()["code"] == "100"


def read_wire(rest: Rest, path: str, method: str, **query: str) -> Wire:
    """A signed request without a body: its path with query is what is signed."""
    signed = f"/api/v1/{path}?{urlencode(query)}"
    pairs = [*query.items(), ("sign", rest.sign(signed.encode())), ("signType", "RSA")]
    return Wire(f"/api/v1/{path}", pairs, b"", {"content-type": "application/json"}, method)


@cases({
    "another path": (lambda wire: setattr(wire, "path", "/api/v1/templates/second"), WRONG_SIGN),
    "another page": (set_query("page", "2"), WRONG_SIGN),
    "another order": (lambda wire: wire.query.reverse(), WRONG_SIGN),
    "an added parameter": (lambda wire: wire.query.insert(0, ("a", "b")), WRONG_SIGN),
    "a removed parameter": (less_query("page"), WRONG_SIGN),
    "a repeated parameter": (more_query("page", "1"), WRONG_SIGN),
    "another workspace": (set_query("workspaceId", "second"), WRONG_SIGN),
    "no workspace": (less_query("workspaceId"), (200, "3003")),
})  # fmt: skip
def test_a_read_changed_after_it_was_signed_is_refused(
    rest: Rest, workspace: Workspace, second: Workspace, change: Change, refused: Refusal
) -> None:
    for name in ("winner", "second"):
        Template.objects.create(workspace=workspace, name=name, description="d", title="t", body="b")
    scope = {"appId": "ONEX570DA89211721", "workspaceId": "test", "page": "1"}
    for method in ("GET", "DELETE"):
        wire = read_wire(rest, "templates/winner", method, **scope)
        change(wire)
        assert refusal(wire.send()) == refused
    assert Template.objects.count() == 2
    assert read_wire(rest, "templates", "GET", **scope).send().json()["code"] == "100"
