"""Vendor workers: a vendor that hangs delays no other, and a killed process loses no target."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.utils import timezone
from prometheus_client import REGISTRY
from pytest_django import Settings

from channels_vendor import tasks
from channels_vendor.accounts import in_use
from channels_vendor.base.contract import VendorDescription
from channels_vendor.dispatch import lane
from channels_vendor.dispatch.scheduler import AccountScheduler
from channels_vendor.fcm.simulator import SimulatedFcm
from channels_vendor.fcm.vendor import VENDOR as FCM
from channels_vendor.models import VendorMessage
from channels_vendor.simulator.simulated_vendor import SimulatedVendor
from pushcore.channels import Channel, Platform
from pushcore.codes import statuses
from pushcore.devices import client_requests, registry
from pushcore.devices.info import DeviceInfo
from pushcore.devices.registry import KnownDevice
from pushcore.models import Message, PushTask, Workspace
from pushcore.storage import valkey
from tests.channels_vendor.conftest import add_account
from tests.channels_vendor.samples import SAMPLES, Sample
from tests.channels_vendor.sending import Send, wait_until, work
from tests.channels_vendor.simulator_server import SimulatorServer
from tests.support.threads import in_background

pytestmark = pytest.mark.django_db(transaction=True)


_SENDER = """
import django
django.setup()
from channels_vendor.dispatch import sender
from pushcore.channels import Channel
sender.send_due(%d, Channel(%d))
"""


def test_a_vendor_that_hangs_delays_no_other(
    workspace: Workspace,
    vendors: SimulatorServer,
    fcm: SimulatedFcm,
    device: Callable[..., KnownDevice],
    send: Callable[..., PushTask],
) -> None:
    fcm.script.latency = 60
    send(device().ad_token)
    device("ab" * 32, Platform.IOS)
    send("ab" * 32, delivery_type=2)

    hanging = in_background(lambda: tasks.send(workspace.pk, Channel.FCM))
    wait_until(lambda: bool(fcm.ledger.requests))
    tasks.send(workspace.pk, Channel.APNS)
    assert Message.objects.get(target="ab" * 32).status == statuses.ACKED
    assert hanging.is_alive()
    # A second task for the vendor that hangs takes no second thread.
    tasks.send(workspace.pk, Channel.FCM)
    assert len(fcm.ledger.requests) == 1
    vendors.drop_connections()
    hanging.join()
    assert Message.objects.exclude(target="ab" * 32).get().status == statuses.WAITING


def test_a_message_that_arrives_while_its_account_is_sent_follows_at_once(
    workspace: Workspace,
    vendors: SimulatorServer,
    fcm: SimulatedFcm,
    device: Callable[..., KnownDevice],
    send: Callable[..., PushTask],
) -> None:
    fcm.script.latency = 1
    send(device().ad_token)

    sending = in_background(lambda: tasks.send(workspace.pk, Channel.FCM))
    wait_until(lambda: bool(fcm.ledger.requests))
    send(device("another").ad_token)
    tasks.send(workspace.pk, Channel.FCM)
    assert len(fcm.ledger.requests) == 1
    sending.join()
    assert set(Message.objects.values_list("status", flat=True)) == {statuses.ACKED}
    # The next one sends a task again.
    assert not valkey.client().exists(lane.awake_key(workspace.pk, Channel.FCM))


def test_waiting_accounts_are_served_when_a_worker_is_free() -> None:
    scheduler = AccountScheduler(per_vendor=2)
    assert [scheduler.acquire(account, Channel.FCM) for account in (1, 2, 3, 4, 1, 3)] == [
        True,
        True,
        False,
        False,
        False,
        False,
    ]
    assert scheduler.acquire(3, Channel.APNS)
    assert scheduler.release(2, Channel.FCM) == 3
    assert scheduler.release(1, Channel.FCM) == 4
    assert scheduler.release(4, Channel.FCM) == 1
    assert [scheduler.release(account, Channel.FCM) for account in (1, 3)] == [None, None]
    assert scheduler.acquire(5, Channel.FCM)


@pytest.fixture(params=["fcm", "huawei", "oppo", "vivo"])
def sample(request: pytest.FixtureRequest) -> Sample:
    return next(one for one in SAMPLES if one.name == request.param)


@pytest.fixture
def simulated(sample: Sample, workspace: Workspace, settings: Settings) -> Iterator[SimulatedVendor]:
    """Run the vendor's simulator with an account of the workspace."""
    settings.VENDOR_ALLOW_PRIVATE = True
    simulated = sample.simulated()
    running = SimulatorServer([simulated], tls=True)
    add_account(sample, running, workspace)
    yield simulated
    running.stop()
    in_use.forget()


def test_a_sender_killed_in_mid_batch_loses_no_target_and_repeats_are_counted(
    workspace: Workspace, sample: Sample, simulated: SimulatedVendor, send: Callable[..., PushTask]
) -> None:
    channel = sample.vendor.channel
    known = [known for known, _ in registry.register([(workspace, DeviceInfo(platform=Platform.ANDROID))] * 10)]
    for number, one in enumerate(known):
        client_requests.report(one.id, channel, sample.token(number))
    send(*[one.ad_token for one in known])
    simulated.script.latency = 60
    database = str(connection.settings_dict["NAME"])
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{database}").geturl()
    process = subprocess.Popen(
        [sys.executable, "-c", _SENDER % (workspace.pk, channel.value)],
        env=os.environ
        | {"DATABASE_URL": url, "MPS_VENDOR_ALLOW_PRIVATE": "1", "DJANGO_SETTINGS_MODULE": "mps_project.settings"},
    )
    wait_until(lambda: simulated.ledger.total == 10)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert set(Message.objects.values_list("status", flat=True)) == {statuses.WAITING}
    simulated.script.latency = 0
    VendorMessage.objects.update(due_at=timezone.now())
    counted = repeats(sample.vendor)
    tasks.send(workspace.pk, channel)
    assert set(Message.objects.values_list("status", flat=True)) == {statuses.ACKED}
    assert set(simulated.ledger.accepted) == {sample.token(number) for number in range(10)}
    doubles = simulated.ledger.total - 10
    assert doubles == (0 if sample.vendor.knows_repeats else 10)
    assert repeats(sample.vendor) - counted == 10
    # What is known to have arrived is in doubt no more.
    assert not VendorMessage.objects.filter(in_doubt=True).exists()


def test_a_message_whose_answer_was_lost_is_counted_when_it_is_sent_again(
    workspace: Workspace, vendors: SimulatorServer, fcm: SimulatedFcm, device: Callable[..., KnownDevice], send: Send
) -> None:
    send(device().ad_token)
    counted = repeats(FCM)
    fcm.script.faults = ["truncate"]
    work(workspace)
    assert repeats(FCM) == counted
    VendorMessage.objects.update(due_at=timezone.now())
    work(workspace)
    assert Message.objects.get().status == statuses.ACKED
    assert repeats(FCM) == counted + 1


def test_repeats_made_by_libcurl_over_http2_are_counted(
    workspace: Workspace, vendors: SimulatorServer, fcm: SimulatedFcm, device: Callable[..., KnownDevice], send: Send
) -> None:
    send(device().ad_token)
    work(workspace)
    counted = repeats(FCM)
    fcm.script.latency = 60
    send(device("fcm-token:2").ad_token)

    thread = in_background(lambda: work(workspace))
    wait_until(lambda: fcm.ledger.total == 2)
    fcm.script.latency = 0
    vendors.reset_connections()
    thread.join()
    assert set(Message.objects.values_list("status", flat=True)) == {statuses.ACKED}
    assert fcm.ledger.total == 3
    assert repeats(FCM) == counted + 1


def repeats(vendor: VendorDescription) -> float:
    labels = {"channel": vendor.channel.label, "knows_repeats": "yes" if vendor.knows_repeats else "no"}
    return REGISTRY.get_sample_value("mps_vendor_maybe_repeated_total", labels) or 0.0
