"""FCM's legacy API with a server key, and the errors where it no longer works."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from channels_vendor.accounts.checking import wrong_values
from channels_vendor.base.contract import Account, Adapter
from channels_vendor.base.credentials import StaticCredential
from channels_vendor.base.outcomes import Verdict
from channels_vendor.fcm.client import FcmAdapter
from channels_vendor.fcm.legacy import SHUT_DOWN, LegacyFcmAdapter, body_of
from channels_vendor.fcm.simulator import SimulatedFcm, SimulatedLegacyFcm
from channels_vendor.fcm.vendor import VENDOR
from pushcore.channels import Channel
from pushcore.http.calls import HttpSettings
from pushcore.http.client import HttpClient
from tests.channels_vendor.conftest import deliveries, notification
from tests.channels_vendor.samples import SAMPLES
from tests.channels_vendor.simulator_server import SimulatorServer

_LEGACY = next(sample for sample in SAMPLES if sample.name == "fcm-legacy")


@pytest.fixture
def simulated() -> Iterator[SimulatorServer]:
    running = SimulatorServer([SimulatedLegacyFcm()], tls=False)
    yield running
    running.stop()


def adapter_with(url: str, **values: str) -> Adapter:
    account = Account(1, Channel.FCM, values, base_url=url, allow_private=True)
    return VENDOR.open(account, HttpClient(HttpSettings(allow_private=True)), StaticCredential())


def test_a_server_key_is_used_only_without_a_service_account() -> None:
    assert isinstance(adapter_with("", server_key="k"), LegacyFcmAdapter)
    assert isinstance(adapter_with("", server_key="k", service_account="{}"), FcmAdapter)


def test_a_server_key_or_a_service_account_is_required() -> None:
    assert wrong_values(VENDOR, {"server_key": "k"}) == {}
    assert "service_account" in wrong_values(VENDOR, {})


@pytest.mark.parametrize(("key", "says"), [("secret", ""), ("other", "Authentication")])
def test_the_check_reports_whether_the_key_is_known(simulated: SimulatorServer, key: str, says: str) -> None:
    assert adapter_with(simulated.url, server_key=key).check() == says


def test_a_wrong_key_stops_the_channel(simulated: SimulatorServer) -> None:
    outcomes = adapter_with(simulated.url, server_key="other").send(deliveries(_LEGACY, 3))
    assert {(one.verdict, one.status, one.vendor_code.strip()) for one in outcomes} == {
        (Verdict.MISCONFIGURED, 90000401, "Authentication")
    }


def test_a_server_without_the_legacy_api_is_reported() -> None:
    """Google's own server speaks HTTP v1 alone."""
    running = SimulatorServer([SimulatedFcm()], tls=False)
    try:
        adapter = adapter_with(running.url, server_key="secret")
        [outcome] = adapter.send(deliveries(_LEGACY, 1))
        assert outcome.verdict is Verdict.MISCONFIGURED
        assert outcome.vendor_code.strip() == adapter.check() == SHUT_DOWN
    finally:
        running.stop()


def test_the_body_has_the_legacy_names() -> None:
    shown = notification(
        url="com.example.Page",
        opens_page=True,
        sound="ding",
        image="https://x/i.png",
        vendor_options={"channelId": "c"},
    )
    body = body_of(shown, "77", "key-1")
    assert body is not None
    assert body["notification"] == {
        "title": shown.title, "body": shown.body, "tag": "77", "android_channel_id": "c", "sound": "ding",
        "click_action": "com.example.Page", "image": "https://x/i.png",
    }  # fmt: skip
    assert (body["priority"], body["data"]["msgKey"]) == ("high", "key-1")


def test_a_silent_message_has_data_alone() -> None:
    body = body_of(notification(silent=True), "77", "key-1")
    assert body is not None
    assert "notification" not in body
    assert body["data"]["content"]
    assert body["priority"] == "normal"
