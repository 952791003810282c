"""Fixtures for vendors: a running simulator and an adapter that calls it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from channels_vendor.accounts import in_use
from channels_vendor.apns.simulator import SimulatedApns
from channels_vendor.base.contract import Account, Adapter
from channels_vendor.base.credentials import SharedCredential, StaticCredential
from channels_vendor.base.delivery import Delivery, Notification
from channels_vendor.fcm.simulator import SimulatedFcm
from channels_vendor.models import VendorAccount
from channels_vendor.simulator.simulated_vendor import SimulatedVendor
from pushcore.channels import Channel, Platform
from pushcore.devices import client_requests, registry
from pushcore.devices.info import DeviceInfo
from pushcore.devices.registry import KnownDevice
from pushcore.http.calls import HttpSettings
from pushcore.http.client import HttpClient
from pushcore.models import PushTask, Workspace
from pushcore.push import pushes, requests
from tests.channels_vendor.samples import SAMPLES, Sample
from tests.channels_vendor.sending import Send
from tests.channels_vendor.simulator_server import SimulatorServer


@pytest.fixture(params=SAMPLES, ids=lambda sample: sample.name)
def sample(request: pytest.FixtureRequest) -> Sample:
    return request.param


@pytest.fixture
def simulated(sample: Sample) -> SimulatedVendor:
    return sample.simulated()


@pytest.fixture
def running(simulated: SimulatedVendor) -> Iterator[SimulatorServer]:
    server = SimulatorServer([simulated], tls=True)
    yield server
    server.stop()


@pytest.fixture
def account(sample: Sample, running: SimulatorServer) -> Account:
    return Account(
        1,
        sample.vendor.channel,
        sample.values(),
        base_url=running.url,
        auth_url=running.url + sample.auth_path,
        ca=running.ca,
        allow_private=True,
    )


@pytest.fixture
def channel(sample: Sample, running: SimulatorServer, workspace: Workspace, settings: Settings) -> Iterator[Channel]:
    """Set up the workspace's account at the simulator; returns its channel."""
    settings.VENDOR_ALLOW_PRIVATE = True
    add_account(sample, running, workspace)
    yield sample.vendor.channel
    in_use.forget()


def add_account(sample: Sample, server: SimulatorServer, workspace: Workspace, **changes: str) -> VendorAccount:
    """Give the workspace the sample's account at a simulator; `changes` replace values of its fields."""
    row = VendorAccount(
        workspace=workspace,
        channel=sample.vendor.channel,
        base_url=server.url,
        auth_url=server.url + sample.auth_path,
        ca_pem=server.ca.decode(),
    )
    enter(row, sample, changes)
    return row


def enter(row: VendorAccount, sample: Sample, changes: Mapping[str, str]) -> None:
    """Store the sample's values in an account, as an operator enters them; `changes` replace some."""
    secret = {entry.name for entry in sample.vendor.fields if entry.secret}
    values = {**sample.values(), **changes}
    row.public_values = {name: value for name, value in values.items() if name not in secret}
    row.set_secrets({name: value for name, value in values.items() if name in secret})
    row.save()
    in_use.forget()


@pytest.fixture
def open_adapter(sample: Sample, account: Account) -> Iterator[Callable[..., Adapter]]:
    """Make an adapter; arguments override the HTTP client's settings."""
    opened: list[Adapter] = []

    def make(tokens: Any = None, **settings: Any) -> Adapter:
        certificate, key = sample.vendor.certificate(account.values)
        # The simulator shares its cores with the tests: patience, where a test is not about it.
        wanted = HttpSettings(
            connect_timeout_ms=60_000,
            timeout_ms=60_000,
            allow_private=True,
            http2=sample.vendor.http2,
            ca=account.ca,
            certificate=certificate,
            key=key,
        )
        opened.append(
            sample.vendor.open(
                account, HttpClient(replace(wanted, **settings)), tokens or SharedCredential(sample.name)
            )
        )
        return opened[-1]

    yield make
    for adapter in opened:
        adapter.close()


@pytest.fixture
def adapter(open_adapter: Callable[..., Adapter]) -> Adapter:
    return open_adapter()


@pytest.fixture
def fcm() -> SimulatedFcm:
    return SimulatedFcm()


@pytest.fixture
def apns() -> SimulatedApns:
    return SimulatedApns()


@pytest.fixture
def vendors(
    workspace: Workspace, fcm: SimulatedFcm, apns: SimulatedApns, settings: Settings
) -> Iterator[SimulatorServer]:
    """Run a simulator of FCM and APNs with accounts of the workspace."""
    settings.VENDOR_ALLOW_PRIVATE = True
    running = SimulatorServer([fcm, apns], tls=True)
    for sample in SAMPLES:
        if sample.name in ("fcm", "apns"):
            add_account(sample, running, workspace)
    yield running
    running.stop()
    in_use.forget()


@pytest.fixture
def device(workspace: Workspace) -> Callable[..., KnownDevice]:
    def make(token: str = "fcm-token:1", platform: Platform = Platform.ANDROID) -> KnownDevice:
        known, _ = registry.register([(workspace, DeviceInfo(platform=platform))])[0]
        if token:
            channel = Channel.APNS if platform == Platform.IOS else Channel.FCM
            client_requests.report(known.id, channel, token)
        return known

    return make


@pytest.fixture
def send(workspace: Workspace) -> Send:
    def accept(*targets: str, delivery_type: int = 1, **changes: object) -> PushTask:
        request = requests.SimplePush(
            task_name="task",
            title="Title",
            content="Content",
            delivery_type=delivery_type,
            expired_seconds=300,
            target_msgkey={target: f"key-{target}"[:64] for target in targets},
            **changes,  # type: ignore[arg-type]
        )
        return pushes.accept(workspace, request, source=PushTask.Source.RPC, author="test")

    return accept


def notification(**changes: Any) -> Notification:
    fields: dict[str, Any] = {
        "task_id": 7,
        "kind": "simple",
        "title": "Title",
        "body": "Content",
        "expire_at": timezone.now() + timedelta(hours=1),
    }
    return Notification(**(fields | changes))


def prepared(sample: Sample, batch: list[Delivery]) -> list[list[Delivery]]:
    """Return the deliveries of each call that the adapter would make for a batch."""
    account = Account(1, sample.vendor.channel, sample.values())
    adapter: Any = sample.vendor.open(account, HttpClient(HttpSettings()), StaticCredential())
    requests, _ = adapter.prepare(batch, sample.credential)
    adapter.close()
    return [list(request.deliveries) for request in requests]


def deliveries(sample: Sample, count: int, **changes: Any) -> list[Delivery]:
    """Return deliveries of one notification to `count` devices."""
    shared = notification(**changes)
    return [Delivery(1000 + n, n, sample.token(n), f"key-{n}", shared) for n in range(count)]
