"""Backends set up their webhook endpoints over both APIs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.utils import timezone

from pushcore.models import WebhookEndpoint, Workspace
from tests.pushcore.api.callers import REST_PATHS, Rest, Rpc2020, form_of
from tests.pushcore.api.samples import SCOPE

pytestmark = pytest.mark.django_db

ENDPOINT = {"url": "https://shop.example/hooks", "eventTypes": ["message.arrived", "user.bound"]}


def call(rest: Rest, action: str, **values: Any) -> Any:
    answer = rest.call(REST_PATHS[action], SCOPE | values)
    assert answer["code"] == "100", answer
    return answer["data"]


def test_an_endpoint_is_created_changed_listed_and_deleted(rest: Rest, rpc2020: Rpc2020, workspace: Workspace) -> None:
    made = call(rest, "PushCreateWebhook", **ENDPOINT)
    endpoint = WebhookEndpoint.objects.get(pk=made["endpointId"])
    assert endpoint.secrets(timezone.now()) == [made["secret"]]
    named = {"endpointId": made["endpointId"]}
    assert call(rest, "PushUpdateWebhook", **named, batchSize=10, enabled=False) == {"secret": ""}
    [listed] = call(rest, "PushQueryWebhooks")["webhooks"]
    assert (listed["batchSize"], listed["enabled"], listed["url"]) == (10, False, ENDPOINT["url"])
    assert made["secret"] not in json.dumps(listed)
    renewed = call(rest, "PushUpdateWebhook", **named, rotateSecret=True, enabled=True)["secret"]
    endpoint.refresh_from_db()
    assert endpoint.secrets(timezone.now()) == [renewed, made["secret"]]
    workspace.refresh_from_db()
    assert workspace.webhook_events == ["message.arrived", "user.bound"]
    times = form_of(SCOPE | named | {"startTime": 1, "endTime": 2})
    answer = rpc2020.call("PushReplayWebhook", times).json()
    assert answer["ResultContent"]["Data"]["Events"] == 0
    call(rest, "PushDeleteWebhook", **named)
    assert not WebhookEndpoint.objects.exists()


@pytest.mark.parametrize(
    "changes",
    [{"url": "ftp://x.example/"}, {"url": ""}, {"eventTypes": []}, {"eventTypes": ["message.lost"]}, {"batchSize": 0}],
)
def test_a_faulty_endpoint_is_refused(rest: Rest, changes: dict[str, Any]) -> None:
    answer = rest.call(REST_PATHS["PushCreateWebhook"], SCOPE | ENDPOINT | changes)
    assert answer["code"] == "3028"
    assert not WebhookEndpoint.objects.exists()


def test_another_workspaces_endpoint_is_unknown(rest: Rest, workspace: Workspace) -> None:
    stranger = Workspace.objects.create(app=workspace.app, workspace_id="stranger")
    theirs = WebhookEndpoint.objects.create(workspace=stranger, url="https://x.example/", event_types=["user.bound"])
    for action in ("PushUpdateWebhook", "PushDeleteWebhook"):
        answer = rest.call(REST_PATHS[action], SCOPE | {"endpointId": str(theirs.pk)})
        assert answer["code"] == "3028"
    assert WebhookEndpoint.objects.count() == 1
