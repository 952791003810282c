"""The check of a vendor account calls the vendor, reaches no device, and reports what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO

import pytest
from cryptography.hazmat.primitives import serialization
from django.core.management import CommandError, call_command
from pytest_django import Settings

from channels_vendor.accounts import checking
from channels_vendor.base import probing
from channels_vendor.base.contract import Adapter
from channels_vendor.models import VendorAccount
from channels_vendor.simulator.simulated_vendor import SimulatedVendor
from channels_vendor.webpush import vapid
from pushcore.models import Workspace
from tests.channels_vendor.conftest import add_account, enter
from tests.channels_vendor.samples import SAMPLES, Sample
from tests.channels_vendor.simulator_server import SimulatorServer

# How the sentence about a wrong account goes on, by sample.
_SAID = {
    "apns": "the vendor refuses the account: InvalidProviderToken",
    "apns-certificate": "the vendor refuses the account: BadCertificateEnvironment",
    "fcm": "no access token: Invalid JWT Signature",
    "fcm-legacy": "Authentication",
    "huawei": "no access token: invalid client",
    "huawei-service-account": "the vendor refuses the account: 80200001",
    "harmonyos": "the vendor refuses the account: 80200001",
    "xiaomi": "the vendor refuses the account: 21301",
    "oppo": "no auth token: 16",
    "vivo": "no auth token: 10206",
    "webpush": "the vendor refuses to send: 403 the VAPID credentials",
    "honor": "no access token: Invalid client credentials",
}


@pytest.fixture
def row(
    sample: Sample, running: SimulatorServer, simulated: SimulatedVendor, workspace: Workspace, settings: Settings
) -> VendorAccount:
    """Return the sample's account at the simulator, which knows its key."""
    settings.VENDOR_ALLOW_PRIVATE = True
    simulated.public_key = public_key(dict(sample.values()))
    return add_account(sample, running, workspace, **environment(sample))


def environment(sample: Sample) -> dict[str, str]:
    """Return the choice that an operator makes where the sample leaves the default."""
    return {"environment": "production"} if sample.name.startswith("apns") else {}


def public_key(values: dict[str, str]) -> bytes:
    """Return the public half of the account's signing key, empty if it has none."""
    if values.get("contact"):
        return vapid.public_key(vapid.read_private_key(values["private_key"])).encode()
    private = values.get("p8") or json.loads(values.get("service_account", "{}")).get("private_key")
    if not private:
        return b""
    key = serialization.load_pem_private_key(private.encode(), None)
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def test_an_account_in_order_has_no_problem_and_no_device_gets_anything(
    row: VendorAccount, simulated: SimulatedVendor
) -> None:
    assert checking.problems(row) == []
    assert not simulated.ledger.accepted
    assert simulated.ledger.requests


def test_a_wrong_secret_is_found_at_the_vendor(row: VendorAccount, sample: Sample, simulated: SimulatedVendor) -> None:
    changes = dict(sample.wrong())
    if sample.name == "apns-certificate":
        changes["environment"] = "sandbox"
    enter(row, sample, environment(sample) | changes)
    [problem] = checking.problems(row)
    assert problem.startswith(_SAID[sample.name])
    assert not simulated.ledger.accepted
    with_secrets = [value for value in row.secrets().values() if len(value) > 20]
    assert not any(value in problem for value in with_secrets)


def test_a_vendor_that_cannot_be_reached_is_reported(
    row: VendorAccount, simulated: SimulatedVendor, running: SimulatorServer
) -> None:
    simulated.script.error_rate = 1.0
    [problem] = checking.problems(row)
    assert "cannot be asked now" in problem or "HTTP 500" in problem


def test_a_test_is_sent_to_a_device(row: VendorAccount, sample: Sample, simulated: SimulatedVendor) -> None:
    outcome = checking.send_test_notification(row, sample.token(5))
    assert outcome.verdict.name == "ACCEPTED"
    assert simulated.ledger.accepted == {sample.token(5): 1}


def test_the_commands_check_and_test(row: VendorAccount, sample: Sample, simulated: SimulatedVendor) -> None:
    out = StringIO()
    call_command("vendor", "check", stdout=out)
    assert out.getvalue().strip().endswith(f"{sample.vendor.channel.label}: ok")
    app = row.workspace.app.app_id
    target = (f"{app}-{row.workspace.workspace_id}", sample.vendor.channel.label)
    call_command("vendor", "test", *target, sample.token(5), stdout=out)
    assert "ACCEPTED: " in out.getvalue()
    simulated.script.tokens[sample.token(6)] = sample.gone[0]
    with pytest.raises(CommandError, match="GONE: "):
        call_command("vendor", "test", *target, sample.token(6), stdout=out)
    assert simulated.ledger.accepted == {sample.token(5): 1}


@pytest.mark.parametrize("sample", [one for one in SAMPLES if one.name == "apns"], ids=["apns"], indirect=True)
def test_a_topic_that_does_not_belong_to_the_key_is_reported(
    open_adapter: Callable[..., Adapter], simulated: SimulatedVendor, sample: Sample
) -> None:
    simulated.script.tokens[probing.TOKEN] = "TopicDisallowed"
    assert open_adapter().check() == "the vendor refuses the account: TopicDisallowed"


@pytest.mark.parametrize("sample", [one for one in SAMPLES if one.name == "xiaomi"], ids=["xiaomi"], indirect=True)
def test_a_package_that_the_vendor_does_not_know_is_reported(
    open_adapter: Callable[..., Adapter], simulated: SimulatedVendor, sample: Sample
) -> None:
    simulated.script.tokens[probing.TOKEN] = "22022"
    assert open_adapter().check().startswith("the vendor refuses the account: 22022")
    simulated.script.tokens[probing.TOKEN] = "10017"
    assert open_adapter().check().startswith("the vendor refuses to send: 10017")
