"""RPC signature version 1: a call that is not signed as documented is refused with the documented code."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import pytest
from aliyunsdkcore.auth.algorithm import sha_hmac1

from pushcore.models import PushTask
from tests.pushcore.api.callers import Rpc2019
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
    turn_into_get,
)
from tests.pushcore.api.signatures.refusals import (
    DISABLED_KEY,
    EXPIRED,
    MISMATCH,
    NO_TIME,
    UNKNOWN_KEY,
    UNSUPPORTED,
    USED_NONCE,
    Refusal,
    cases,
    forget_pushes,
    refusal,
    stamp,
)

pytestmark = pytest.mark.django_db

CHANGED: dict[str, tuple[Change, Refusal]] = {
    "a changed value": (replace_in_body("Title=Title", "Title=Other"), MISMATCH),
    "a changed target": (replace_in_body("ann", "eve"), MISMATCH),
    "a value in another case": (replace_in_body("Title=Title", "Title=TITLE"), MISMATCH),
    "a name in another case": (replace_in_body("Title=", "title="), MISMATCH),
    "an added parameter in the body": (append_to_body("&Silent=1"), MISMATCH),
    "an added parameter in the query": (add_query("Silent", "1"), MISMATCH),
    "a removed parameter of the body": (replace_in_body("&Title=Title", ""), MISMATCH),
    "a removed parameter of the query": (remove_query("SignatureType"), MISMATCH),
    "a repeated parameter that would count": (append_to_body("&Title=Other"), MISMATCH),
    "a repeated nonce that would count": (add_query("SignatureNonce", "other"), MISMATCH),
    "an emptied body": (lambda request: setattr(request, "raw", b""), MISMATCH),
    "another method": (turn_into_get, MISMATCH),
    "another action": (set_query("Action", "PushTemplate"), MISMATCH),
    "another version": (set_query("Version", "2020-10-28"), MISMATCH),
    "another key's id": (set_query("AccessKeyId", "STRANGER"), MISMATCH),
    "an id in another case": (change_query("AccessKeyId", swap_case), UNKNOWN_KEY),
    "another timestamp": (set_query("Timestamp", stamp(seconds=-5)), MISMATCH),
    "another nonce": (set_query("SignatureNonce", "fresh"), MISMATCH),
    "another algorithm": (set_query("SignatureMethod", "HMAC-SHA256"), MISMATCH),
    "an algorithm's name in another case": (change_query("SignatureMethod", swap_case), MISMATCH),
    "an unknown algorithm": (set_query("SignatureMethod", "HMAC-MD5"), UNSUPPORTED),
    "no algorithm": (set_query("SignatureMethod", "none"), UNSUPPORTED),
    "an unknown signature version": (set_query("SignatureVersion", "2.0"), UNSUPPORTED),
    "no signature": (remove_query("Signature"), (400, "MissingSignature")),
    "an empty signature": (set_query("Signature", ""), (400, "MissingSignature")),
    "a signature's name in another case": (rename_query("Signature", "signature"), (400, "MissingSignature")),
    "a truncated signature": (change_query("Signature", lambda text: text[:-4]), MISMATCH),
    "a signature without its padding": (change_query("Signature", lambda text: text.rstrip("=")), MISMATCH),
    "a longer signature": (change_query("Signature", lambda text: text + "AAAA"), MISMATCH),
    "a signature in another case": (change_query("Signature", swap_case), MISMATCH),
    "a signature in hexadecimal": (change_query("Signature", to_hex), MISMATCH),
    "a signature that is no base64": (set_query("Signature", "ключ\u0000"), MISMATCH),
    "a second signature": (add_query("Signature", "x"), MISMATCH),
    "no key": (remove_query("AccessKeyId"), (400, "MissingAccessKeyId")),
    "no timestamp": (remove_query("Timestamp"), (400, "MissingTimestamp")),
    "no nonce": (remove_query("SignatureNonce"), (400, "MissingSignatureNonce")),
}

SIGNED: dict[str, tuple[dict[str, Any], Refusal]] = {
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


def test_a_v1_call_that_nobody_changed_is_taken_in_any_order(rpc2019: Rpc2019, form: dict[str, str]) -> None:
    request = rpc2019.prepare("PushSimple", form)
    request.query.reverse()
    request.raw = urlencode(list(reversed(form.items()))).encode()
    assert json.loads(request.send().content)["ResultCode"] == "100"


@cases(CHANGED)
def test_a_v1_call_changed_after_it_was_signed_is_refused(
    rpc2019: Rpc2019, form: dict[str, str], change: Change, refused: Refusal
) -> None:
    request = rpc2019.prepare("PushSimple", form)
    change(request)
    assert refusal(request.send()) == refused


@cases(SIGNED)
def test_a_v1_call_signed_by_or_for_another_is_refused(
    rpc2019: Rpc2019, form: dict[str, str], change: dict[str, Any], refused: Refusal
) -> None:
    assert refusal(replace(rpc2019, **change).prepare("PushSimple", form).send()) == refused


def test_a_v1_signature_of_another_request_is_refused(rpc2019: Rpc2019, form: dict[str, str]) -> None:
    other = dict(rpc2019.prepare("PushSimple", form | {"Title": "Other"}).query)["Signature"]
    request = rpc2019.prepare("PushSimple", form)
    set_query("Signature", other)(request)
    assert refusal(request.send()) == MISMATCH


def test_a_v1_signature_by_another_algorithm_than_its_name_is_refused(rpc2019: Rpc2019, form: dict[str, str]) -> None:
    def method() -> str:
        return "HMAC-SHA256"

    sha1_under_another_name = SimpleNamespace(**vars(sha_hmac1) | {"get_signer_name": method})
    assert refusal(replace(rpc2019, signer=sha1_under_another_name).prepare("PushSimple", form).send()) == MISMATCH


def test_what_was_not_signed_of_a_repeated_parameter_does_not_count(rpc2019: Rpc2019, form: dict[str, str]) -> None:
    request = rpc2019.prepare("PushSimple", form)
    request.query.append(("Title", "Other"))
    request.raw = b"Title=Another&" + request.raw
    assert request.send().status_code == 200
    assert PushTask.objects.get().content["title"] == "Title"


def test_a_v1_nonce_is_taken_once_whatever_the_request(rpc2019: Rpc2019, form: dict[str, str]) -> None:
    request = replace(rpc2019, nonce="n1").prepare("PushSimple", form)
    assert request.send().status_code == 200
    other = replace(rpc2019, nonce="n1").prepare("PushSimple", form | {"TargetMsgkey": '{"bob": "k2"}'})
    forget_pushes()
    assert refusal(request.send()) == USED_NONCE
    assert refusal(other.send()) == USED_NONCE
