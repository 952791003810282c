"""Messages that a vendor can no longer deliver take another channel, and none is lost between two."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db.models import QuerySet
from django.utils import timezone

from channels_vendor.accounts import in_use
from channels_vendor.dispatch import sender
from channels_vendor.fcm.simulator import SimulatedFcm
from channels_vendor.models import VendorAccount, VendorMessage
from gateway.lane import GatewayLane
from gateway.sink import Sink
from pushcore.channels import Channel
from pushcore.codes import statuses
from pushcore.devices import bindings, client_requests
from pushcore.devices.registry import KnownDevice
from pushcore.models import Device, Message, Workspace
from pushcore.storage.valkey import ValkeyDown
from tests.channels_vendor.sending import Send, work
from tests.channels_vendor.simulator_server import SimulatorServer
from tests.gateway import conftest as gateways
from tests.gateway.conftest import Connect, RunningGateway
from tests.gateway.pushing import wait_for

gateway, connect, sink = gateways.gateway, gateways.connect, gateways.sink

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    "stop",
    [
        lambda accounts: accounts.update(enabled=False),
        lambda accounts: accounts.update(stopped_at=timezone.now()),
        lambda accounts: accounts.delete(),
    ],
    ids=["off", "stopped", "deleted"],
)
def test_messages_for_an_unused_account_reach_a_device_that_is_online(
    workspace: Workspace,
    vendors: SimulatorServer,
    fcm: SimulatedFcm,
    gateway: RunningGateway,
    connect: Connect,
    sink: Sink,
    send: Send,
    stop: Callable[[QuerySet[VendorAccount]], object],
) -> None:
    online = connect()
    known = Device.objects.get(ad_token=online.ad_token)
    client_requests.report(known.pk, Channel.FCM, "fcm-token:1")
    # The session queries the device's pending messages again; there are none yet.
    assert gateway.node is not None
    session = gateway.node.sessions[known.pk]
    assert wait_for(lambda: session.device is not None and session.device.third_channel == Channel.FCM)
    fcm.script.tokens["fcm-token:1"] = "UNAVAILABLE"
    send(online.ad_token)
    work(workspace)
    assert online.keys() == []
    stop(VendorAccount.objects.all())
    VendorMessage.objects.update(due_at=timezone.now())
    assert sender.accounts_due() == [(workspace.pk, Channel.FCM)]
    assert work(workspace) == 0
    assert online.wait(lambda: len(online.keys()) == 1)
    assert wait_for(lambda: Message.objects.get().status == statuses.ACKED)


def test_messages_for_a_stopped_account_are_sent_when_it_is_back(
    workspace: Workspace, vendors: SimulatorServer, fcm: SimulatedFcm, device: Callable[..., KnownDevice], send: Send
) -> None:
    send(device().ad_token)
    VendorAccount.objects.update(stopped_at=timezone.now())
    assert work(workspace) == 0
    assert sender.accounts_due() == []
    VendorAccount.objects.update(stopped_at=None)
    in_use.forget()
    VendorMessage.objects.update(due_at=timezone.now())
    assert work(workspace) == 1
    assert fcm.ledger.accepted == {"fcm-token:1": 1}


def test_a_message_that_no_lane_accepts_stays_due(
    workspace: Workspace,
    vendors: SimulatorServer,
    device: Callable[..., KnownDevice],
    send: Send,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    send(device().ad_token)
    Device.objects.update(third_token="", third_channel=None)

    def away(*_: object) -> None:
        raise ValkeyDown[0]

    monkeypatch.setattr(GatewayLane, "send", away)
    assert work(workspace) == 0
    assert VendorMessage.objects.get().due_at is not None
    monkeypatch.undo()
    VendorMessage.objects.update(due_at=timezone.now())
    assert work(workspace) == 0
    assert not VendorMessage.objects.exists()


def test_a_message_that_follows_its_user_to_another_vendor_is_sent_there_at_once(
    workspace: Workspace, vendors: SimulatorServer, fcm: SimulatedFcm, device: Callable[..., KnownDevice], send: Send
) -> None:
    first = Device.objects.get(pk=device().id)
    bindings.bind(first, "user")
    fcm.script.tokens["fcm-token:1"] = "UNAVAILABLE"
    send("user", delivery_type=3)
    work(workspace)
    bindings.unbind(first, "user")
    bindings.bind(Device.objects.get(pk=device("fcm-token:2").id), "user")
    assert work(workspace) == 1
    assert fcm.ledger.accepted == {"fcm-token:2": 1}
    assert VendorMessage.objects.get().device_id == Message.objects.get().device_id


def test_a_device_that_has_moved_to_another_vendor_gets_its_message_there(
    workspace: Workspace, vendors: SimulatorServer, fcm: SimulatedFcm, device: Callable[..., KnownDevice], send: Send
) -> None:
    known = device()
    send(known.ad_token)
    Device.objects.update(third_channel=Channel.APNS, third_token="ab" * 32)
    assert work(workspace) == 0
    assert VendorMessage.objects.get().channel == Channel.APNS
    assert work(workspace, Channel.APNS) == 1
    assert fcm.ledger.total == 0
