"""Templates over REST, and template and multiple push through both APIs."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from django.utils import timezone

from pushcore.models import Message, PushTask, Template, Workspace
from tests.pushcore.api.callers import Rest, Rpc2019, Rpc2020

pytestmark = pytest.mark.django_db

SCOPE = {"appId": "ONEX570DA89211721", "workspaceId": "test"}
TEMPLATE = {"name": "winner", "description": "a prize", "title": "Hello #name#", "body": "you won #prize#"}


def read(rest: Rest, path: str, method: str = "get", **query: str) -> dict[str, Any]:
    """Call a path without a body, whose path with query is signed."""
    signed = f"/api/v1/{path}?{urlencode(SCOPE | query)}"
    url = f"{signed}&{urlencode({'sign': rest.sign(signed.encode()), 'signType': 'RSA'})}"
    return json.loads(getattr(rest.client, method)(url).content)


def test_a_template_is_made_shown_listed_and_deleted(rest: Rest) -> None:
    made = rest.call("templates", SCOPE | TEMPLATE | {"icon": {"default": "https://example.com/i.png"}, "style": 2})
    assert (made["code"], made["data"]) == ("100", "winner")
    shown = read(rest, "templates/winner")["data"]
    assert (shown["title"], shown["style"], shown["placeholders"]) == ("Hello #name#", 2, ["name", "prize"])
    rest.call("templates", SCOPE | TEMPLATE | {"name": "second"})
    listed = read(rest, "templates")["data"]
    assert listed["total"] == 2
    assert [entry["name"] for entry in listed["templates"]] == ["second", "winner"]
    assert read(rest, "templates", page="2")["data"]["templates"] == []
    assert read(rest, "templates/winner", "delete")["code"] == "100"
    assert read(rest, "templates/winner")["code"] == "3022"
    assert Template.objects.get().name == "second"


def test_where_replays_are_refused_a_deletion_is_signed_for_once(rest: Rest, workspace: Workspace) -> None:
    rest.call("templates", SCOPE | TEMPLATE)
    Workspace.objects.update(replay_protection=True)
    assert read(rest, "templates/winner")["code"] == "100"
    assert read(rest, "templates/winner", "delete")["code"] == "3028"
    once = {"timestamp": str(int(timezone.now().timestamp() * 1000)), "nonce": "n1"}
    assert read(rest, "templates/winner", "delete", **once)["code"] == "100"
    Template.objects.create(workspace=workspace, **TEMPLATE)
    assert read(rest, "templates/winner", "delete", **once)["code"] == "3028"
    assert Template.objects.exists()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"name": ""}, "3037"),
        ({"name": "a b"}, "3038"),
        ({"name": ["x"]}, "3038"),
        ({"body": ""}, "3039"),
        ({"title": ""}, "3040"),
        ({"description": None}, "3041"),
        ({"uri": ["x"]}, "3042"),
        ({"style": "big"}, "3028"),
        ({"icon": [1]}, "3028"),
    ],
)
def test_a_faulty_template_is_answered_with_its_code(rest: Rest, changes: dict[str, Any], code: str) -> None:
    assert rest.call("templates", SCOPE | TEMPLATE | changes)["code"] == code


@pytest.mark.parametrize("page", ["0", "-1", "x", "99999"])
def test_an_invalid_page_number_is_refused(rest: Rest, page: str) -> None:
    assert read(rest, "templates", page=page)["code"] == "3028"


@pytest.fixture
def template(workspace: Workspace) -> Template:
    return Template.objects.create(workspace=workspace, **TEMPLATE)


def test_a_template_push_in_both_versions_and_over_rest(
    rpc2019: Rpc2019, rpc2020: Rpc2020, rest: Rest, template: Template
) -> None:
    form = {
        "AppId": SCOPE["appId"], "WorkspaceId": "test", "TaskName": "t", "DeliveryType": "3", "ExpiredSeconds": "300",
        "TemplateName": "winner",
    }  # fmt: skip
    values = {"name": "Ann", "prize": "tea"}
    # The 2019 package hands a dictionary over as Python writes it.
    old = rpc2019.call("PushTemplate", form | {"TargetMsgkey": '{"ann": "k1"}', "TemplateKeyValue": str(values)})
    new = rpc2020.call("PushTemplate", form | {"TargetMsgkey": '{"ann": "k2"}', "TemplateKeyValue": json.dumps(values)})
    assert json.loads(old.content)["ResultCode"] == "100"
    assert json.loads(new.content)["ResultCode"] == "OK"
    body = SCOPE | {
        "deliveryType": 3, "expiredSeconds": 300, "templateName": "winner", "targetMsgkey": {"ann": "k3"},
        "templateKeyValue": values,
    }  # fmt: skip
    assert rest.call("push/template", body)["code"] == "100"
    assert [task.content["title"] for task in PushTask.objects.all()] == ["Hello Ann"] * 3
    assert rest.call("push/template", body | {"templateKeyValue": {"name": "Ann"}})["code"] == "3023"
    assert rest.call("push/template", body | {"templateName": None})["code"] == "3025"


def test_a_multiple_push_in_both_versions_and_over_rest(
    rpc2019: Rpc2019, rpc2020: Rpc2020, rest: Rest, template: Template
) -> None:
    form = {
        "AppId": SCOPE["appId"], "WorkspaceId": "test", "TaskName": "t", "DeliveryType": "3", "ExpiredSeconds": "300",
        "TemplateName": "winner", "ExtendedParams": '{"all": "1"}',
    }  # fmt: skip
    for caller, key in ((rpc2019, "k1"), (rpc2020, "k2")):
        targets: dict[str, str] = {}
        for position, user in enumerate(("ann", "bob"), 1):
            targets |= {
                f"TargetMsg.{position}.Target": user,
                f"TargetMsg.{position}.MsgKey": key,
                f"TargetMsg.{position}.TemplateKeyValue": json.dumps({"name": user, "prize": "tea"}),
                f"TargetMsg.{position}.ExtendedParams": '{"own": "2"}',
            }
        answer = json.loads(caller.call("PushMultiple", form | targets).content)
        assert answer["PushResult"]["Success"] is True, answer
    body = SCOPE | {
        "deliveryType": 3, "expiredSeconds": 300, "templateName": "winner",
        "targetMsg": [{"target": "ann", "msgKey": "k3", "templateKeyValue": {"name": "ann", "prize": "tea"}}],
    }  # fmt: skip
    assert rest.call("push/multiple", body)["code"] == "100"
    assert sorted(message.title for message in Message.objects.all()) == ["Hello ann"] * 3 + ["Hello bob"] * 2
    assert Message.objects.get(msgkey="k1", target="ann").content["params"] == {"all": "1", "own": "2"}
    assert rest.call("push/multiple", body | {"targetMsg": []})["code"] == "3021"
    assert rest.call("push/multiple", body | {"targetMsg": [5]})["code"] == "3021"
