"""What the console's tests share: two apps with one object of everything each, and people of every kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import time, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import Model
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from django.utils.translation import override

import console.admins  # noqa: F401 - tests go through the site's pages while they are collected
from analytics.models import MessageEvent
from channels_vendor.models import VendorAccount
from console import error_pages, models
from console.models import AuditEntry, Membership
from pushcore.audience import segments
from pushcore.channels import Channel
from pushcore.delivery import outcomes
from pushcore.devices import registry, server_requests
from pushcore.devices.info import DeviceInfo
from pushcore.models import (
    AccessKey,
    App,
    AudienceName,
    Binding,
    Device,
    Erasure,
    Message,
    MessageCategory,
    PushTask,
    QuietHours,
    Receipt,
    ReceiptAttempt,
    RsaKey,
    Schedule,
    Segment,
    Template,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
    Workspace,
)
from pushcore.ports import Outcome
from pushcore.push import pushes, requests, templates
from pushcore.push.templates import TemplateDraft
from pushcore.schedules import service
from pushcore.schedules.times import Timed
from pushcore.security import keys
from pushcore.webhooks import endpoints
from sms.models import SmsAccount

Everything = dict[type[Model], Any]


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    """Begin in English: the language of a test's last request stays with the thread."""
    with override("en"):
        yield


def one_of_everything(workspace: Workspace, member: User) -> Everything:
    """An app's objects, made by the services: a bound device, a delivered push, receipt, event, keys, member."""
    workspace.callback_enabled = True
    workspace.callback_url = "https://backend.example/receipts"
    workspace.save()
    endpoint = WebhookEndpoint(
        workspace=workspace, url="https://backend.example/hooks", event_types=["message.arrived", "user.bound"]
    )
    endpoints.create(endpoint)
    known, _ = registry.register([(workspace, DeviceInfo(manufacturer="Xiaomi", model="14"))])[0]
    server_requests.bind(workspace, f"user-{workspace.pk}", known.ad_token, 1)
    task = pushes.accept(workspace, a_push({f"user-{workspace.pk}": f"key-{workspace.pk}"}), **BY_TEST)
    message = Message.objects.get(task=task)
    outcomes.record([Outcome(message.pk, 2)])
    receipt = Receipt.objects.get(message_id=message.pk)
    event = WebhookDelivery.objects.get(workspace=workspace, event_type="message.arrived")
    WebhookAttempt.objects.create(delivery=event, at=timezone.now(), http_status=503, duration_ms=7)
    ReceiptAttempt.objects.create(receipt=receipt, at=timezone.now(), http_status=503, duration_ms=7)
    access_key, _ = keys.create_access_key(workspace.app, [workspace], name=f"backend {workspace.pk}")
    return {
        AuditEntry: AuditEntry.objects.create(action="export", app=workspace.app),
        App: workspace.app,
        Workspace: workspace,
        AccessKey: access_key,
        RsaKey: keys.callback_key(workspace),
        Erasure: Erasure.objects.create(workspace=workspace, source="rpc", requested_at=timezone.now()),
        Schedule: a_schedule(workspace),
        AudienceName: AudienceName.objects.create(workspace=workspace, kind=1, name=f"tag{workspace.pk}"),
        Segment: segments.create(workspace, f"of {workspace.pk}", {"bound": True}),
        Template: templates.create(workspace, TemplateDraft(f"of_{workspace.pk}", "d", "Hello #name#", "Body")),
        Device: Device.objects.get(pk=known.id),
        Binding: Binding.objects.get(device=known.id),
        PushTask: task,
        Message: Message.objects.get(pk=message.pk),
        Receipt: receipt,
        WebhookEndpoint: endpoint,
        WebhookDelivery: event,
        Membership: Membership.objects.create(user=member, app=workspace.app, role="viewer"),
        VendorAccount: VendorAccount.objects.create(workspace=workspace, channel=Channel.FCM, enabled=False),
        SmsAccount: SmsAccount.objects.create(workspace=workspace, provider="twilio", enabled=False),
        MessageCategory: MessageCategory.objects.create(workspace=workspace, name="offers", daily_cap=2),
        QuietHours: QuietHours.objects.create(workspace=workspace, starts=time(22), ends=time(8)),
        models.TestDevice: models.TestDevice.objects.create(workspace=workspace, name="Phone", target=known.ad_token),
        MessageEvent: MessageEvent.objects.create(
            workspace=workspace,
            message_id=message.pk,
            device_id=known.id,
            kind="opened",
            at=timezone.now(),
            received_at=timezone.now(),
        ),
    }


BY_TEST: dict[str, Any] = {"source": PushTask.Source.RPC, "author": "test"}


def a_schedule(workspace: Workspace) -> Schedule:
    request = a_push({f"later-{workspace.pk}": f"later-{workspace.pk}"})
    return service.create(workspace, request, Timed(timezone.now() + timedelta(hours=1)), **BY_TEST)


def a_push(target_msgkey: dict[str, str], **changes: Any) -> requests.SimplePush:
    fields: dict[str, Any] = {
        "task_name": "task",
        "title": "Parcel",
        "content": "On its way",
        "delivery_type": 3,
        "expired_seconds": 300,
    }
    return requests.SimplePush(target_msgkey=target_msgkey, **(fields | changes))


@pytest.fixture
def mine(workspace: Workspace) -> Everything:
    return one_of_everything(workspace, User.objects.create_user("colleague", is_staff=True))


@pytest.fixture
def theirs(db: None) -> Everything:
    """One of everything of an app nobody here is a member of."""
    app = App.objects.create(app_id="OTHER", name="Strangers")
    workspace = Workspace.objects.create(app=app, workspace_id="strange")
    return one_of_everything(workspace, User.objects.create_user("stranger", is_staff=True))


@pytest.fixture
def superuser(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.fixture
def member(app: App) -> Callable[[str], Client]:
    """A browser logged in as somebody with this role in the app."""

    def log_in(role: str) -> Client:
        user = User.objects.create_user(f"a-{role}", is_staff=True)
        Membership.objects.create(user=user, app=app, role=role)
        client = Client()
        client.force_login(user)
        return client

    return log_in


@pytest.fixture
def plain_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    """403 and 404 without the console's layout, where hundreds are asked for and only their status is looked at."""
    monkeypatch.setattr(error_pages, "_page", lambda request, template, context, status: HttpResponse(status=status))
