"""The template of a broadcast, devices with vendors' tokens, and the vendors in use."""

from __future__ import annotations

import pytest

from pushcore import ports
from pushcore.channels import Channel, Platform
from pushcore.devices import registry
from pushcore.devices.info import DeviceInfo
from pushcore.models import Device, Workspace
from pushcore.push import templates
from pushcore.push.templates import TemplateDraft
from tests.pushcore.broadcasts.samples import Fleet


@pytest.fixture(autouse=True)
def template(workspace: Workspace) -> None:
    templates.create(workspace, TemplateDraft("news", "d", "News", "About #content#"))


@pytest.fixture
def fleet(workspace: Workspace) -> Fleet:
    """Return a function that registers devices with a token at a vendor's channel."""

    def register(number: int, platform: Platform = Platform.IOS, channel: Channel = Channel.APNS) -> list[Device]:
        infos = [DeviceInfo(platform=platform, third_token=f"t{n}") for n in range(number)]
        made = registry.register([(workspace, one) for one in infos])
        found = Device.objects.filter(pk__in=[device.id for device, _ in made])
        found.update(third_channel=channel)
        return list(found.order_by("pk"))

    return register


@pytest.fixture
def vendors(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """Return the set of channels in use."""
    used: set[int] = set()
    monkeypatch.setattr(ports, "_vendor_channels", [lambda _workspace: used])
    return used
