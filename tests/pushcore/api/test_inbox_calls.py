"""Backends read and change inboxes over both APIs."""

from __future__ import annotations

import json

import pytest

from pushcore.devices import registry
from pushcore.devices.info import DeviceInfo
from pushcore.models import Workspace
from tests.pushcore.api.callers import REST_PATHS, Rest, Rpc2020, form_of
from tests.pushcore.api.samples import SCOPE

pytestmark = pytest.mark.django_db


def test_a_backend_reads_and_changes_the_same_inbox_over_both_apis(
    rest: Rest, rpc2020: Rpc2020, workspace: Workspace
) -> None:
    known, _ = registry.register([(workspace, DeviceInfo())])[0]
    push = SCOPE | {
        "taskName": "t", "title": "Parcel", "content": "C", "deliveryType": 3, "expiredSeconds": 300,
        "targetMsgkey": {"ann": "k1"}, "inbox": True,
    }  # fmt: skip
    assert rest.call(REST_PATHS["PushSimple"], push)["code"] == "100"
    who = SCOPE | {"target": "ann", "targetType": 2}
    page = rest.call(REST_PATHS["PushQueryInbox"], who)["data"]
    [entry] = page["messages"]
    assert (json.loads(entry["bData"])["title"], entry["read"], page["unread"]) == ("Parcel", False, 1)
    answer = rpc2020.call("PushUpdateInbox", form_of(who | {"readIds": json.dumps([entry["k"]])})).json()
    assert answer["ResultContent"]["Data"]["Unread"] == 0
    assert rest.call(REST_PATHS["PushQueryInbox"], who)["data"]["messages"][0]["read"]
    of_device = SCOPE | {"target": known.ad_token, "targetType": 1}
    assert rest.call(REST_PATHS["PushQueryInbox"], of_device)["data"]["messages"] == []
    assert rest.call(REST_PATHS["PushQueryInbox"], who | {"targetType": 7})["code"] == "3009"
