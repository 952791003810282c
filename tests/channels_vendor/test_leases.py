"""A sender keeps to the lease of its batch: it starts nothing later, and overwrites nobody's outcome."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone

from channels_vendor.base import contract
from channels_vendor.base.contract import Adapter
from channels_vendor.base.notifications import deliveries_of
from channels_vendor.base.outcomes import SendOutcome, Verdict
from channels_vendor.dispatch import sender
from channels_vendor.fcm.simulator import SimulatedFcm
from channels_vendor.models import VendorAccount, VendorMessage
from channels_vendor.simulator.simulated_vendor import SimulatedVendor
from pushcore.channels import Channel
from pushcore.codes import statuses
from pushcore.delivery import deliverable
from pushcore.devices import client_requests
from pushcore.devices.registry import KnownDevice
from pushcore.http import client
from pushcore.models import Device, Message, PushTask, Workspace
from tests.channels_vendor.conftest import deliveries, notification
from tests.channels_vendor.samples import Sample
from tests.channels_vendor.sending import Send, wait_until, work
from tests.channels_vendor.simulator_server import SimulatorServer
from tests.support.threads import in_background

_transactional = pytest.mark.django_db(transaction=True)


def test_a_call_not_started_within_the_lease_is_not_made(
    open_adapter: Callable[..., Adapter], simulated: SimulatedVendor, sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter = open_adapter(max_connections=1, max_streams=1)
    batch = [one._replace(notification=notification(task_id=one.message_id)) for one in deliveries(sample, 3)]
    adapter.check()
    before = len(simulated.ledger.requests)

    def monotonic() -> float:
        """All the time there is has passed once the vendor has the first request."""
        passed = contract.SEND_SECONDS if len(simulated.ledger.requests) > before else 0.0
        return time.monotonic() + passed

    monkeypatch.setattr(client, "time", SimpleNamespace(monotonic=monotonic, sleep=time.sleep))
    first, *others = adapter.send(batch)
    assert (first.verdict, first.tried) == (Verdict.ACCEPTED, True)
    assert [(one.verdict, one.tried, one.unreachable) for one in others] == [(Verdict.RETRY, False, False)] * 2
    assert simulated.ledger.total == 1


@_transactional
def test_a_call_not_started_within_the_lease_uses_no_attempt_and_is_due_at_once(
    workspace: Workspace,
    vendors: SimulatorServer,
    fcm: SimulatedFcm,
    device: Callable[..., KnownDevice],
    send: Send,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    send(device().ad_token)
    monkeypatch.setattr(contract, "SEND_SECONDS", 0.0)
    assert sender.send_due(workspace.pk, Channel.FCM, budget_seconds=0.1) == 0
    kept = VendorMessage.objects.get()
    assert (kept.attempts, fcm.ledger.total) == (0, 0)
    assert kept.due_at is not None
    assert kept.due_at <= timezone.now()
    monkeypatch.undo()
    assert work(workspace) == 1


@_transactional
def test_a_late_sender_does_not_overwrite_anothers_outcome(
    workspace: Workspace, vendors: SimulatorServer, device: Callable[..., KnownDevice], send: Send
) -> None:
    send(device().ad_token)
    late = sender._claim(workspace.pk, Channel.FCM, 10)
    [one] = deliveries_of(deliverable.by_id(list(late.attempts)), Channel.FCM)
    VendorMessage.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    assert work(workspace) == 1
    row = VendorAccount.objects.get(channel=Channel.FCM)
    sender._record(row, Channel.FCM, late, [SendOutcome(one, Verdict.RETRY, statuses.UNKNOWN)], timezone.now())
    kept = VendorMessage.objects.get()
    assert kept.due_at is None
    assert kept.accepted_at is not None
    assert Message.objects.get().status == statuses.ACKED


@_transactional
def test_a_token_reported_again_while_its_message_was_sent_stays(
    workspace: Workspace,
    vendors: SimulatorServer,
    fcm: SimulatedFcm,
    device: Callable[..., KnownDevice],
    send: Callable[..., PushTask],
) -> None:
    known = device()
    fcm.script.tokens["fcm-token:1"] = "UNREGISTERED"
    fcm.script.latency = 1
    send(known.ad_token)

    thread = in_background(lambda: work(workspace))
    wait_until(lambda: bool(fcm.ledger.requests))
    client_requests.report(known.id, Channel.FCM, "fcm-token:1")
    thread.join()
    assert Message.objects.get().status == 90000003
    assert Device.objects.get().third_token == "fcm-token:1"
