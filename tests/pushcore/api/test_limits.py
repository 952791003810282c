"""Documented limits on each API: the limit is accepted, one more is refused with its code."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import override_settings

from pushcore.api.rpc import endpoint
from pushcore.codes.results import ResultCode
from pushcore.devices import registry
from pushcore.devices.info import DeviceInfo
from pushcore.models import Message, MessageKey, PushTask, Template, Workspace
from pushcore.push import templates
from pushcore.push.templates import TemplateDraft
from tests.pushcore.api.callers import REST_PATHS, Rest, Rpc2019, Rpc2020
from tests.pushcore.api.conftest import ApiClient
from tests.pushcore.api.samples import REQUESTS, SCOPE, TARGET

pytestmark = pytest.mark.django_db

PUSHES = ["PushSimple", "PushTemplate", "PushMultiple", "PushBroadcast"]
TO_NAMED = ["PushSimple", "PushTemplate"]


def params(number: int) -> dict[str, str]:
    return {f"p{n}": "v" for n in range(number)}


def targets(number: int) -> list[dict[str, Any]]:
    return [TARGET | {"target": f"user{n}"} for n in range(number)]


def one(**changes: Any) -> list[dict[str, Any]]:
    return [TARGET | changes]


# Actions, parameter, its value at the limit, its value beyond, the code that answers that.
Row = tuple[list[str], str, Any, Any, ResultCode]
LIMITS: list[Row] = [
    (PUSHES, "taskName", "字" * 200, "字" * 201, ResultCode.INVALID_PARAM),
    (PUSHES, "notifyType", "transparent", "opaque", ResultCode.INVALID_PARAM),
    (PUSHES, "channelId", "x" * 128, "x" * 129, ResultCode.INVALID_PARAM),
    (PUSHES, "thirdChannelCategory", {"hms": "9"}, {"hms": "15"}, ResultCode.INVALID_PARAM),
    (PUSHES, "notifyLevel", {"hms": "2"}, {"hms": "3"}, ResultCode.INVALID_PARAM),
    (PUSHES, "classification", "0", "2", ResultCode.INVALID_PARAM),
    (PUSHES, "transparentMessagePayload", {"hms": "x"}, "x", ResultCode.INVALID_PARAM),
    (PUSHES, "expiredSeconds", 1, 0, ResultCode.EXPIREDSECONDS_WRONG),
    (PUSHES, "expiredSeconds", 604_800, 604_801, ResultCode.EXPIREDTIME_TOO_LONG),
    (PUSHES, "extendedParams", params(20), params(21), ResultCode.EXTEND_PARAM_TO_MUCH),
    (["PushSimple"], "title", "字" * 200, "字" * 201, ResultCode.INVALID_PARAM),
    (["PushSimple"], "content", "字" * 200, "字" * 201, ResultCode.SINGLE_PUSH_CONTENT_TOO_LONG),
    (["PushSimple"], "uri", "x" * 2048, "x" * 2049, ResultCode.INVALID_PARAM),
    (TO_NAMED, "targetMsgkey", {f"user{n}": "k" for n in range(10)}, {f"user{n}": "k" for n in range(11)},
     ResultCode.SINGLE_PUSH_TARGET_TOO_MUCH),
    (TO_NAMED, "targetMsgkey", {"x" * 256: "k"}, {"x" * 257: "k"}, ResultCode.INVALID_PARAM),
    (TO_NAMED, "targetMsgkey", {"ann": "k" * 64}, {"ann": "k" * 65}, ResultCode.INVALID_PARAM),
    (["PushMultiple"], "targetMsg", targets(400), targets(401), ResultCode.MULTIPLE_TARGET_NUMBER_TOO_MUCH),
    (["PushMultiple"], "targetMsg", one(target="x" * 256), one(target="x" * 257), ResultCode.INVALID_PARAM),
    (["PushMultiple"], "targetMsg", one(msgKey="k" * 64), one(msgKey="k" * 65), ResultCode.INVALID_PARAM),
    (["PushMultiple"], "targetMsg", one(extendedParams=params(10)), one(extendedParams=params(11)),
     ResultCode.MULTIPLE_INNER_EXTEND_PARAM_TO_MUCH),
    (["PushBroadcast"], "msgkey", "k" * 64, "k" * 65, ResultCode.INVALID_PARAM),
]  # fmt: skip
TEMPLATE_LIMITS: list[Row] = [
    (["CreateTemplate"], "name", "x" * 200, "x" * 201, ResultCode.TEMPLATE_NAME_INVALID),
    (["CreateTemplate"], "description", "字" * 200, "字" * 201, ResultCode.TEMPLATE_DESC_INFO_INVALID),
    (["CreateTemplate"], "title", "字" * 200, "字" * 201, ResultCode.TEMPLATE_TITLE_INVALID),
    (["CreateTemplate"], "body", "字" * 200, "字" * 201, ResultCode.TEMPLATE_CONTENT_INVALID),
    (["CreateTemplate"], "uri", "x" * 2048, "x" * 2049, ResultCode.TEMPLATE_URI_INVALID),
]


def each(rows: list[Row]) -> Any:
    """Parametrize a test by each action of each row."""
    return pytest.mark.parametrize(
        ("action", "name", "at", "beyond", "result"),
        [
            pytest.param(action, *rest, id=f"{action}-{rest[0]}-{rest[-1].code}")
            for actions, *rest in rows
            for action in actions
        ],
    )


@pytest.fixture(autouse=True)
def template(workspace: Workspace) -> Template:
    return templates.create(workspace, TemplateDraft("hello", "d", "Hello #name#", "Body"))


def nothing_is_pushed() -> bool:
    return not (PushTask.objects.exists() or Message.objects.exists() or MessageKey.objects.exists())


@each(LIMITS)
def test_a_push_at_a_limit_is_accepted_and_one_beyond_is_refused(
    api: ApiClient, action: str, name: str, at: Any, beyond: Any, result: ResultCode
) -> None:
    assert api.answer(action, REQUESTS[action] | {name: beyond}) == result.code
    assert nothing_is_pushed()
    assert api.answer(action, REQUESTS[action] | {name: at}) == "100"
    assert PushTask.objects.count() == 1


@each(TEMPLATE_LIMITS)
def test_a_template_at_a_limit_is_made_and_one_beyond_is_refused(
    rest: Rest, action: str, name: str, at: str, beyond: str, result: ResultCode
) -> None:
    assert rest.answer(action, REQUESTS[action] | {name: beyond}) == result.code
    assert Template.objects.count() == 1
    assert rest.answer(action, REQUESTS[action] | {name: at}) == "100"


def filled(action: str, filler: str) -> dict[str, Any]:
    """Return a push whose payload (of a multiple push: its only target's) is lengthened by the filler."""
    request = REQUESTS[action]
    if action == "PushMultiple":
        return request | {"targetMsg": [TARGET | {"extendedParams": {"p": filler}}]}
    return request | {"extendedParams": {"p": filler}}


@pytest.mark.parametrize("action", PUSHES)
def test_a_payload_has_at_most_4096_bytes(api: ApiClient, action: str) -> None:
    assert api.answer(action, filled(action, "")) == "100"
    content = PushTask.objects.get().content
    if message := Message.objects.first():
        content |= message.content or {}
    room = 4096 - len(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode())
    Message.objects.all().delete()
    MessageKey.objects.all().delete()
    PushTask.objects.all().delete()
    filler = "字" + "x" * (room - len("字".encode()))
    assert api.answer(action, filled(action, filler + "x")) == ResultCode.MSG_PAYLOAD_TOO_LONG.code
    assert nothing_is_pushed()
    assert api.answer(action, filled(action, filler)) == "100"


@pytest.mark.parametrize("action", PUSHES)
def test_parameters_for_vendors_count_towards_the_payload(api: ApiClient, action: str) -> None:
    assert api.answer(action, filled(action, "x" * 3_500)) == "100"
    options = ("channelId", "miChannelId", "threadId", "apnsCategory", "vendorTemplate")
    values = filled(action, "x" * 3_500) | dict.fromkeys(options, "x" * 128)
    assert api.answer(action, values) == ResultCode.MSG_PAYLOAD_TOO_LONG.code


def test_a_templates_pictures_have_at_most_4096_bytes(rest: Rest) -> None:
    empty = len(json.dumps({"icon": {"default": ""}, "image": {}}, separators=(",", ":")))
    for more, code in ((1, ResultCode.MSG_PAYLOAD_TOO_LONG.code), (0, "100")):
        icon = {"default": "x" * (4096 - empty + more)}
        assert rest.answer("CreateTemplate", REQUESTS["CreateTemplate"] | {"icon": icon}) == code


def test_a_workspace_has_at_most_1000_templates(rest: Rest, workspace: Workspace) -> None:
    Template.objects.bulk_create(
        Template(workspace=workspace, name=f"t{n}", description="d", title="t", body="b") for n in range(998)
    )
    create = REQUESTS["CreateTemplate"]
    assert rest.answer("CreateTemplate", create) == "100"
    assert Template.objects.count() == 1000
    assert rest.answer("CreateTemplate", create | {"name": "more"}) == ResultCode.TEMPLATE_NUM_TOO_MUCH.code
    Template.objects.get(name="t0").delete()
    assert rest.answer("CreateTemplate", create | {"name": "more"}) == "100"


@pytest.mark.parametrize(
    ("name", "longest"), [("userId", 256), ("thirdChannelDeviceToken", 512)], ids=["user id", "vendor's token"]
)
def test_fields_of_a_device_have_a_maximum_length(
    rpc2020: Rpc2020, workspace: Workspace, name: str, longest: int
) -> None:
    [(device, _)] = registry.register([(workspace, DeviceInfo())])
    action = "PushBind" if name == "userId" else "PushReport"
    values = SCOPE | {"deliveryToken": device.ad_token, "osType": 1, "thirdChannel": 5}
    assert rpc2020.answer(action, values | {name: "x" * (longest + 1)}) == ResultCode.INVALID_PARAM.code
    assert rpc2020.answer(action, values | {name: "x" * longest}) == "100"


def test_the_rpc_api_reads_bodies_up_to_their_limit(rpc2019: Rpc2019, form: dict[str, str]) -> None:
    size = len(rpc2019.prepare("PushSimple", form).raw)
    with override_settings(MAX_BODY_BYTES=size - 1):
        refused = rpc2019.call("PushSimple", form)
    assert (refused.status_code, refused.json()["Code"]) == (413, "RequestEntityTooLarge")
    assert nothing_is_pushed()
    with override_settings(MAX_BODY_BYTES=size):
        assert rpc2019.call("PushSimple", form).json()["ResultCode"] == "100"


def test_the_rest_api_reads_bodies_up_to_their_limit(rest: Rest, body: dict[str, Any]) -> None:
    raw = json.dumps(body).encode()
    with override_settings(MAX_BODY_BYTES=len(raw) - 1):
        refused = rest.send(REST_PATHS["PushSimple"], raw)
    assert (refused.status_code, refused.json()["code"]) == (413, ResultCode.MSG_PAYLOAD_TOO_LONG.code)
    assert nothing_is_pushed()
    with override_settings(MAX_BODY_BYTES=len(raw)):
        assert rest.send(REST_PATHS["PushSimple"], raw).json()["code"] == "100"


def test_a_form_with_too_many_fields_is_refused(rpc2019: Rpc2019, form: dict[str, str]) -> None:
    room = endpoint.MAX_FIELDS - len(form)
    full = form | {f"Unknown{n}": "" for n in range(room)}
    refused = rpc2019.call("PushSimple", full | {"More": ""})
    assert (refused.status_code, refused.json()["Code"]) == (400, "InvalidParameter.Encoding")
    assert rpc2019.call("PushSimple", full).json()["ResultCode"] == "100"
