"""From a request to a push whose limits are checked and whose content is made. Nothing is written here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from pushcore.audience.walks import ResolvedCondition, resolve_condition
from pushcore.broadcast.audience import Audience, audience_of
from pushcore.categories.catalog import CategoryRules
from pushcore.models import PushTask, Workspace
from pushcore.models.pushes import DeviceRules
from pushcore.ports import SmsWish
from pushcore.push import limits, sms
from pushcore.push.content import compose
from pushcore.push.idempotency import IdempotencyKey
from pushcore.push.recipients import Recipient, by_users, recipients_of
from pushcore.push.requests import AnyPush, AudiencePush, BroadcastPush


@dataclass(frozen=True, slots=True)
class ValidatedPush:
    """A push that may be accepted.

    Attributes:
        content: What all its messages share (`bData`).
        options: What vendors' channels are told beside the content.
        fingerprint: Tells whether a msgkey that was used before comes with the same request.
        idempotency_keys: What it claims.
        recipients: Whom its messages are for; nobody, of a broadcast and an audience push.
        audience: The devices that a broadcast is for.
        condition: What the devices of an audience push meet.
        message_category: The name of its category; empty where it has none.
        inbox: Whether its messages are in inboxes.
        device_rules: What of devices decides whether they get it now.
        sms: What it asks of SMS; None for nothing.
    """

    kind: PushTask.Kind
    task_name: str
    delivery_type: int
    content: dict[str, Any]
    options: dict[str, Any]
    expired_seconds: int
    fingerprint: bytes
    idempotency_keys: Sequence[IdempotencyKey]
    recipients: Sequence[Recipient]
    audience: Audience | None = None
    condition: ResolvedCondition | None = None
    message_category: str = ""
    inbox: bool = False
    device_rules: DeviceRules = DeviceRules.NONE
    sms: SmsWish | None = None


def validate(workspace: Workspace, request: AnyPush) -> ValidatedPush:
    """Check a push request against all limits and make its content.

    Raises:
        ResultError: The code of the first limit that it breaks.
    """
    limits.check(request)
    recipients = by_users(workspace, request.delivery_type, recipients_of(request))
    content = compose(workspace, request)
    category = CategoryRules.of(workspace, request, content.message_category)
    for override in ({}, *content.own):
        limits.check_payload(content.shared | override, category.vendor_options)
    if recipients and content.own:
        recipients = [
            replace(recipient, override=override) for recipient, override in zip(recipients, content.own, strict=True)
        ]
    keys: Sequence[IdempotencyKey] = recipients
    audience = condition = None
    if isinstance(request, BroadcastPush):
        audience = audience_of(workspace, request, silent=bool(content.shared["silent"]))
        if category.decides_by_device:
            audience = audience.with_message_each()
        keys = [IdempotencyKey.of_whole_push(request.msgkey)]
    elif isinstance(request, AudiencePush):
        condition = resolve_condition(workspace, request, content.own)
        keys = [IdempotencyKey.of_whole_push(request.msgkey)]
    return ValidatedPush(
        kind=request.kind,
        task_name=request.task_name,
        delivery_type=request.delivery_type,
        content=content.shared,
        options={"androidChannel": request.android_channel, **category.vendor_options},
        expired_seconds=request.expired_seconds,
        fingerprint=request.fingerprint(),
        idempotency_keys=keys,
        recipients=recipients,
        audience=audience,
        condition=condition,
        message_category=category.name,
        inbox=request.inbox,
        device_rules=category.device_rules,
        sms=sms.wish_of(workspace, request),
    )
