"""Workers: a vendor that hangs takes its own share, a killed process loses no target."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from django.db import connection, connections
from django.utils import timezone

from channels_vendor import lane, tasks
from channels_vendor.models import VendorMessage
from channels_vendor.simulator.fcm import FcmDesk
from channels_vendor.turns import Turns
from pushcore import bus
from pushcore.channels import Channel, Platform
from pushcore.codes import statuses
from pushcore.devices import KnownDevice
from pushcore.models import Message, PushTask, Workspace
from tests.channels_vendor import test_sending
from tests.channels_vendor.running import Running

pytestmark = pytest.mark.django_db(transaction=True)

apns, fcm, device, send, vendors = (
    test_sending.apns, test_sending.fcm, test_sending.device, test_sending.send, test_sending.vendors
)  # fmt: skip

_SENDER = """
import django
django.setup()
from channels_vendor import sender
from pushcore.channels import Channel
sender.send_due(%d, Channel.FCM)
"""


def test_a_vendor_that_hangs_delays_no_other(
    workspace: Workspace,
    vendors: Running,
    fcm: FcmDesk,
    device: Callable[..., KnownDevice],
    send: Callable[..., PushTask],
) -> None:
    fcm.script.latency = 60
    send(device().ad_token)
    device("ab" * 32, Platform.IOS)
    send("ab" * 32, delivery_type=2)

    def hang() -> None:
        tasks.send(workspace.pk, Channel.FCM)
        connections.close_all()

    hanging = threading.Thread(target=hang)
    hanging.start()
    wait_until(lambda: bool(fcm.ledger.requests))
    tasks.send(workspace.pk, Channel.APNS)
    assert Message.objects.get(target="ab" * 32).status == statuses.ACKED
    assert hanging.is_alive()
    # The second word for the vendor that hangs takes no second thread.
    tasks.send(workspace.pk, Channel.FCM)
    assert len(fcm.ledger.requests) == 1
    vendors.drop_connections()
    hanging.join()
    assert Message.objects.exclude(target="ab" * 32).get().status == statuses.WAITING


def test_a_message_that_comes_while_its_account_is_sent_follows_at_once(
    workspace: Workspace,
    vendors: Running,
    fcm: FcmDesk,
    device: Callable[..., KnownDevice],
    send: Callable[..., PushTask],
) -> None:
    fcm.script.latency = 1
    send(device().ad_token)

    def first() -> None:
        tasks.send(workspace.pk, Channel.FCM)
        connections.close_all()

    sending = threading.Thread(target=first)
    sending.start()
    wait_until(lambda: bool(fcm.ledger.requests))
    send(device("another").ad_token)
    tasks.send(workspace.pk, Channel.FCM)
    assert len(fcm.ledger.requests) == 1
    sending.join()
    assert set(Message.objects.values_list("status", flat=True)) == {statuses.ACKED}
    # The next one sends word again.
    assert not bus.client().exists(lane.awake_key(workspace.pk, Channel.FCM))


def test_accounts_have_their_turn_when_there_is_room() -> None:
    turns = Turns(per_vendor=2)
    assert [turns.take(account, Channel.FCM) for account in (1, 2, 3, 4, 1, 3)] == [
        True,
        True,
        False,
        False,
        False,
        False,
    ]
    assert turns.take(3, Channel.APNS)
    assert turns.hand_on(2, Channel.FCM) == 3
    assert turns.hand_on(1, Channel.FCM) == 4
    assert turns.hand_on(4, Channel.FCM) == 1
    assert [turns.hand_on(account, Channel.FCM) for account in (1, 3)] == [None, None]
    assert turns.take(5, Channel.FCM)


def test_a_sender_killed_in_mid_batch_loses_no_target(
    workspace: Workspace,
    vendors: Running,
    fcm: FcmDesk,
    device: Callable[..., KnownDevice],
    send: Callable[..., PushTask],
) -> None:
    targets = [device(f"fcm-token:{number}").ad_token for number in range(10)]
    send(*targets)
    fcm.script.latency = 60
    database = str(connection.settings_dict["NAME"])
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{database}").geturl()
    process = subprocess.Popen(
        [sys.executable, "-c", _SENDER % workspace.pk],
        env=os.environ
        | {"DATABASE_URL": url, "MPS_VENDOR_ALLOW_PRIVATE": "1", "DJANGO_SETTINGS_MODULE": "mps_project.settings"},
    )
    wait_until(lambda: len(fcm.ledger.requests) == 10)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert set(Message.objects.values_list("status", flat=True)) == {statuses.WAITING}
    fcm.script.latency = 0
    fcm.ledger.accepted.clear()
    VendorMessage.objects.update(due_at=timezone.now())
    tasks.send(workspace.pk, Channel.FCM)
    assert set(Message.objects.values_list("status", flat=True)) == {statuses.ACKED}
    assert len(fcm.ledger.accepted) == 10


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
