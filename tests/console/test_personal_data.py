"""Export and erasure of a user in the console."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from console.models import AuditEntry
from pushcore.devices import bindings
from pushcore.models import Binding, Device, Erasure, Message, PushTask, WebhookEndpoint, Workspace
from pushcore.privacy import erasure, export
from pushcore.push import pushes
from pushcore.push.requests import SimplePush
from tests.console.conftest import Everything

ANN = "ann-4711"


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasure, "wake_task", lambda _: None)


@pytest.fixture
def ann(mine: Everything) -> Workspace:
    """The workspace, without receipts and webhooks, of a user with a device and three messages."""
    device = mine[Device]
    Workspace.objects.filter(pk=device.workspace_id).update(callback_enabled=False)
    WebhookEndpoint.objects.update(enabled=False)
    device.refresh_from_db()
    bindings.bind(device, ANN)
    for number in range(3):
        request = SimplePush(
            delivery_type=3, expired_seconds=600, title="T", content="C", target_msgkey={ANN: f"order-{number}"}
        )
        pushes.accept(device.workspace, request, source=PushTask.Source.RPC, author="test")
    return device.workspace


def test_an_analyst_exports_a_user_as_one_file(
    member: Callable[[str], Client], ann: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "PAGE", 2)
    browser = member("analyst")
    page = browser.get(reverse("admin:query_tool"), {"dimension": "user", "target": ANN}).text
    assert reverse("admin:export_user") in page
    assert reverse("admin:pushcore_erasure_add") not in page
    file: Any = browser.post(reverse("admin:export_user"), {"workspace": ann.pk, "target": f" {ANN} "})
    assert file["Content-Disposition"] == f'attachment; filename="user-{ann.workspace_id}.json"'
    kept = json.loads(b"".join(file.streaming_content))
    assert kept["userId"] == ANN
    assert [message["msgkey"] for message in kept["messages"]] == ["order-2", "order-1", "order-0"]
    assert len(kept["bindings"]) == 1
    entry = AuditEntry.objects.get(details__what="a user's data")
    assert ANN not in json.dumps([entry.details, entry.changes, entry.object_name])
    assert browser.post(reverse("admin:export_user"), {"workspace": ann.pk, "target": " "}).status_code == 400


def test_an_administrator_erases_a_user_and_the_log_does_not_name_them(
    member: Callable[[str], Client], ann: Workspace
) -> None:
    browser = member("administrator")
    form = reverse("admin:pushcore_erasure_add")
    offered = browser.get(reverse("admin:query_tool"), {"dimension": "user", "target": ANN}).text
    assert f"{form}?workspace={ann.pk}&amp;user_id={ANN}" in offered
    given: dict[str, Any] = {"workspace": ann.pk, "user_id": ANN}
    assert f'value="{ANN}"' in browser.get(form, given).text
    assert browser.post(form, given).status_code == 200
    assert Binding.objects.filter(user_id=ANN).exists()  # it was not confirmed
    assert browser.post(form, given | {"confirmed": "on"}).status_code == 302
    assert not Binding.objects.filter(user_id=ANN).exists()
    assert not Message.objects.filter(target=ANN).exists()
    made = Erasure.objects.latest("pk")
    assert (made.source, made.messages, made.user_id) == ("console", 3, "")
    entries = list(AuditEntry.objects.values("details", "changes", "object_name", "action", "object_type"))
    assert ("add", "erasure") in [(entry["action"], entry["object_type"]) for entry in entries]
    assert ANN not in json.dumps(entries)
    shown = browser.get(reverse("admin:pushcore_erasure_change", args=[made.pk])).text
    assert "Finished" in shown


def test_pages_of_what_was_erased_still_open(member: Callable[[str], Client], ann: Workspace) -> None:
    erasure.erase(ann, ANN, source=PushTask.Source.RPC, author="test")
    browser = member("administrator")
    message = Message.objects.filter(workspace=ann, target="").order_by("pk")[0]
    for name, pk in (("message", message.pk), ("pushtask", message.task_id)):
        assert browser.get(reverse(f"admin:pushcore_{name}_change", args=[pk])).status_code == 200
        assert browser.get(reverse(f"admin:pushcore_{name}_changelist")).status_code == 200
