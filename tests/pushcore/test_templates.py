"""Templates, and the pushes made from them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pushcore.codes.results import ResultCode, ResultError
from pushcore.delivery import deliverable
from pushcore.devices import bindings, registry, server_requests
from pushcore.devices.info import DeviceInfo
from pushcore.devices.registry import KnownDevice
from pushcore.models import Device, Message, PushTask, Template, Workspace
from pushcore.push import pushes, templates
from pushcore.push.requests import MultiplePush, TargetMessage, TemplatePush
from pushcore.push.templates import TemplateDraft
from tests.pushcore.conftest import RecordingLane

pytestmark = pytest.mark.django_db

WINNER = TemplateDraft(
    name="winner",
    description="a prize",
    title="Hello #name#",
    body="#name# won #prize#",
    uri="https://example.com/#prize#",
    silent=0,
    style=1,
    action=1,
    icon={"default": "https://example.com/i.png"},
)
RPC: Any = {"source": PushTask.Source.RPC, "author": "test"}


@pytest.fixture
def template(workspace: Workspace) -> Template:
    return templates.create(workspace, WINNER)


def test_placeholders_are_filled_in_once(template: Template) -> None:
    assert templates.placeholder_names(template) == {"name", "prize"}
    rendered = templates.render(template, {"name": "#prize#", "prize": "a \\1 car", "unused": "x"})
    assert rendered.title == "Hello #prize#"
    assert rendered.content == "#prize# won a \\1 car"
    assert rendered.uri == "https://example.com/a%20%5C1%20car"


def test_a_missing_value_is_named(template: Template) -> None:
    with pytest.raises(ResultError, match="#prize# has no value") as refused:
        templates.render(template, {"name": "Ann"})
    assert refused.value.result == ResultCode.TEMPLATEKV_NOT_ENOUGH


@pytest.mark.parametrize(
    ("changes", "result"),
    [
        ({"name": ""}, ResultCode.TEMPLATE_NAME_NULL),
        ({"name": "no-hyphens"}, ResultCode.TEMPLATE_NAME_INVALID),
        ({"name": "ünder"}, ResultCode.TEMPLATE_NAME_INVALID),
        ({"description": ""}, ResultCode.TEMPLATE_DESC_INFO_INVALID),
        ({"title": " "}, ResultCode.TEMPLATE_TITLE_INVALID),
        ({"body": ""}, ResultCode.TEMPLATE_CONTENT_INVALID),
        ({"silent": 2}, ResultCode.INVALID_PARAM),
        ({"style": 3}, ResultCode.INVALID_PARAM),
        ({"action": -1}, ResultCode.INVALID_PARAM),
    ],
)
def test_an_invalid_template_is_refused_with_its_code(
    workspace: Workspace, changes: dict[str, Any], result: ResultCode
) -> None:
    with pytest.raises(ResultError) as refused:
        templates.create(workspace, replace(WINNER, **changes))
    assert refused.value.result == result
    assert not Template.objects.exists()


def test_a_name_is_unique_within_a_workspace(workspace: Workspace, template: Template) -> None:
    with pytest.raises(ResultError) as refused:
        templates.create(workspace, WINNER)
    assert refused.value.result == ResultCode.TEMPLATE_ALREADY_EXIST
    other = Workspace.objects.create(app=workspace.app, workspace_id="other")
    templates.create(other, WINNER)
    with pytest.raises(ResultError):
        templates.named(Workspace.objects.create(app=workspace.app, workspace_id="third"), "winner")


def test_a_template_push_carries_the_filled_in_template(
    workspace: Workspace, template: Template, lane: RecordingLane, known: KnownDevice
) -> None:
    request = TemplatePush(
        delivery_type=1, expired_seconds=300, template_name="winner", target_msgkey={known.ad_token: "k1"},
        template_key_value={"name": "Ann", "prize": "tea"}, extended_params={"a": "b"},
    )  # fmt: skip
    task = pushes.accept(workspace, request, **RPC)
    content = lane.got[0].content
    assert (content["title"], content["content"], content["url"]) == (
        "Hello Ann", "Ann won tea", "https://example.com/tea",
    )  # fmt: skip
    assert (content["style"], content["action"], content["templateCode"]) == (1, 1, "winner")
    assert content["params"] == {"a": "b"}
    assert (task.kind, lane.got[0].kind) == ("template", "template")
    assert pushes.accept(workspace, request, **RPC).pk == task.pk
    shown = pushes.accept(
        workspace, replace(request, target_msgkey={known.ad_token: "k2"}, push_action=0, silent=1), **RPC
    )
    assert (shown.content["action"], shown.content["silent"]) == (0, 1)


def a_multiple(*targets: TargetMessage, **changes: Any) -> MultiplePush:
    fields: dict[str, Any] = {"delivery_type": 3, "expired_seconds": 300, "template_name": "winner"}
    return MultiplePush(target_msg=targets, **(fields | changes))


def a_target(target: str, msgkey: str = "k", **changes: Any) -> TargetMessage:
    fields: dict[str, Any] = {"template_key_value": {"name": target, "prize": "tea"}}
    return TargetMessage(target=target, msgkey=msgkey, **(fields | changes))


def test_each_target_of_a_multiple_push_gets_its_own_content(
    workspace: Workspace, template: Template, lane: RecordingLane
) -> None:
    for user in ("ann", "bob"):
        [(device, _)] = registry.register([(workspace, DeviceInfo())])
        server_requests.bind(workspace, user, device.ad_token, 1)
    request = a_multiple(
        a_target("ann"), a_target("bob", extended_params={"own": "1", "both": "bob"}), extended_params={"both": "all"}
    )
    task = pushes.accept(workspace, request, **RPC)
    by_user = {outgoing.target: outgoing.content for outgoing in lane.got}
    assert (by_user["ann"]["title"], by_user["bob"]["title"]) == ("Hello ann", "Hello bob")
    assert by_user["ann"]["params"] == {"both": "all"}
    assert by_user["bob"]["params"] == {"both": "bob", "own": "1"}
    assert task.content["title"] == "Hello #name#"
    assert {message.title for message in Message.objects.all()} == {"Hello ann", "Hello bob"}
    assert (task.kind, task.message_count) == ("multiple", 2)


def test_a_waiting_message_keeps_its_own_content(
    workspace: Workspace, template: Template, lane: RecordingLane, known: KnownDevice
) -> None:
    pushes.accept(workspace, a_multiple(a_target("ann")), **RPC)
    templates.delete(workspace, "winner")
    bindings.bind(Device.objects.get(pk=known.id), "ann")
    [waiting] = deliverable.by_device([known.id], 10).messages[known.id]
    assert waiting.content["content"] == "ann won tea"
    assert waiting.content["templateCode"] == "winner"


def test_four_hundred_targets_cost_as_many_statements_as_one(
    workspace: Workspace, template: Template, lane: RecordingLane, django_assert_num_queries: Any
) -> None:
    fleet = [device.ad_token for device, _ in registry.register([(workspace, DeviceInfo())] * 400)]
    with django_assert_num_queries(5):
        pushes.accept(workspace, a_multiple(a_target(fleet[0]), delivery_type=1), **RPC)
    with django_assert_num_queries(5):
        pushes.accept(workspace, a_multiple(*(a_target(token, "k2") for token in fleet), delivery_type=1), **RPC)
    assert len(lane.got) == 401


@pytest.mark.parametrize(
    ("request_", "result"),
    [
        (a_multiple(), ResultCode.TOKEN_OR_USERID_NULL),
        (a_multiple(a_target(" ")), ResultCode.TOKEN_OR_USERID_NULL),
        (a_multiple(a_target("ann"), a_target("ann")), ResultCode.INVALID_PARAM),
        (a_multiple(a_target("ann", "")), ResultCode.INVALID_PARAM),
        (a_multiple(a_target("ann", extended_params={"taskId": "1"})), ResultCode.INVALID_EXTEND_PARAM),
        (a_multiple(a_target("ann", template_key_value={})), ResultCode.TEMPLATEKV_NOT_ENOUGH),
        (a_multiple(a_target("ann"), template_name=""), ResultCode.NEED_TEMPLATE),
        (a_multiple(a_target("ann"), template_name="unknown"), ResultCode.TEMPLATE_NOT_EXIST),
        (a_multiple(a_target("ann"), delivery_type=10), ResultCode.DELIVERY_TYPE_NOT_SUPPORTED),
        (a_multiple(a_target("ann"), task_name_required=True), ResultCode.TASKNAME_NULL),
        (a_multiple(a_target("ann"), silent=5), ResultCode.INVALID_PARAM),
    ],
)
def test_an_invalid_multiple_push_is_refused_and_leaves_nothing(
    workspace: Workspace, template: Template, request_: MultiplePush, result: ResultCode
) -> None:
    with pytest.raises(ResultError) as refused:
        pushes.accept(workspace, request_, **RPC)
    assert refused.value.result == result
    assert not PushTask.objects.exists()
    assert not Message.objects.exists()
