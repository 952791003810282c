"""Message categories over both APIs: every push may name one; files, schedules and dry runs follow its rules, too."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from pushcore.api.operations import templates as rpc_template
from pushcore.api.rest import templates as rest_template
from pushcore.broadcast import vendor_walk
from pushcore.codes import statuses
from pushcore.devices import registry
from pushcore.devices.info import DeviceInfo
from pushcore.devices.registry import KnownDevice
from pushcore.loading import load
from pushcore.models import Broadcast, CapCount, Message, MessageCategory, Occurrence, PushTask, Template, Workspace
from pushcore.models.pushes import DeviceRules
from pushcore.push import templates
from pushcore.push.templates import TemplateDraft
from pushcore.schedules import firing
from tests.pushcore.api.callers import Rest, Rpc2020
from tests.pushcore.api.samples import REQUESTS, SCOPE
from tests.pushcore.api.test_file_push_calls import send

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("lane")]

OFFERS = {"messageCategory": "offers"}
PATHS = {
    "PushSimple": "push/simple",
    "PushTemplate": "push/template",
    "PushMultiple": "push/multiple",
    "PushBroadcast": "push/broadcast",
    "PushToAudience": "push/audience",
}


@pytest.fixture(autouse=True)
def offers(workspace: Workspace) -> MessageCategory:
    templates.create(workspace, TemplateDraft("hello", "d", "Hello #name#", "Body"))
    return MessageCategory.objects.create(
        workspace=workspace,
        name="offers",
        is_marketing=True,
        keeps_quiet_hours=True,
        daily_cap=1,
        third_channel_category={"hms": "MARKETING", "oppo": "NEWS"},
    )


@pytest.fixture
def known(workspace: Workspace) -> KnownDevice:
    return registry.register([(workspace, DeviceInfo())])[0][0]


@pytest.mark.parametrize("action", PATHS)
def test_every_push_names_a_category(rest: Rest, rpc2020: Rpc2020, action: str) -> None:
    request = REQUESTS[action] | OFFERS
    assert rest.call(PATHS[action], request)["code"] == "100"
    assert rpc2020.answer(action, REQUESTS[action] | {"messageCategory": "unknown"}) == "3121"
    task = PushTask.objects.get()
    assert (task.message_category, task.device_rules) == ("offers", DeviceRules.CONSENT | DeviceRules.QUIET_HOURS)
    assert task.options["thirdChannelCategory"] == {"hms": "MARKETING", "oppo": "NEWS"}


def test_what_a_push_says_to_vendors_goes_before_its_category(rest: Rest) -> None:
    own = {"thirdChannelCategory": {"huawei": "EXPRESS"}, "ignoreQuietHours": True}
    assert rest.call("push/simple", REQUESTS["PushSimple"] | OFFERS | own)["code"] == "100"
    task = PushTask.objects.get()
    assert task.options["thirdChannelCategory"] == {"huawei": "EXPRESS", "oppo": "NEWS"}
    assert task.device_rules == DeviceRules.CONSENT


@pytest.mark.parametrize("action", [action for action in PATHS if action != "PushSimple"])
def test_a_push_has_the_category_of_its_template_unless_it_names_another(
    rest: Rest, workspace: Workspace, action: str
) -> None:
    made = {"name": "sale", "description": "d", "title": "Hello #name#", "body": "Body", "messageCategory": "offers"}
    assert rest.call("templates", SCOPE | made)["code"] == "100"
    MessageCategory.objects.create(workspace=workspace, name="orders")
    request = {name: value for name, value in REQUESTS[action].items() if name not in ("title", "content")}
    request |= (
        {"templateName": "sale", "templateKeyValue": {"name": "Ann"}}
        if action != "PushMultiple"
        else {"templateName": "sale"}
    )
    assert rest.call(PATHS[action], request)["code"] == "100"
    task = PushTask.objects.get()
    assert (task.message_category, task.device_rules) == ("offers", DeviceRules.CONSENT | DeviceRules.QUIET_HOURS)
    again = json.loads(json.dumps(request).replace('"k1"', '"k2"'))
    assert rest.call(PATHS[action], again | {"messageCategory": "orders"})["code"] == "100"
    assert PushTask.objects.exclude(pk=task.pk).get().message_category == "orders"
    MessageCategory.objects.filter(name="offers").delete()
    assert rest.call(PATHS[action], json.loads(json.dumps(request).replace('"k1"', '"k3"')))["code"] == "3121"


def test_a_file_has_the_category_of_its_template(rest: Rest) -> None:
    Template.objects.filter(name="hello").update(message_category="offers")
    dry = send(rest, b"ann,1,name=A\nann,2,name=A\n", dryRun="true")
    assert dry["data"]["heldBack"] == 1
    assert send(rest, b"ann,1,name=A\nann,2,name=A\n")["code"] == "100"
    assert PushTask.objects.get().message_category == "offers"


def test_both_apis_make_and_show_the_category_of_a_template(rest: Rest, rpc2020: Rpc2020) -> None:
    made = {"templateName": "sale", "descInfo": "d", "title": "T", "content": "C", "messageCategory": "offers"}
    assert rpc2020.answer("CreateTemplate", SCOPE | made | {"messageCategory": "unknown"}) == "3121"
    assert not Template.objects.filter(name="sale").exists()
    rpc2020.answer("CreateTemplate", SCOPE | made)
    template = Template.objects.get(name="sale")
    assert template.message_category == "offers"
    assert (
        rest_template.shown(template)["messageCategory"] == rpc_template._shown(template)["messageCategory"] == "offers"
    )


@pytest.mark.django_db(transaction=True)
def test_the_messages_of_a_file_are_counted_by_its_blocks(rest: Rest, known: KnownDevice) -> None:
    lines = "".join(f"{user},{user}{number},name=A\n" for user in ("ann", "bob") for number in range(3))
    assert send(rest, lines.encode(), **OFFERS)["code"] == "100"
    load.load_all()
    task = PushTask.objects.get()
    assert (task.message_count, task.held_back_count) == (6, 4)
    answer = rest.call("analysis/task", SCOPE | {"taskId": str(task.pk)})["data"]
    assert (answer["pushNum"], answer["pushHeldBackNum"], answer["pushNoConsentNum"]) == (6, 4, 0)


def test_an_occurrence_is_counted_when_it_is_sent(rest: Rest) -> None:
    in_an_hour = int((timezone.now() + timedelta(hours=1)).timestamp() * 1000)
    at = {"strategyType": 1, "strategyContent": {"fixedTime": in_an_hour}}
    assert rest.call("push/simple", REQUESTS["PushSimple"] | OFFERS | at)["code"] == "100"
    assert not CapCount.objects.exists()
    Occurrence.objects.update(at=timezone.now() - timedelta(seconds=1))
    firing.fire_due()
    assert CapCount.objects.get().subject == "uann"
    rest.call("push/simple", REQUESTS["PushSimple"] | OFFERS | {"targetMsgkey": {"ann": "another"}})
    assert [message.status for message in Message.objects.order_by("pk")] == [
        statuses.NO_BIND_INFO, statuses.HELD_BACK,
    ]  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_an_audience_is_counted_device_by_device(rest: Rest, workspace: Workspace, known: KnownDevice) -> None:
    registry.register([(workspace, DeviceInfo())])
    simple = {"deliveryType": 1, "targetMsgkey": {known.ad_token: "first"}}
    assert rest.call("push/simple", REQUESTS["PushSimple"] | OFFERS | simple)["code"] == "100"
    assert rest.call("push/audience", REQUESTS["PushToAudience"] | OFFERS)["code"] == "100"
    load.load_all()
    task = PushTask.objects.get(kind=PushTask.Kind.AUDIENCE)
    assert (task.message_count, task.held_back_count) == (2, 1)


def test_a_broadcast_is_one_row_where_no_rule_asks_for_the_device(
    rest: Rest, workspace: Workspace, known: KnownDevice
) -> None:
    MessageCategory.objects.create(workspace=workspace, name="orders")
    request = REQUESTS["PushBroadcast"]
    rest.call("push/broadcast", request | {"messageCategory": "orders"})
    rest.call("push/broadcast", request | OFFERS | {"msgkey": "k2"})
    vendor_walk.walk_all()
    one_row, by_device = Broadcast.objects.order_by("pk")
    assert (one_row.self_built, one_row.per_device) == (True, False)
    assert (by_device.self_built, by_device.per_device) == (False, True)
    assert [message.task_id for message in Message.objects.all()] == [by_device.pk]


def test_a_dry_run_says_what_would_be_held_back_and_counts_nothing(
    rest: Rest, rpc2020: Rpc2020, known: KnownDevice
) -> None:
    request = REQUESTS["PushSimple"] | OFFERS | {"deliveryType": 1, "targetMsgkey": {known.ad_token: "1"}}

    def dry(**changes: Any) -> tuple[int, int, int]:
        data = rest.call("push/simple", request | {"dryRun": True} | changes)["data"]
        return data["heldBack"], data["noConsent"], sum(one["messages"] for one in data["channels"])

    assert dry() == dry() == (0, 0, 1)
    assert not CapCount.objects.exists()
    rest.call("push/simple", request)
    again = {"targetMsgkey": {known.ad_token: "2"}}
    assert dry(**again) == (1, 0, 0)
    refusing = {"targetType": 1, "targets": [known.ad_token], "marketingConsent": False}
    rest.call("audience/consent", SCOPE | refusing)
    assert dry(**again) == (0, 1, 0)
