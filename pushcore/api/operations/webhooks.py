"""Webhook endpoints, for backends that set their own up. Our own actions (docs/webhooks.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from rest_framework import serializers

from pushcore.api.fields import Id, Moment, Number, Text, TextList
from pushcore.api.operation import EXAMPLE_DAY, EXAMPLE_SCOPE, SCOPE, V2020, Caller, Envelope, Operation
from pushcore.api.schema import OPTIONAL, RequestSchema
from pushcore.codes.results import ResultCode, ResultError
from pushcore.models import WebhookEndpoint, Workspace
from pushcore.webhooks import endpoints, event_types, replay


class PushCreateWebhookSchema(RequestSchema):
    """Create a webhook endpoint."""

    url = Text(help_text="Where events are posted: http or https.")
    eventTypes = TextList(help_text="Which: " + ", ".join(event_types.NAMES) + ".")
    description = Text(help_text="What it is for, at most 200 characters.", required=False, default="")
    batchSize = Number(help_text="Events a request may carry, 1 to 100.", required=False, default=1)


class _EndpointSchema(RequestSchema):
    """Name an endpoint."""

    endpointId = Id(help_text="ID of the endpoint.")


class PushUpdateWebhookSchema(_EndpointSchema):
    """Change a webhook endpoint. What is left out stays."""

    url = Text(help_text="Where events are posted.", required=False, default="")
    eventTypes = TextList(help_text="Which events.", required=False, default=None)
    enabled = serializers.BooleanField(help_text="Whether events are posted.", **OPTIONAL)
    batchSize = Number(help_text="Events a request may carry, 1 to 100.", required=False, default=None)
    rotateSecret = serializers.BooleanField(
        help_text="true: a new secret, answered this once; the former signs too for 24 hours.",
        required=False,
        default=False,
    )


class PushDeleteWebhookSchema(_EndpointSchema):
    """Delete a webhook endpoint."""


class PushReplayWebhookSchema(_EndpointSchema):
    """Post the events of a time again."""

    startTime = Moment(help_text="From this time on, in milliseconds since 1970.")
    endTime = Moment(help_text="Before this time.")
    failedOnly = serializers.BooleanField(
        help_text="true (default): only those that were given up.", required=False, default=True
    )


def create_webhook(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
    """Create an endpoint. The secret is answered this once."""
    endpoint = WebhookEndpoint(
        workspace=workspace,
        url=values["url"],
        event_types=values["eventTypes"],
        description=values["description"][:200],
        batch_size=values["batchSize"],
    )
    _check(endpoint)
    try:
        secret = endpoints.create(endpoint)
    except ValidationError as error:
        raise ResultError(ResultCode.INVALID_PARAM, error.messages[0], parameter="webhooks") from None
    return {"endpointId": str(endpoint.pk), "secret": secret}


def update_webhook(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
    """Change an endpoint."""
    endpoint = _endpoint(workspace, values)
    endpoint.url = values["url"] or endpoint.url
    endpoint.event_types = endpoint.event_types if values["eventTypes"] is None else values["eventTypes"]
    endpoint.enabled = endpoint.enabled if values["enabled"] is None else values["enabled"]
    endpoint.batch_size = endpoint.batch_size if values["batchSize"] is None else values["batchSize"]
    _check(endpoint)
    endpoints.save(endpoint)
    return {"secret": endpoints.rotate(endpoint) if values["rotateSecret"] else ""}


def delete_webhook(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> None:
    """Delete an endpoint."""
    endpoints.delete(_endpoint(workspace, values))


def list_webhooks(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
    """List the endpoints, without their secrets."""
    return {
        "webhooks": [
            {
                "endpointId": str(endpoint.pk),
                "url": endpoint.url,
                "description": endpoint.description,
                "eventTypes": endpoint.event_types,
                "batchSize": endpoint.batch_size,
                "enabled": endpoint.enabled,
                "disabledReason": endpoint.disabled_reason,
            }
            for endpoint in WebhookEndpoint.objects.filter(workspace=workspace)
        ]
    }


def replay_webhook(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
    """Post the events of a time again."""
    endpoint = _endpoint(workspace, values)
    count = replay.replay_range(endpoint, values["startTime"], values["endTime"], failed_only=values["failedOnly"])
    return {"events": count}


def _endpoint(workspace: Workspace, values: Mapping[str, Any]) -> WebhookEndpoint:
    endpoint = WebhookEndpoint.objects.filter(workspace=workspace, pk=values["endpointId"]).first()
    if endpoint is None:
        raise ResultError(ResultCode.INVALID_PARAM, "endpointId is no webhook endpoint of this workspace")
    return endpoint


def _check(endpoint: WebhookEndpoint) -> None:
    field, reason = endpoints.problem(endpoint)
    if reason:
        name = {"event_types": "eventTypes", "batch_size": "batchSize"}.get(field, field)
        raise ResultError(ResultCode.INVALID_PARAM, f"{name}: {reason}")


_ENDPOINT = (*SCOPE, "endpointId")
_ID = EXAMPLE_SCOPE | {"endpointId": "7"}
_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - of an example

OPERATIONS = (
    Operation(
        "PushCreateWebhook",
        "webhook/create",
        "Create a webhook endpoint",
        PushCreateWebhookSchema,
        create_webhook,
        {V2020: (*SCOPE, "url", "eventTypes")},
        Envelope.RESULT_CONTENT,
        example=(
            EXAMPLE_SCOPE | {"url": "https://shop.example/hooks", "eventTypes": ["message.arrived", "message.failed"]},
            {"endpointId": "7", "secret": _SECRET},
        ),
    ),
    Operation(
        "PushUpdateWebhook",
        "webhook/update",
        "Change a webhook endpoint, rotate its secret",
        PushUpdateWebhookSchema,
        update_webhook,
        {V2020: _ENDPOINT},
        Envelope.RESULT_CONTENT,
        example=(_ID | {"enabled": False}, {"secret": ""}),
    ),
    Operation(
        "PushDeleteWebhook",
        "webhook/delete",
        "Delete a webhook endpoint",
        PushDeleteWebhookSchema,
        delete_webhook,
        {V2020: _ENDPOINT},
        example=(_ID, None),
    ),
    Operation(
        "PushQueryWebhooks",
        "webhook/list",
        "List the webhook endpoints",
        RequestSchema,
        list_webhooks,
        {V2020: SCOPE},
        Envelope.RESULT_CONTENT,
        example=(
            EXAMPLE_SCOPE,
            {
                "webhooks": [
                    {
                        "endpointId": "7",
                        "url": "https://shop.example/hooks",
                        "description": "",
                        "eventTypes": ["message.arrived", "message.failed"],
                        "batchSize": 1,
                        "enabled": True,
                        "disabledReason": "",
                    }
                ]
            },
        ),
    ),
    Operation(
        "PushReplayWebhook",
        "webhook/replay",
        "Post the events of a time again",
        PushReplayWebhookSchema,
        replay_webhook,
        {V2020: (*_ENDPOINT, "startTime", "endTime")},
        Envelope.RESULT_CONTENT,
        example=(_ID | EXAMPLE_DAY, {"events": 12}),
    ),
)
