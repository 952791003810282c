"""Tokens that a vendor refuses are invalidated only while the account is known to be right."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives import serialization
from django.test import Client
from django.utils import timezone

from channels_vendor.accounts import checking, in_use
from channels_vendor.dispatch import refused_tokens, sender
from channels_vendor.models import RefusedToken, VendorAccount
from channels_vendor.simulator.simulated_vendor import SimulatedVendor
from pushcore.channels import Channel, Platform
from pushcore.codes import statuses
from pushcore.devices import bindings, client_requests, registry
from pushcore.devices.info import DeviceInfo
from pushcore.models import Device, Message, PushTask, Workspace
from pushcore.push import pushes, requests
from tests.channels_vendor import push_certificates
from tests.channels_vendor.samples import SAMPLES, Sample

pytestmark = pytest.mark.django_db(transaction=True)

one_vendor = pytest.mark.parametrize(
    "sample", [one for one in SAMPLES if one.name == "oppo"], ids=lambda one: one.name, indirect=True
)


def word_of(sample: Sample) -> str:
    """Return the vendor's error for a token of another app."""
    return "80300007" if sample.name == "huawei" else sample.gone[0]


@pytest.fixture
def device(workspace: Workspace, channel: Channel, sample: Sample) -> Callable[[int], Device]:
    """Return a function that makes a device of the vendor, bound to a user of the same number."""

    def make(number: int) -> Device:
        custom_data = DeviceInfo(platform=channel.description.platform or Platform.ANDROID)
        known, _ = registry.register([(workspace, custom_data)])[0]
        client_requests.report(known.id, channel, sample.token(number))
        made = Device.objects.get(pk=known.id)
        bindings.bind(made, f"user-{number}")
        return made

    return make


@pytest.fixture
def send(workspace: Workspace, channel: Channel) -> Callable[..., int]:
    """Return a function that pushes to users at once and sends; it returns the status of the last message."""
    count = iter(range(10_000))

    def accept(*numbers: int) -> int:
        request = requests.SimplePush(
            delivery_type=3,
            expired_seconds=300,
            title="t",
            content="c",
            target_msgkey={f"user-{number}": f"key-{next(count)}" for number in numbers},
        )
        pushes.accept(workspace, request, source=PushTask.Source.RPC, author="")
        sender.send_due(workspace.pk, channel, budget_seconds=5)
        return Message.objects.latest("pk").status

    return accept


def tokens() -> int:
    return Device.objects.exclude(third_token="").count()


def the_account() -> VendorAccount:
    return VendorAccount.objects.get()


def test_a_wrong_account_invalidates_no_token_and_stops_with_an_alarm(
    device: Callable[[int], Device], send: Callable[..., int], simulated: SimulatedVendor, sample: Sample
) -> None:
    for number in range(12):
        device(number)
        simulated.script.tokens[sample.token(number)] = word_of(sample)
        send(number)
    assert tokens() == 12
    account = the_account()
    assert account.stopped_at is not None
    assert account.stopped_after == 10
    assert account.stopped_reason
    assert not RefusedToken.objects.exists()


@one_vendor
def test_a_wrong_account_invalidates_no_token_in_a_batch_either(
    device: Callable[[int], Device], send: Callable[..., int], simulated: SimulatedVendor, sample: Sample
) -> None:
    for number in range(refused_tokens.MOST_UNPROVEN):
        device(number)
        simulated.script.tokens[sample.token(number)] = word_of(sample)
    send(*range(refused_tokens.MOST_UNPROVEN))
    assert tokens() == refused_tokens.MOST_UNPROVEN
    assert the_account().stopped_at is not None


def test_earlier_refused_tokens_are_invalidated_once_the_account_has_a_token_accepted(
    device: Callable[[int], Device], send: Callable[..., int], simulated: SimulatedVendor, sample: Sample
) -> None:
    for number in range(3):
        device(number)
    simulated.script.tokens = {sample.token(number): word_of(sample) for number in (0, 1)}
    assert send(0) == send(1) != statuses.ACKED
    assert tokens() == 3
    assert send(2) == statuses.ACKED
    assert tokens() == 1
    assert the_account().stopped_at is None


@one_vendor
def test_tokens_refused_beside_an_accepted_one_are_invalidated(
    device: Callable[[int], Device], send: Callable[..., int], simulated: SimulatedVendor, sample: Sample
) -> None:
    for number in range(10):
        device(number)
    simulated.script.tokens = {sample.token(number): word_of(sample) for number in range(1, 10)}
    send(*range(10))
    assert tokens() == 1
    assert the_account().stopped_at is None


@one_vendor
def test_a_proven_account_invalidates_a_first_token_at_once_and_more_after_an_accepted_one(
    device: Callable[[int], Device],
    send: Callable[..., int],
    simulated: SimulatedVendor,
    sample: Sample,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for number in range(30):
        device(number)
    send(0)
    simulated.script.tokens = {sample.token(number): word_of(sample) for number in range(1, 30)}
    send(1)
    assert tokens() == 29
    for number in range(2, 14):
        send(number)
    assert tokens() == 29
    assert the_account().stopped_at is None
    send(0)
    assert tokens() == 17
    monkeypatch.setattr(refused_tokens, "MOST_PROVEN", 12)
    for number in range(14, 30):
        send(number)
    assert tokens() == 16
    assert the_account().stopped_at is not None


@one_vendor
def test_the_same_dead_token_counts_as_one_refusal(
    device: Callable[[int], Device], send: Callable[..., int], simulated: SimulatedVendor, sample: Sample
) -> None:
    device(0)
    simulated.script.tokens[sample.token(0)] = word_of(sample)
    for _ in range(refused_tokens.MOST_UNPROVEN + 2):
        send(0)
    assert the_account().stopped_at is None


@one_vendor
def test_refusals_of_an_earlier_configuration_do_not_count(
    device: Callable[[int], Device], send: Callable[..., int], simulated: SimulatedVendor, sample: Sample
) -> None:
    """Nor do tokens it had accepted."""
    for number in range(3):
        device(number)
    send(0)
    simulated.script.tokens = {sample.token(number): word_of(sample) for number in (1, 2)}
    as_it_was = the_account()
    changed = the_account()
    changed.ca_pem += push_certificates.authority()[0].public_bytes(serialization.Encoding.PEM).decode()
    changed.save()
    assert not the_account().is_proven
    send(1)
    assert tokens() == 3
    VendorAccount.objects.update(ca_pem=as_it_was.ca_pem, updated_at=timezone.now())
    assert send(0) == statuses.ACKED
    assert tokens() == 3


@one_vendor
def test_a_test_message_proves_the_account(device: Callable[[int], Device], channel: Channel, sample: Sample) -> None:
    device(0)
    assert not the_account().is_proven
    checking.send_test_notification(the_account(), sample.token(0))
    assert the_account().is_proven


@one_vendor
def test_a_stopped_channel_shows_in_the_metrics(channel: Channel, workspace: Workspace, client: Client) -> None:
    in_use.stop(workspace.pk, channel, "refused")
    assert f'mps_vendor_channels_stopped{{channel="{channel.label}"}} 1.0' in client.get("/metrics").text
