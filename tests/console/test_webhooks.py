"""Webhook endpoints in the console: made, tested, replayed; their secrets are shown once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from console.models import AuditEntry
from pushcore.models import WebhookDelivery, WebhookEndpoint, Workspace
from tests.console.conftest import Everything
from tests.pushcore.webhooks.conftest import Backend
from tests.support.serving import serving

pytestmark = pytest.mark.django_db


@pytest.fixture
def backend(settings: Settings) -> Iterator[Backend]:
    settings.RECEIPT_ALLOW_PRIVATE = True
    with serving(Backend()) as server:
        yield server


@pytest.fixture
def root(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("root"))
    return client


def add(client: Client, workspace: Workspace, **changes: object) -> object:
    given = {
        "workspace": workspace.pk,
        "url": "https://shop.example/hooks",
        "description": "shop",
        "enabled": "on",
        "event_types": ["message.arrived", "user.bound"],
        "batch_size": 1,
    }
    return client.post(reverse("admin:pushcore_webhookendpoint_add"), given | changes, follow=True)


def test_the_secret_of_a_new_endpoint_is_shown_once(root: Client, workspace: Workspace) -> None:
    answer = add(root, workspace)
    endpoint = WebhookEndpoint.objects.get()
    [secret] = endpoint.secrets(timezone.now())
    assert secret in answer.content.decode()  # type: ignore[attr-defined]
    again = root.get(answer.redirect_chain[-1][0], follow=True)  # type: ignore[attr-defined]
    assert secret not in again.content.decode()
    workspace.refresh_from_db()
    assert workspace.webhook_events == ["message.arrived", "user.bound"]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"url": "ftp://shop.example/"}, "Starts with http:// or https://."),
        ({"url": "https://ann:secret@shop.example/"}, "Has a user name or password"),
        ({"batch_size": 101}, "A batch has 1 to 100 events."),
    ],
)
def test_what_cannot_be_posted_to_is_refused_in_a_sentence(
    root: Client, workspace: Workspace, changes: dict[str, object], sentence: str
) -> None:
    assert sentence in add(root, workspace, **changes).content.decode()  # type: ignore[attr-defined]
    assert not WebhookEndpoint.objects.exists()


def test_an_eleventh_endpoint_is_refused(root: Client, workspace: Workspace) -> None:
    for _ in range(10):
        add(root, workspace)
    answer = add(root, workspace)
    assert "at most 10 webhook endpoints" in answer.content.decode()  # type: ignore[attr-defined]
    assert WebhookEndpoint.objects.count() == 10


def test_a_test_event_is_posted_and_what_was_given_up_is_replayed(
    root: Client, mine: Everything, backend: Backend
) -> None:
    endpoint = mine[WebhookEndpoint]
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(url=backend.url)
    page = reverse("admin:pushcore_webhookendpoint_change", args=[endpoint.pk])
    answer = root.post(reverse("admin:pushcore_webhookendpoint_test_endpoint", args=[endpoint.pk]), follow=True)
    assert "accepted the test event" in answer.content.decode()
    assert AuditEntry.objects.filter(action=AuditEntry.Action.TEST).exists()
    WebhookDelivery.objects.update(state="failed", finished_at=timezone.now() - timedelta(minutes=1))
    root.post(reverse("admin:pushcore_webhookendpoint_replay_failed", args=[endpoint.pk]))
    assert not WebhookDelivery.objects.exclude(state="due").exists()
    assert root.get(page).status_code == 200


def test_an_endpoint_that_was_disabled_by_the_service_is_named_on_the_home_page(root: Client, mine: Everything) -> None:
    WebhookEndpoint.objects.update(enabled=False, disabled_reason="failing", disabled_at=timezone.now())
    assert "backend.example" in root.get(reverse("admin:index")).content.decode()


def test_the_log_of_an_endpoint_shows_its_events_alone_also_of_one_that_is_deleted(
    root: Client, mine: Everything
) -> None:
    event = mine[WebhookDelivery]
    log = reverse("admin:pushcore_webhookdelivery_changelist")
    of_it = root.get(log, {"endpoint__exact": mine[WebhookEndpoint].pk})
    assert f"evt_{event.pk}" in of_it.content.decode()
    assert f"evt_{event.pk}" not in root.get(log, {"endpoint__exact": 0}).content.decode()
    WebhookEndpoint.objects.all().delete()
    assert f"evt_{event.pk}" in root.get(log).content.decode()
