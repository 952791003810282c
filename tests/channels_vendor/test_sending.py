"""From a push to the vendor's acceptance and the statuses, over real HTTP, PostgreSQL and Valkey."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from channels_vendor.accounts import in_use
from channels_vendor.apns.simulator import SimulatedApns
from channels_vendor.base.references import token_hash
from channels_vendor.dispatch import sender
from channels_vendor.dispatch.rate_control import OPENS_AFTER
from channels_vendor.fcm.simulator import SimulatedFcm
from channels_vendor.models import VendorAccount, VendorMessage
from pushcore.channels import Channel, Platform
from pushcore.codes import statuses
from pushcore.delivery import deliverable, dispatch
from pushcore.devices import bindings, client_requests, registry
from pushcore.devices.info import parse_info
from pushcore.devices.registry import KnownDevice
from pushcore.models import Device, Message, PushTask, Workspace
from pushcore.push import pushes, templates
from pushcore.push.requests import MultiplePush, TargetMessage
from pushcore.push.templates import TemplateDraft
from pushcore.storage.valkey import client
from tests.channels_vendor.sending import Send, work
from tests.channels_vendor.simulator_server import SimulatorServer
from tests.support.quiet_hours import quiet_hours

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_accepted_push_is_recorded_by_the_vendor_and_in_the_row(
    workspace: Workspace, vendors: SimulatorServer, fcm: SimulatedFcm, device: Callable[..., KnownDevice], send: Send
) -> None:
    send(device().ad_token)
    assert work(workspace) == 1
    message, kept = Message.objects.get(), VendorMessage.objects.get()
    assert (message.status, message.channel) == (statuses.ACKED, Channel.FCM)
    assert kept.accepted_at is not None
    assert kept.token_hash == token_hash("fcm-token:1")
    assert kept.due_at is None
    assert kept.vendor_id
    assert fcm.ledger.accepted == {"fcm-token:1": 1}
    assert work(workspace) == 0


def test_an_ios_device_gets_silent_messages_by_apns(
    workspace: Workspace, vendors: SimulatorServer, apns: SimulatedApns, device: Callable[..., KnownDevice], send: Send
) -> None:
    device("ab" * 32, Platform.IOS)
    send("ab" * 32, delivery_type=2, silent=1)
    assert work(workspace, Channel.APNS) == 1
    [request] = apns.ledger.requests
    assert request.headers["apns-push-type"] == "background"
    assert Message.objects.get().channel == Channel.APNS


@pytest.mark.parametrize("capabilities", [["trampoline", "flying"], None, []])
def test_a_tap_opens_the_app_of_devices_that_say_they_have_a_trampoline(
    workspace: Workspace,
    vendors: SimulatorServer,
    fcm: SimulatedFcm,
    device: Callable[..., KnownDevice],
    send: Send,
    capabilities: list[str] | None,
) -> None:
    """Beside one that has none: of the same push, each gets its own action."""
    with_app, without = device(), device("fcm-token:2")
    for reported in (["trampoline"], capabilities):  # what is not named stays, an empty list takes it back
        client_requests.report(with_app.id, None, "", parse_info({"model": "M1", "capabilities": reported}))
    send(with_app.ad_token, without.ad_token, push_action=1, uri="shop.OPEN")
    assert work(workspace) == 2
    bodies = [json.loads(request.body)["message"] for request in fcm.ledger.requests]
    actions = {body["token"]: body["android"]["notification"].get("click_action") for body in bodies}
    assert actions == {"fcm-token:1": "shop.OPEN" if capabilities == [] else None, "fcm-token:2": "shop.OPEN"}
    assert {body["data"]["url"] for body in bodies} == {"shop.OPEN"}


@pytest.mark.parametrize(
    "changes", [{"silent": 1}, {"android_channel": 1}, {"extended_params": {"badge": "3"}}], ids=str
)
def test_a_message_for_the_self_built_channel_goes_to_no_vendor(
    workspace: Workspace,
    vendors: SimulatorServer,
    device: Callable[..., KnownDevice],
    send: Send,
    changes: dict[str, object],
) -> None:
    send(device().ad_token, **changes)
    assert not VendorMessage.objects.exists()


def test_a_channel_that_is_off_leaves_its_devices_to_the_self_built_one(
    workspace: Workspace, vendors: SimulatorServer, device: Callable[..., KnownDevice], send: Send
) -> None:
    VendorAccount.objects.update(enabled=False)
    in_use.forget()
    send(device().ad_token)
    assert not VendorMessage.objects.exists()


def test_a_dead_token_is_deleted_and_shows_in_the_status(
    workspace: Workspace, vendors: SimulatorServer, fcm: SimulatedFcm, device: Callable[..., KnownDevice], send: Send
) -> None:
    fcm.script.tokens["fcm-token:1"] = "UNREGISTERED"
    dead = device().ad_token
    send(dead, device("fcm-token:2").ad_token)
    work(workspace)
    assert Message.objects.get(target=dead).status == 90000003
    assert Device.objects.get(ad_token=dead).third_token == ""


def test_a_token_registered_again_after_its_refusal_stays(device: Callable[..., KnownDevice], db: None) -> None:
    known = device()
    registry.drop_third_tokens([(known.id, "fcm-token:1", datetime.now(UTC) - timedelta(minutes=1))])
    assert Device.objects.get().third_token == "fcm-token:1"
    registry.drop_third_tokens([(known.id, "another", datetime.now(UTC))])
    assert Device.objects.get().third_token == "fcm-token:1"


def test_a_server_error_is_retried_later_and_then_succeeds(
    workspace: Workspace, vendors: SimulatorServer, fcm: SimulatedFcm, device: Callable[..., KnownDevice], send: Send
) -> None:
    fcm.script.tokens["fcm-token:1"] = "UNAVAILABLE"
    send(device().ad_token)
    work(workspace)
    kept = VendorMessage.objects.get()
    assert Message.objects.get().status == statuses.WAITING
    assert kept.due_at is not None
    assert kept.due_at > timezone.now()
    fcm.script.tokens.clear()
    VendorMessage.objects.update(due_at=timezone.now())
    work(workspace)
    assert Message.objects.get().status == statuses.ACKED


def test_a_wrong_configuration_stops_the_channel_and_says_why(
    workspace: Workspace, vendors: SimulatorServer, fcm: SimulatedFcm, device: Callable[..., KnownDevice], send: Send
) -> None:
    fcm.script.tokens["fcm-token:1"] = "PERMISSION_DENIED"
    send(device().ad_token)
    work(workspace)
    account = VendorAccount.objects.get(channel=Channel.FCM)
    assert account.stopped_at is not None
    assert account.stopped_reason == "PERMISSION_DENIED"
    assert Message.objects.get().status == 90000401


def test_a_message_of_a_push_to_few_goes_before_a_campaign_that_waits_longer(
    workspace: Workspace, vendors: SimulatorServer, device: Callable[..., KnownDevice], send: Send
) -> None:
    tokens = [device(f"fcm-token:{number}").ad_token for number in range(6)]
    campaign = {number: send(token).own_messages().get().pk for number, token in enumerate(tokens[:5])}
    VendorMessage.objects.update(is_bulk=True, due_at=timezone.now() - timedelta(hours=1))
    VendorMessage.objects.filter(pk=campaign[3]).update(due_at=timezone.now() - timedelta(hours=2))
    single = send(tokens[5]).own_messages().get().pk
    first, second, rest = (set(sender._claim(workspace.pk, Channel.FCM, most).attempts) for most in (1, 1, 100))
    assert (first, second) == ({single}, {campaign[3]})
    assert rest == set(campaign.values()) - second


def test_a_push_to_many_is_a_campaign_at_the_vendor(
    workspace: Workspace, vendors: SimulatorServer, device: Callable[..., KnownDevice], send: Send
) -> None:
    token = device().ad_token
    templates.create(workspace, TemplateDraft("hello", "d", "Hello", "Body"))
    request = MultiplePush(
        delivery_type=1, expired_seconds=600, template_name="hello",
        target_msg=[TargetMessage(target=token, msgkey="campaign")],
    )  # fmt: skip
    many = pushes.accept(workspace, request, source=PushTask.Source.RPC, author="test")
    one = send(token)
    assert {row.task_id: row.is_bulk for row in VendorMessage.objects.all()} == {many.pk: True, one.pk: False}


def test_another_sender_takes_over_every_target_of_one_that_died(
    workspace: Workspace, vendors: SimulatorServer, fcm: SimulatedFcm, device: Callable[..., KnownDevice], send: Send
) -> None:
    tokens = [device(f"fcm-token:{number}").ad_token for number in range(5)]
    send(*tokens)
    assert len(sender._claim(workspace.pk, Channel.FCM, 100).attempts) == 5
    assert work(workspace) == 0
    VendorMessage.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    assert sender.accounts_due() == [(workspace.pk, Channel.FCM)]
    assert work(workspace) == 5
    assert set(fcm.ledger.accepted.values()) == {1}


def test_a_message_handed_over_twice_is_sent_once(
    workspace: Workspace, vendors: SimulatorServer, fcm: SimulatedFcm, device: Callable[..., KnownDevice], send: Send
) -> None:
    send(device().ad_token)
    dispatch.to_lanes(deliverable.by_id([Message.objects.get().pk]))
    assert work(workspace) == 1
    assert fcm.ledger.accepted == {"fcm-token:1": 1}


def test_an_added_delivery_rule_applies_to_vendors(
    workspace: Workspace, vendors: SimulatorServer, fcm: SimulatedFcm, device: Callable[..., KnownDevice], send: Send
) -> None:
    send(device().ad_token)
    with quiet_hours(workspace):
        assert work(workspace) == 0
    assert not fcm.ledger.accepted
    assert Message.objects.get().status == statuses.WAITING


def test_a_revoked_message_is_not_sent(
    workspace: Workspace, vendors: SimulatorServer, fcm: SimulatedFcm, device: Callable[..., KnownDevice], send: Send
) -> None:
    task = send(device().ad_token)
    PushTask.objects.filter(pk=task.pk).update(revoked_at=timezone.now())
    assert work(workspace) == 0
    assert not fcm.ledger.accepted
    assert not VendorMessage.objects.exists()


def test_a_retry_does_not_reach_a_device_that_now_serves_another_user(
    workspace: Workspace, vendors: SimulatorServer, fcm: SimulatedFcm, device: Callable[..., KnownDevice], send: Send
) -> None:
    shared = Device.objects.get(pk=device().id)
    bindings.bind(shared, "first user")
    fcm.script.tokens["fcm-token:1"] = "UNAVAILABLE"
    send("first user", delivery_type=3)
    work(workspace)
    bindings.bind(shared, "second user")
    fcm.script.tokens.clear()
    VendorMessage.objects.update(due_at=timezone.now())
    assert work(workspace) == 0
    assert not fcm.ledger.accepted
    # It waits for its user, and follows to the next device.
    assert Message.objects.get().status == statuses.WAITING
    bindings.bind(Device.objects.get(pk=device("fcm-token:2").id), "first user")
    assert work(workspace) == 1
    assert fcm.ledger.accepted == {"fcm-token:2": 1}


def test_the_circuit_breaker_opens_and_then_tries_one_message(
    workspace: Workspace, vendors: SimulatorServer, fcm: SimulatedFcm, device: Callable[..., KnownDevice], send: Send
) -> None:
    fcm.script.error_rate = 1.0
    send(*[device(f"fcm-token:{number}").ad_token for number in range(5)])
    for _ in range(OPENS_AFTER):
        VendorMessage.objects.update(due_at=timezone.now())
        sender.send_due(workspace.pk, Channel.FCM)
    asked = len(fcm.ledger.requests)
    VendorMessage.objects.update(due_at=timezone.now())
    assert work(workspace) == 0
    assert len(fcm.ledger.requests) == asked
    fcm.script.error_rate = 0.0
    client().delete(f"mps:vendor:open:{workspace.pk}:{int(Channel.FCM)}")
    assert work(workspace) == 5
    assert len(fcm.ledger.requests) == asked + 5


def test_sending_costs_a_fixed_number_of_queries_a_batch(
    workspace: Workspace,
    vendors: SimulatorServer,
    device: Callable[..., KnownDevice],
    send: Send,
    django_assert_max_num_queries: Callable[..., object],
) -> None:
    send(*[device(f"fcm-token:{number}").ad_token for number in range(10)])
    with django_assert_max_num_queries(25):  # type: ignore[attr-defined]
        assert work(workspace) == 10


def test_secrets_are_sealed_in_the_database(workspace: Workspace, vendors: SimulatorServer) -> None:
    row = VendorAccount.objects.get(channel=Channel.FCM)
    assert "PRIVATE KEY" not in row.secrets_sealed
    assert "PRIVATE KEY" in row.secrets()["service_account"]
