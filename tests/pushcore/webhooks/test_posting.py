"""Events are posted as the Standard Webhooks specification says, repeated, batched, replayed, and given up."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings
from standardwebhooks import Webhook, WebhookVerificationError

from pushcore.callbacks import post_queue
from pushcore.callbacks.sender import send_due
from pushcore.codes import statuses
from pushcore.delivery import outcomes
from pushcore.devices.registry import KnownDevice
from pushcore.models import (
    Message,
    PushTask,
    Receipt,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
    Workspace,
)
from pushcore.ports import Outcome
from pushcore.storage import ids
from pushcore.webhooks import endpoints, replay
from pushcore.webhooks.deliveries import QUEUE
from tests.pushcore.conftest import RecordingLane
from tests.pushcore.webhooks.conftest import Backend, Subscribe
from tests.support import node_packages

pytestmark = pytest.mark.django_db(transaction=True)

_NODE = Path(node_packages.__file__).parent / "node_standard_webhooks"


def queue(endpoint: WebhookEndpoint, *types: str) -> None:
    now = timezone.now() - timedelta(minutes=1)
    WebhookDelivery.objects.bulk_create(
        WebhookDelivery(
            pk=pk,
            workspace_id=endpoint.workspace_id,
            endpoint=endpoint,
            event_type=event_type,
            data=f'{{"number":{number}}}',
            queued_at=now,
            next_attempt_at=now,
        )
        for number, (pk, event_type) in enumerate(zip(ids.new_ids(len(types)), types, strict=True))
    )


def state(endpoint: WebhookEndpoint) -> list[str]:
    return list(WebhookDelivery.objects.filter(endpoint=endpoint).order_by("pk").values_list("state", flat=True))


def test_the_published_library_verifies_what_a_backend_gets(
    subscribe: Subscribe,
    backend: Backend,
    send: Callable[..., PushTask],
    lane: RecordingLane,
    known: KnownDevice,
) -> None:
    _, secret = subscribe(backend.url, "message.arrived")
    send({known.ad_token: "k1"}, delivery_type=1)
    message = Message.objects.get()
    outcomes.record([Outcome(message.pk, statuses.ACKED)])
    send_due()
    [event] = backend.events(secret)
    assert event["type"] == "message.arrived"
    assert event["data"] == {
        "messageId": str(message.pk),
        "taskId": str(message.task_id),
        "msgKey": "k1",
        "targetId": known.ad_token,
        "adToken": known.ad_token,
        "platform": "android",
        "channel": "self_built",
        "statusCode": "2",
        "statusDesc": "Acked",
    }
    headers, body = backend.requests[0]
    assert headers["webhook-id"] == f"evt_{WebhookDelivery.objects.get().pk}"
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body + b" ", headers)


def test_the_published_npm_library_verifies_what_a_backend_gets(subscribe: Subscribe, backend: Backend) -> None:
    modules = node_packages.installed(_NODE)
    endpoint, secret = subscribe(backend.url, "user.bound")
    queue(endpoint, "user.bound")
    send_due()
    [(headers, body)] = backend.requests
    script = (
        "const { Webhook } = require('standardwebhooks');"
        "const [secret, body, headers] = process.argv.slice(1);"
        "process.stdout.write(JSON.stringify(new Webhook(secret).verify(body, JSON.parse(headers))))"
    )

    def verify(given: str) -> subprocess.CompletedProcess[str]:
        command = ["node", "-e", script, secret, given, json.dumps(headers)]
        return subprocess.run(command, cwd=modules.parent, capture_output=True, text=True, check=False, timeout=60)

    assert json.loads(verify(body.decode()).stdout) == json.loads(body)
    assert "WebhookVerificationError" in verify(body.decode() + " ").stderr


def test_two_secrets_sign_while_one_is_rotated(subscribe: Subscribe, backend: Backend) -> None:
    endpoint, former = subscribe(backend.url)
    present = endpoints.rotate(endpoint)
    queue(endpoint, "task.finished")
    send_due()
    assert backend.verified(0, former) == backend.verified(0, present)
    endpoints.end_former_secret(endpoint)
    queue(endpoint, "task.finished")
    send_due()
    assert backend.verified(1, present)
    with pytest.raises(WebhookVerificationError):
        backend.verified(1, former)


def test_a_refused_event_comes_again_with_the_same_id(
    subscribe: Subscribe, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(post_queue, "FIRST_DELAY_SECONDS", 0.0)
    endpoint, secret = subscribe(backend.url)
    backend.answers = [500]
    queue(endpoint, "task.finished")
    send_due()
    send_due()
    first, second = backend.events(secret)
    assert first == second
    assert backend.requests[0][0]["webhook-id"] == backend.requests[1][0]["webhook-id"]
    assert list(WebhookAttempt.objects.order_by("pk").values_list("http_status", flat=True)) == [500, 204]
    assert state(endpoint) == ["delivered"]


def test_only_who_asked_for_batches_gets_them_and_each_holds_one_type(subscribe: Subscribe, backend: Backend) -> None:
    endpoint, secret = subscribe(backend.url, batch_size=3)
    queue(endpoint, "user.bound", "user.bound", "task.finished", "user.bound", "user.bound")
    send_due()
    got = backend.events(secret)
    numbers = [(one["type"], [event["data"]["number"] for event in one["data"]["events"]]) for one in got]
    assert sorted(numbers) == [("task.finished", [2]), ("user.bound", [0, 1, 3]), ("user.bound", [4])]
    assert state(endpoint) == ["delivered"] * 5
    single, its_secret = subscribe(backend.url)
    queue(single, "user.bound", "user.bound")
    send_due()
    later = [backend.verified(number, its_secret)["data"] for number in range(3, 5)]
    assert sorted(one["number"] for one in later) == [0, 1]


def test_private_addresses_are_refused(subscribe: Subscribe, backend: Backend, settings: Settings) -> None:
    settings.RECEIPT_ALLOW_PRIVATE = False
    endpoint, _ = subscribe(backend.url)
    queue(endpoint, "task.finished")
    send_due()
    assert not backend.requests
    assert "private" in WebhookAttempt.objects.get().error


def test_an_endpoint_that_accepts_nothing_for_days_is_disabled_and_starts_anew(
    subscribe: Subscribe, backend: Backend, workspace: Workspace
) -> None:
    endpoint, _ = subscribe(backend.url, "task.finished")
    backend.answers = [500]
    queue(endpoint, "task.finished")
    send_due()
    endpoint.refresh_from_db()
    assert endpoint.failing_since
    days_ago = timezone.now() - endpoints.DEAD_AFTER - timedelta(hours=1)
    WebhookEndpoint.objects.update(failing_since=days_ago)
    assert endpoints.disable_dead() == []  # its event may still be delivered
    WebhookDelivery.objects.update(state="failed", finished_at=timezone.now())
    assert endpoints.disable_dead() == [endpoint.pk]
    endpoint.refresh_from_db()
    workspace.refresh_from_db()
    assert (endpoint.enabled, endpoint.disabled_reason, workspace.webhook_events) == (False, "failing", [])
    queue(endpoint, "task.finished")
    assert send_due() == 0
    endpoint.enabled = True
    endpoints.save(endpoint)
    assert send_due() == 1
    endpoint.refresh_from_db()
    assert endpoint.disabled_reason == ""
    assert not WebhookEndpoint.objects.exclude(failing_since=None)


def test_events_of_a_disabled_or_deleted_endpoint_are_given_up_in_time(subscribe: Subscribe, backend: Backend) -> None:
    disabled, _ = subscribe(backend.url, enabled=False)
    deleted, _ = subscribe(backend.url)
    queue(disabled, "task.finished")
    queue(deleted, "task.finished")
    endpoints.delete(deleted)
    WebhookDelivery.objects.update(next_attempt_at=timezone.now() - post_queue.GIVE_UP_AFTER)
    assert QUEUE.give_up_overdue([]) == 2
    assert set(WebhookDelivery.objects.values_list("state", flat=True)) == {"failed"}


def test_an_endpoint_that_says_it_is_gone_is_disabled_at_once(subscribe: Subscribe, backend: Backend) -> None:
    endpoint, _ = subscribe(backend.url)
    backend.answers = [410]
    queue(endpoint, "task.finished")
    send_due()
    endpoint.refresh_from_db()
    assert (endpoint.enabled, endpoint.disabled_reason) == (False, "gone")


def test_one_event_and_those_of_a_time_are_replayed(subscribe: Subscribe, backend: Backend) -> None:
    endpoint, secret = subscribe(backend.url)
    backend.answers = [204, 204]
    queue(endpoint, "user.bound", "user.unbound")
    send_due()
    first = WebhookDelivery.objects.order_by("pk")[0]
    replay.replay(first)
    send_due()
    assert [one["type"] for one in backend.events(secret)].count("user.bound") == 2
    now = timezone.now()
    assert replay.replay_range(endpoint, now - timedelta(hours=1), now + timedelta(hours=1)) == 0
    WebhookDelivery.objects.filter(pk=first.pk).update(state="failed")
    assert replay.replay_range(endpoint, now - timedelta(hours=2), now - timedelta(hours=1)) == 0
    assert replay.replay_range(endpoint, now - timedelta(hours=1), now + timedelta(hours=1)) == 1
    send_due()
    assert replay.replay_range(endpoint, now - timedelta(hours=1), now + timedelta(hours=1), failed_only=False) == 2
    assert len(backend.requests) == 4


def test_a_test_event_is_posted_once_and_is_in_the_log(subscribe: Subscribe, backend: Backend) -> None:
    endpoint, secret = subscribe(backend.url, "task.finished")
    assert replay.send_test(endpoint).accepted
    backend.answers = [500]
    assert not replay.send_test(endpoint).accepted
    assert [one["type"] for one in backend.events(secret)] == ["webhook.test"] * 2
    assert state(endpoint) == ["delivered", "failed"]
    assert WebhookAttempt.objects.count() == 2
    assert send_due() == 0


def test_receipts_are_posted_beside_events(subscribe: Subscribe, backend: Backend, workspace: Workspace) -> None:
    endpoint, _ = subscribe(backend.url)
    queue(endpoint, "task.finished")
    workspace.callback_url = f"http://127.0.0.1:{backend.server_address[1]}/receipts"
    workspace.save()
    now = timezone.now()
    Receipt.objects.create(
        workspace=workspace, message_id=ids.new_ids(1)[0], target="t", body="{}", created_at=now, next_attempt_at=now
    )
    assert send_due() == 2
    assert Receipt.objects.get().state == "delivered"
    assert state(endpoint) == ["delivered"]
