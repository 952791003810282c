"""Dry runs render what a vendor is really sent, without a credential and without a call."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.utils import timezone

from channels_vendor.base.notifications import deliveries_of
from channels_vendor.base.outcomes import Verdict
from channels_vendor.dispatch.lane import VendorLane
from channels_vendor.dispatch.open_adapters import adapter_of
from channels_vendor.models import VendorAccount
from channels_vendor.simulator.script import Incoming, Reply
from channels_vendor.simulator.simulated_vendor import SimulatedVendor
from pushcore.channels import Channel
from pushcore.devices.registry import KnownDevice
from pushcore.models import Device, Message, PushTask, Workspace
from pushcore.ports import OutgoingMessage
from tests.channels_vendor.samples import SAMPLES, Sample
from tests.channels_vendor.sending import Send


@pytest.fixture
def outgoing(
    workspace: Workspace, channel: Channel, sample: Sample, device: Callable[..., KnownDevice], send: Send
) -> OutgoingMessage:
    """Return a message to a device of the vendor."""
    platform = channel.description.platform or 1
    known = device("", platform)
    Device.objects.filter(pk=known.id).update(third_channel=channel, third_token=sample.token(1))
    task: PushTask = send(known.ad_token, delivery_type=int(platform))
    message = Message.objects.get(task=task)
    return OutgoingMessage(
        message_id=message.pk, task_id=task.pk, target=message.target, msgkey=message.msgkey, device_id=known.id,
        platform=platform, third_channel=channel, third_token=sample.token(1), workspace_id=workspace.pk,
        kind=task.kind, expire_at=message.expire_at, content=task.content, options=task.options,
    )  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_the_body_is_the_one_that_is_sent_but_for_the_credential(
    outgoing: OutgoingMessage,
    channel: Channel,
    sample: Sample,
    simulated: SimulatedVendor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rendered = VendorLane().render(outgoing)
    assert (rendered.channel, rendered.refusal, simulated.ledger.accepted) == (channel, "", {})
    received: list[str] = []
    answer = simulated.send

    def recording(incoming: Incoming) -> Reply:
        received.append(sample.plain(incoming.body).decode())
        return answer(incoming)

    monkeypatch.setattr(simulated, "send", recording)
    row = VendorAccount.objects.get()
    with adapter_of(row) as adapter:
        [outcome] = adapter.send(deliveries_of([outgoing], channel))
    assert outcome.verdict is Verdict.ACCEPTED
    [body] = received
    # OPPO's credential is a field of the form.
    assert re.sub("auth_token=[^&]+", "auth_token=", body) == rendered.body
    assert "Title" in rendered.body
    secret = {field.name for field in sample.vendor.fields if field.secret}
    values = row.account(allow_private=True).values
    assert [name for name in secret if values.get(name) and values[name] in rendered.body] == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("sample", [sample for sample in SAMPLES if sample.name == "apns"], ids=["apns"])
def test_what_cannot_be_sent_says_why(outgoing: OutgoingMessage) -> None:
    too_long = outgoing._replace(content=outgoing.content | {"params": {"a": "x" * 5000}})
    rendered = VendorLane().render(too_long)
    assert rendered.body == ""
    assert rendered.refusal
    VendorAccount.objects.update(secrets_sealed="sealed with another key", updated_at=timezone.now())
    assert VendorLane().render(outgoing).refusal == "the account's secrets cannot be read"
    VendorAccount.objects.all().delete()
    assert "no account" in VendorLane().render(outgoing).refusal
