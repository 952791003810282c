"""Values that cannot be stored are answered by both APIs as the caller's fault, by name and in JSON."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pushcore.api.fields import Moment, Number
from pushcore.devices import info, registry
from pushcore.models import Workspace
from tests.pushcore.api.callers import Rest, Rpc2019, Rpc2020, form_of
from tests.pushcore.api.samples import REQUESTS, SCOPE

HALF = "a\ud83d"
DEEP: Any = 1
for _ in range(500):
    DEEP = [DEEP]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("title", "a\0"),
        ("title", HALF),
        ("taskName", HALF),
        ("expiredSeconds", int("9" * 200)),
        ("targetMsgkey", {HALF: "k1"}),
        ("targetMsgkey", {"ann": "a\0"}),
        ("extendedParams", {"a": HALF}),
        ("activityContentState", DEEP),
        ("activityContentState", {"a": DEEP}),
        ("unknown", HALF),
    ],
)
def test_the_rest_api_names_a_value_that_cannot_be_stored(
    rest: Rest, body: dict[str, Any], name: str, value: object
) -> None:
    answer = rest.call("push/simple", body | {name: value})
    assert answer["code"] == "3028"
    assert name in answer["message"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Title", "a\0"),
        ("ExtendedParams", '{"a": "\\ud83d"}'),
        ("ExtendedParams", "{'a': '\\ud83d'}"),
        ("ExtendedParams", "{'a': '\\x00'}"),
        ("TargetMsgkey", '{"ann\\u0000": "k1"}'),
        ("ActivityContentState", '{"a": ' + "[" * 500 + "]" * 500 + "}"),
        ("ActivityContentState", "[" * 100_000),
        ("ActivityContentState", '{"a": ' + "9" * 5000 + "}"),
        ("StrategyContent", '{"fixedTime": "\\u0000"}'),
        ("Unknown", "a\0"),
    ],
)
def test_the_rpc_api_names_a_value_that_cannot_be_stored(
    rpc2019: Rpc2019, rpc2020: Rpc2020, form: dict[str, str], name: str, text: str
) -> None:
    for caller in (rpc2019, rpc2020):
        answer = json.loads(caller.call("PushSimple", form | {name: text}).content)
        assert answer["ResultCode"] == "3028"
        assert name.lower() in answer["ResultMessage"].lower()


@pytest.mark.django_db
def test_signed_bytes_that_are_not_utf_8_are_named_too(rpc2020: Rpc2020, form: dict[str, str]) -> None:
    raw = urlencode(form).encode() + b"&Uri=%ED%A0%BD"
    answer = json.loads(rpc2020.post(raw, rpc2020.headers("PushSimple", raw)).content)
    assert (answer["ResultCode"], "Uri" in answer["ResultMessage"]) == ("3028", True)


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["3_0", "３", "0x1f", "3e2", "9" * 5000, "--3", "3.5", "1 0"])
def test_a_number_that_only_python_reads_is_refused(rest: Rest, body: dict[str, Any], text: str) -> None:
    assert rest.call("push/simple", body | {"expiredSeconds": text})["code"] == "3020"
    assert rest.call("push/simple", body | {"silent": text})["code"] == "3028"
    for field in (Number(), Moment()):
        with pytest.raises(Exception, match="integer"):
            field.run_validation(text)


@pytest.mark.django_db
def test_a_byte_order_mark_before_json_is_ignored(rest: Rest, body: dict[str, Any]) -> None:
    raw = b"\xef\xbb\xbf" + json.dumps(body).encode()
    assert json.loads(rest.send("push/simple", raw).content)["code"] == "100"


@pytest.mark.django_db
@pytest.mark.parametrize("query", ["name=%ED%A0%BD", "pageNumber=%00", "&".join(f"x{n}=1" for n in range(5000))])
def test_a_query_that_cannot_be_stored_is_refused(rest: Rest, query: str) -> None:
    path = f"/api/v1/templates?appId={SCOPE['appId']}&workspaceId={SCOPE['workspaceId']}&{query}"
    answer = json.loads(Client().get(f"{path}&sign={rest.sign(path.encode())}&signType=RSA").content)
    assert answer["code"] == "3028"


@pytest.mark.django_db
def test_a_template_name_that_cannot_be_stored_is_refused(rest: Rest) -> None:
    path = f"/api/v1/templates/a%00?appId={SCOPE['appId']}&workspaceId={SCOPE['workspaceId']}"
    signed = path.replace("%00", "\0").encode()
    answer = json.loads(Client().get(f"{path}&sign={rest.sign(signed)}&signType=RSA").content)
    assert (answer["code"], "name" in answer["message"]) == ("3028", True)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nothing", 404),
        ("POST", "/api/v1/push/simple/", 404),
        ("POST", "/api/v2/push/simple", 404),
        ("DELETE", "/api/v1/push/simple", 405),
        ("PATCH", "/api/v1/templates", 405),
        ("GET", "/device/v1/bind", 405),
        ("POST", "/device/v1/nothing", 404),
        ("POST", "/vendor/receipts/nobody", 404),
        ("GET", "/no/such/page", 404),
    ],
)
def test_an_unknown_path_or_method_is_answered_in_json(method: str, path: str, status: int) -> None:
    response = Client(headers={"Accept": "text/html"}).generic(method, path)
    assert (response.status_code, response["Content-Type"]) == (status, "application/json")
    answer = json.loads(response.content)
    assert (answer["success"], answer["code"], bool(answer["requestId"])) == (False, "3028", True)
    assert (status == 405) == response.has_header("Allow")


_LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=4)
_ANYTHING = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
)


@pytest.mark.django_db
@pytest.mark.parametrize("action", ["PushSimple", "PushMultiple", "PushReport", "PushBind"])
def test_no_value_of_any_parameter_causes_an_internal_error(
    workspace: Workspace, rest: Rest, rpc2019: Rpc2019, action: str
) -> None:
    version = "2020-10-28"

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(sorted(REQUESTS[action])), _ANYTHING)
    def call(name: str, value: object) -> None:
        changed = REQUESTS[action] | {name: value}
        assert rest.answer(action, changed) != "9000"
        text = value if isinstance(value, str) else json.dumps(value)
        given_form = form_of(REQUESTS[action]) | {name[:1].upper() + name[1:]: text.encode("utf-8", "replace").decode()}
        answer = json.loads(rpc2019.call(action, given_form, Version=version).content)
        assert answer.get("ResultCode", "") != "9000"

    registry.register([(workspace, info.DeviceInfo())])
    call()
