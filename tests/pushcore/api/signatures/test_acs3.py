"""RPC signature ACS3: a call that is not signed as documented is refused with the documented code."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from tests.pushcore.api.callers import Rpc2019, Rpc2020
from tests.pushcore.api.signatures.changes import (
    Change,
    add_query,
    append_to_body,
    change_header,
    change_signature,
    move_body_into_query,
    remove_header,
    replace_in_authorization,
    replace_in_body,
    set_header,
    turn_into_get,
)
from tests.pushcore.api.signatures.refusals import (
    DISABLED_KEY,
    EXPIRED,
    MISMATCH,
    NO_TIME,
    UNKNOWN_KEY,
    USED_NONCE,
    Refusal,
    cases,
    forget_pushes,
    refusal,
    stamp,
)

pytestmark = pytest.mark.django_db

EMPTY_HASH = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

CHANGED: dict[str, tuple[Change, Refusal]] = {
    "an altered body": (replace_in_body("Title=Title", "Title=Other"), MISMATCH),
    "a longer body": (append_to_body("&Silent=1"), MISMATCH),
    "a reordered body": (replace_in_body("Title=Title&Content=Content", "Content=Content&Title=Title"), MISMATCH),
    "an emptied body": (lambda request: setattr(request, "raw", b""), MISMATCH),
    "a body moved into the query": (move_body_into_query, MISMATCH),
    "another method": (turn_into_get, MISMATCH),
    "an added parameter in the query": (add_query("Silent", "1"), MISMATCH),
    "another hash": (set_header("x-acs-content-sha256", "0" * 64), MISMATCH),
    "no hash": (remove_header("x-acs-content-sha256"), (400, "Missingx-acs-content-sha256")),
    "another action": (set_header("x-acs-action", "PushTemplate"), MISMATCH),
    "another version": (set_header("x-acs-version", "2019-08-21"), MISMATCH),
    "another host": (set_header("host", "other.example"), MISMATCH),
    "another content type": (set_header("content-type", "text/plain"), MISMATCH),
    "another date": (set_header("x-acs-date", stamp(seconds=-5)), MISMATCH),
    "no date": (remove_header("x-acs-date"), (400, "Missingx-acs-date")),
    "another nonce": (set_header("x-acs-signature-nonce", "fresh"), MISMATCH),
    "no nonce": (remove_header("x-acs-signature-nonce"), (400, "Missingx-acs-signature-nonce")),
    "one header less in the signature": (replace_in_authorization("x-acs-date;", ""), MISMATCH),
    "one more header in the signature": (replace_in_authorization("host;", "host;user-agent;"), MISMATCH),
    "no headers in the signature": (replace_in_authorization("SignedHeaders=", "SignedHeaders=,X="), MISMATCH),
    "an empty signature": (change_signature(lambda _: ""), MISMATCH),
    "a truncated signature": (change_signature(lambda text: text[:-2]), MISMATCH),
    "a longer signature": (change_signature(lambda text: text + "00"), MISMATCH),
    "a signature in upper case": (change_signature(str.upper), MISMATCH),
    "a signature in base64": (change_signature(lambda text: base64.b64encode(bytes.fromhex(text)).decode()), MISMATCH),
    "another key's id": (change_header("authorization", lambda text: _for_key(text, "STRANGER")), MISMATCH),
    "an unknown key's id": (change_header("authorization", lambda text: _for_key(text, "NOBODY")), UNKNOWN_KEY),
    "no key's id": (change_header("authorization", lambda text: _for_key(text, "")), (400, "MissingAuthorization")),
    "a longer algorithm's name": (
        replace_in_authorization("ACS3-HMAC-SHA256", "ACS3-HMAC-SHA256-PLUS"), (400, "MissingAuthorization"),
    ),
    # Without the name of the algorithm a call is read as one of signature version 1, which it is not.
    "another algorithm's name": (replace_in_authorization("ACS3-HMAC-SHA256", "ACS3-HMAC-SM3"), (400, "MissingAction")),
    "an algorithm's name in lower case": (replace_in_authorization("ACS3-HMAC", "acs3-hmac"), (400, "MissingAction")),
    "no authorization": (remove_header("authorization"), (400, "MissingAction")),
}  # fmt: skip

# What decides about a request must be signed.
DECIDING = (
    "host", "x-acs-action", "x-acs-version", "x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce",
)  # fmt: skip
# `signed`: headers as they were signed; other names: fields of the caller.
SIGNED: dict[str, tuple[dict[str, Any], Refusal]] = {
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
    assert json.loads(rpc2020.prepare("PushSimple", form).send().content)["ResultCode"] == "OK"


@cases(CHANGED)
def test_an_acs3_call_changed_after_it_was_signed_is_refused(
    rpc2020: Rpc2020, form: dict[str, str], change: Change, refused: Refusal
) -> None:
    request = rpc2020.prepare("PushSimple", form)
    change(request)
    assert refusal(request.send()) == refused


@cases(SIGNED)
def test_an_acs3_call_signed_by_or_for_another_is_refused(
    rpc2020: Rpc2020, form: dict[str, str], change: dict[str, Any], refused: Refusal
) -> None:
    fields = {name: value for name, value in change.items() if name != "signed"}
    assert refusal(replace(rpc2020, **fields).prepare("PushSimple", form, **change.get("signed", {})).send()) == refused


def test_an_acs3_signature_of_another_request_is_refused(rpc2020: Rpc2020, form: dict[str, str]) -> None:
    request = rpc2020.prepare("PushSimple", form)
    request.headers["authorization"] = rpc2020.prepare("PushSimple", form | {"Title": "Other"}).headers["authorization"]
    assert refusal(request.send()) == MISMATCH


def test_an_acs3_nonce_is_taken_once_and_neither_signature_lends_it_to_the_other(
    rpc2019: Rpc2019, rpc2020: Rpc2020, form: dict[str, str]
) -> None:
    request = rpc2020.prepare("PushSimple", form, **{"x-acs-signature-nonce": "n1"})
    assert request.send().status_code == 200
    forget_pushes()
    assert refusal(request.send()) == USED_NONCE
    other = form | {"TargetMsgkey": '{"bob": "k2"}'}
    assert refusal(rpc2020.prepare("PushSimple", other, **{"x-acs-signature-nonce": "n1"}).send()) == USED_NONCE
    assert refusal(replace(rpc2019, nonce="n1").prepare("PushSimple", other).send()) == USED_NONCE
