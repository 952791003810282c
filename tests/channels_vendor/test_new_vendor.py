"""A vendor's folder is all the service needs: it appears wherever vendors do, and no other file names it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from analytics.dead_tokens import define_function
from channels_vendor import demo, registry
from channels_vendor.accounts import checking, in_use
from channels_vendor.dispatch import lane, sender
from channels_vendor.management.commands.vendor_worker import arguments
from channels_vendor.models import VendorAccount, VendorMessage
from pushcore.api.operations.analysis import QueryPushAnalysisCoreIndexSchema
from pushcore.api.operations.devices import PushReportSchema
from pushcore.api.operations.pushes import PushSimpleSchema
from pushcore.channels import Channel, Platform
from pushcore.codes import statuses
from pushcore.codes.results import ResultError
from pushcore.devices import tokens
from pushcore.models import Device, Message, Workspace
from pushcore.push import vendor_options
from tests.channels_vendor.simulator_server import SimulatorServer

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(registry.__file__).parent.parent


@pytest.fixture
def acme() -> Iterator[Channel]:
    """Discover a vendor's folder as Django does when it starts, and migrate."""
    registry.discover("tests.channels_vendor.new_vendor")
    define_function()
    yield Channel(99)
    registry.unregister(Channel(99))
    define_function()


def test_it_is_a_channel_with_status_codes(acme: Channel) -> None:
    assert acme is Channel.ACME
    assert (acme.label, acme.analysis_name) == ("acme", "ACME")
    assert (99, "acme") in list(Message._meta.get_field("channel").choices or ())
    assert (99, "acme") in list(Device._meta.get_field("third_channel").choices or ())
    assert statuses.lookup(777001, "acme").meaning == "nobody there"


def test_devices_report_its_tokens(acme: Channel) -> None:
    assert tokens.check_third_party(Platform.ANDROID, 99, "a-token").channel is acme
    with pytest.raises(ResultError, match="not for ios"):
        tokens.check_third_party(Platform.IOS, 99, "a-token")
    assert "99 Acme Push" in str(PushReportSchema().fields["thirdChannel"].help_text)


def test_pushes_take_its_options(acme: Channel) -> None:
    options = {"thirdChannelCategory": {"acme": "NEWS"}, "transparentMessagePayload": {"acme": "hello"}}
    vendor_options.check(options)
    assert vendor_options.category(options, acme) == "NEWS"
    assert vendor_options.transparent_channels(options) == {acme}
    with pytest.raises(ResultError, match="acme takes NEWS"):
        vendor_options.check({"thirdChannelCategory": {"acme": "TALK"}})
    assert "acme" in str(PushSimpleSchema().fields["thirdChannelCategory"].help_text)


def test_its_worker_serves_its_queue(acme: Channel) -> None:
    assert registry.queue_of(acme) in arguments()[arguments().index("-Q") + 1].split(",")


def test_its_analysis_is_asked_for_by_its_name(acme: Channel) -> None:
    day = str(int(timezone.now().timestamp() * 1000))
    asked = {"appId": "A", "workspaceId": "w", "startTime": day, "endTime": day, "channel": "ACME"}
    assert QueryPushAnalysisCoreIndexSchema.read(asked).channel is acme


def test_a_message_to_its_dead_token_does_not_count_as_pushed(acme: Channel) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT analytics_pushed_minute(1, 7, status, 99::smallint) FROM unnest(%s) status", [[777001, 2]]
        )
        assert [minute is None for (minute,) in cursor.fetchall()] == [True, False]


def test_operators_make_an_account_there(acme: Channel, workspace: Workspace) -> None:
    superuser = Client()
    superuser.force_login(User.objects.create_superuser("root"))
    add = reverse("admin:channels_vendor_vendoraccount_add")
    assert re.search(r'<option value="99"[^>]*>Acme Push', superuser.get(add).text)
    row = VendorAccount.objects.create(workspace=workspace, channel=acme)
    page = superuser.get(reverse("admin:channels_vendor_vendoraccount_change", args=[row.pk])).text
    assert "Acme Push" in page
    assert "Acme&#x27;s key" in page
    assert f"/vendor/receipts/{row.report_key}" in page


def test_a_message_goes_there_in_the_demo_and_its_arrival_is_reported(
    acme: Channel, workspace: Workspace, settings: LazySettings, live_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.VENDOR_ALLOW_PRIVATE, settings.PUBLIC_URL = True, live_server.url
    monkeypatch.setattr(lane, "wake", lambda workspace_id, channel: sender.send_due(workspace_id, channel))
    running = SimulatorServer([kind() for kind in registry.simulated_vendors() if kind.name == "acme"], tls=False)
    try:
        [result] = demo.show(workspace, running.url, running.server.simulated_vendors)
        assert checking.problems(VendorAccount.objects.get()) == []
    finally:
        running.stop()
        in_use.forget()
    assert result.succeeded, result.text
    message = VendorMessage.objects.get()
    assert (message.channel, message.vendor_id) == (acme, "acme-1")


def test_no_other_file_names_a_vendor() -> None:
    """Of those that a new vendor would have to be added to: code, processes, deployment. iOS has one vendor: APNs."""
    folders = {channel.label for channel in registry.VENDORS}
    names = "|".join(folders - {"apns"})
    in_code = rf"\bChannel\.({names.upper()})\b|\bchannels_vendor\.({names})\b|\bchannels_vendor import ({names})\b"
    patterns = dict.fromkeys(_modules_outside(folders), in_code)
    enumerating = ["mps_project/Procfile", "deploy/compose.yml", "pushcore/push/vendor_options.py"]
    enumerating += ["channels_vendor/registry.py", "channels_vendor/demo.py"]
    patterns |= {ROOT / file: rf"(?i)\b_?({names})\b" for file in enumerating}
    assert [str(file) for file, pattern in patterns.items() if re.search(pattern, file.read_text())] == []


def _modules_outside(folders: set[str]) -> list[Path]:
    """The modules of all packages, without the vendors' folders."""
    packages = [
        ROOT / name for name in ("analytics", "channels_vendor", "console", "gateway", "mps_project", "pushcore")
    ]
    modules = [module for package in packages for module in package.rglob("*.py")]
    return [module for module in modules if module.relative_to(ROOT).parts[1] not in folders]
