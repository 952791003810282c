"""Fixtures of SMS: a provider over real HTTP, the workspace's account there, users with phone numbers, and pushes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_django import Settings

from pushcore import ports
from pushcore.devices import bindings, registry
from pushcore.devices.info import DeviceInfo
from pushcore.devices.registry import KnownDevice
from pushcore.models import AccessKey, Device, PushTask, Workspace
from pushcore.push import pushes, requests
from pushcore.security import crypto, keys
from pushcore.storage import clock
from sms.models import SmsAccount
from tests.channels_vendor.simulator_server import SimulatorServer
from tests.pushcore.api.callers import Rest, Rpc2020
from tests.pushcore.conftest import RecordingLane
from tests.sms.simulated import ACCOUNTS, SIMULATED, SimulatedProvider

ANN, BEN = "ann", "ben"
NUMBERS = {ANN: "+8613800138000", BEN: "13900139000"}
Push = Callable[..., PushTask]


class Clock:
    """The service's clock, which a test moves."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def pass_by(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Clock:
    held = Clock(datetime.fromtimestamp(int(clock.time()), UTC))
    monkeypatch.setattr(clock, "now", lambda: held.at)
    return held


@pytest.fixture
def lane(monkeypatch: pytest.MonkeyPatch) -> RecordingLane:
    recording = RecordingLane()
    monkeypatch.setattr(ports, "_lanes", [(1, recording)])
    return recording


@pytest.fixture(scope="session")
def server() -> Iterator[SimulatorServer]:
    running = SimulatorServer([], tls=False)
    yield running
    running.stop()


@pytest.fixture(params=["twilio"])
def provider_name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def provider(provider_name: str, server: SimulatorServer) -> SimulatedProvider:
    simulated = SIMULATED[provider_name]()
    server.server.simulated_vendors = {simulated.name: simulated}
    return simulated


@pytest.fixture
def account(
    provider_name: str, provider: SimulatedProvider, server: SimulatorServer, workspace: Workspace, settings: Settings
) -> SmsAccount:
    settings.VENDOR_ALLOW_PRIVATE = True
    return add_account(workspace, provider_name, server.url)


def add_account(workspace: Workspace, name: str, url: str) -> SmsAccount:
    public, secret = ACCOUNTS[name]
    row = SmsAccount(
        workspace=workspace, provider=name, public_values=public, base_url=url + ("/send-sms" if name == "http" else "")
    )
    row.set_secrets(secret)
    row.save()
    return row


@pytest.fixture
def user(workspace: Workspace) -> Callable[..., KnownDevice]:
    """Register a device and bind a user to it, with the user's phone number."""

    def bind(name: str = ANN, *, number: str | None = None) -> KnownDevice:
        known, _ = registry.register([(workspace, DeviceInfo())])[0]
        device = Device.objects.get(pk=known.id)
        bindings.bind(device, name)
        if number := NUMBERS[name] if number is None else number:
            bindings.keep_phone_number(device, name, number)
        return known

    return bind


@pytest.fixture
def push(workspace: Workspace, lane: RecordingLane) -> Push:
    def accept(*targets: str, sms: dict[str, Any] | None = None, **changes: Any) -> PushTask:
        wish = {"smsStrategy": 1, "smsDelaySeconds": 30, "smsTemplateCode": ""} if sms is None else sms
        values: dict[str, Any] = {
            "title": "Title",
            "content": "Your code is 1234",
            "delivery_type": 3,
            "expired_seconds": 300,
            "target_msgkey": {target: f"key-{target}"[:64] for target in targets or (ANN,)},
            "sms": {name: value for name, value in wish.items() if value != ""},
        }
        request = requests.SimplePush(**(values | changes))
        return pushes.accept(workspace, request, source=PushTask.Source.RPC, author="test")

    return accept


@pytest.fixture
def rest(workspace: Workspace) -> Rest:
    private, public = crypto.new_rsa_key()
    keys.add_api_key(workspace, public)
    return Rest(private)


@pytest.fixture
def rpc2020(access_key: tuple[AccessKey, str]) -> Rpc2020:
    return Rpc2020(access_key[0].access_key_id, access_key[1])
