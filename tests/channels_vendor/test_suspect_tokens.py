"""Tokens that are refused without a reason are invalidated if refusals go on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from channels_vendor.base.references import token_hash
from channels_vendor.dispatch import refused_tokens, sender, suspect_tokens
from channels_vendor.models import VENDOR_MESSAGES, VendorAccount, VendorMessage
from channels_vendor.simulator.simulated_vendor import SimulatedVendor
from pushcore.channels import Channel
from pushcore.devices import client_requests, registry
from pushcore.devices.info import DeviceInfo
from pushcore.models import Device, Message, PushTask, Workspace
from pushcore.push import pushes, requests
from pushcore.storage import ids, partitions
from tests.channels_vendor.samples import SAMPLES, Sample

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = timedelta(hours=1)
_ERRORS = {
    "honor": ("failTokens", "failTokens"),
    "xiaomi": ("20301", "20301/single refused"),
    # Uninstalled, or only notifications switched off.
    "vivo": ("invalid:2", "invalidUser/2"),
}
each = pytest.mark.parametrize(
    "sample", [one for one in SAMPLES if one.name in _ERRORS], ids=lambda one: one.name, indirect=True
)
honor = pytest.mark.parametrize(
    "sample", [one for one in SAMPLES if one.name == "honor"], ids=lambda one: one.name, indirect=True
)


@pytest.fixture
def device(workspace: Workspace, channel: Channel, sample: Sample, simulated: SimulatedVendor) -> Device:
    """Return a device whose token was reported a month ago and is refused without a reason by a valid account."""
    for row in VendorAccount.objects.all():
        refused_tokens.note_accepted(row)
    known, _ = registry.register([(workspace, DeviceInfo())])[0]
    client_requests.report(known.id, channel, sample.token(1))
    Device.objects.filter(pk=known.id).update(third_reported_at=timezone.now() - timedelta(days=30))
    simulated.script.tokens[sample.token(1)] = _ERRORS[sample.name][0]
    return Device.objects.get(pk=known.id)


def before(device: Device, error: str, *, ago: timedelta, task: int, accepted: bool = False) -> None:
    """Record the outcome of an earlier message to the device."""
    at: datetime = timezone.now() - ago
    partitions.create(VENDOR_MESSAGES, at)
    VendorMessage.objects.create(
        message_id=ids.first_id_at(at) + task,
        workspace_id=device.workspace_id,
        channel=device.third_channel or 0,
        task_id=task,
        device_id=device.pk,
        token_hash=token_hash(device.third_token),
        vendor_code="" if accepted else error,
        accepted_at=at if accepted else None,
    )


@pytest.fixture
def push_again(workspace: Workspace, device: Device, channel: Channel) -> Callable[[], str]:
    """Return a function that sends the device one more message and returns the token it has afterwards."""

    def accept() -> str:
        request = requests.SimplePush(
            delivery_type=1, expired_seconds=300, title="t", content="c", target_msgkey={device.ad_token: "k"}
        )
        task = pushes.accept(workspace, request, source=PushTask.Source.RPC, author="")
        sender.send_due(workspace.pk, channel, budget_seconds=5)
        assert Message.objects.get(task=task).status not in (0, 2)
        return Device.objects.get(pk=device.pk).third_token

    return accept


@each
def test_a_token_refused_in_three_tasks_over_a_day_is_given_up(
    device: Device, sample: Sample, push_again: Callable[[], str]
) -> None:
    error = _ERRORS[sample.name][1]
    before(device, error, ago=25 * HOUR, task=1)
    before(device, error, ago=2 * HOUR, task=2)
    assert push_again() == ""


@honor
@pytest.mark.parametrize(
    "history",
    [
        [],
        [(25, 1)],
        # One task is one bad moment, however many messages it had.
        [(25, 1), (24.5, 1)],
        # All of them within a day.
        [(23, 1), (2, 2)],
    ],
    ids=["none", "once", "one task", "one day"],
)
def test_a_token_refused_less_often_stays(
    device: Device, push_again: Callable[[], str], history: list[tuple[float, int]]
) -> None:
    for hours, task in history:
        before(device, "failTokens", ago=hours * HOUR, task=task)
    assert push_again() == device.third_token


@honor
def test_a_token_accepted_in_between_stays(device: Device, push_again: Callable[[], str]) -> None:
    before(device, "failTokens", ago=50 * HOUR, task=1)
    before(device, "failTokens", ago=40 * HOUR, task=2)
    before(device, "", ago=30 * HOUR, task=3, accepted=True)
    assert push_again() == device.third_token


@honor
def test_a_token_reported_again_starts_anew(device: Device, push_again: Callable[[], str]) -> None:
    before(device, "failTokens", ago=50 * HOUR, task=1)
    before(device, "failTokens", ago=40 * HOUR, task=2)
    Device.objects.filter(pk=device.pk).update(third_reported_at=timezone.now() - 10 * HOUR)
    assert push_again() == device.third_token


@honor
def test_a_token_refused_for_another_reason_stays(device: Device, push_again: Callable[[], str]) -> None:
    before(device, "80100001 parameter", ago=50 * HOUR, task=1)
    before(device, "failTokens", ago=40 * HOUR, task=2)
    assert push_again() == device.third_token


@honor
def test_a_batch_without_suspects_asks_nothing(workspace: Workspace, channel: Channel) -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert suspect_tokens.given_up(workspace.pk, channel, [], timezone.now()) == set()
    assert len(queries) == 0
