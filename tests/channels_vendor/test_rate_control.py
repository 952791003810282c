"""Rate limits and pauses of a vendor account cost no message an attempt."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from channels_vendor.dispatch.rate_control import LONGEST_OPEN_SECONDS, RateControl
from channels_vendor.dispatch.sender import MAX_ATTEMPTS
from channels_vendor.fcm.simulator import SimulatedFcm
from channels_vendor.models import VendorMessage
from channels_vendor.simulator.script import Reply
from pushcore.channels import Channel
from pushcore.codes import statuses
from pushcore.devices.registry import KnownDevice
from pushcore.models import Message, Workspace
from pushcore.storage.valkey import client
from tests.channels_vendor.sending import Send, wait_until, work
from tests.channels_vendor.simulator_server import SimulatorServer

_transactional = pytest.mark.django_db(transaction=True)


def test_an_account_may_send_a_second_of_its_rate_at_once_and_gets_unused_permits_back() -> None:
    rate_control, other = RateControl(1, Channel.FCM, 1), RateControl(2, Channel.FCM, 1)
    assert [rate_control.grant(1_000), rate_control.grant(1_000)] == [1, 0]
    assert other.grant(1_000) == 1
    rate_control.give_back(1)
    assert rate_control.grant(1_000) == 1


def test_a_pause_lasts_as_long_as_the_vendor_said_whatever_answers_follow() -> None:
    rate_control = RateControl(1, Channel.VIVO, 100)
    rate_control.pause(3600)
    rate_control.record(usable=True)
    rate_control.pause(5)
    assert rate_control.grant(10) == 0
    [pause] = client().keys("mps:vendor:*:1:8")
    assert client().ttl(pause) > LONGEST_OPEN_SECONDS
    rate_control.pause(7200)
    assert client().ttl(pause) > 3600


@_transactional
def test_a_throttled_account_pauses_and_its_messages_lose_no_attempt(
    workspace: Workspace, vendors: SimulatorServer, fcm: SimulatedFcm, device: Callable[..., KnownDevice], send: Send
) -> None:
    send(device().ad_token)
    fcm.script.limited, fcm.script.retry_after = 1, 900
    work(workspace)
    kept = VendorMessage.objects.get()
    assert kept.attempts == 0
    assert kept.due_at is not None
    assert kept.due_at > timezone.now() + timedelta(seconds=800)
    send(device("fcm-token:2").ad_token)
    assert work(workspace) == 0
    assert fcm.ledger.total == 0


@_transactional
def test_a_valid_message_survives_any_number_of_throttles(
    workspace: Workspace, vendors: SimulatorServer, fcm: SimulatedFcm, device: Callable[..., KnownDevice], send: Send
) -> None:
    send(device().ad_token)
    fcm.script.limited, fcm.script.retry_after = MAX_ATTEMPTS + 1, 0
    for _ in range(MAX_ATTEMPTS + 1):
        assert work(workspace) == 1
        VendorMessage.objects.update(due_at=timezone.now())
    assert Message.objects.get().status == statuses.WAITING
    assert work(workspace) == 1
    assert Message.objects.get().status == statuses.ACKED


@_transactional
def test_a_retry_after_of_zero_still_waits(
    workspace: Workspace, vendors: SimulatorServer, fcm: SimulatedFcm, device: Callable[..., KnownDevice], send: Send
) -> None:
    send(device().ad_token)
    fcm.script.replies = [Reply(503, b"", (("retry-after", "0"),))]
    assert work(workspace) == 1
    kept = VendorMessage.objects.get()
    assert kept.attempts == 1
    assert kept.due_at is not None
    assert kept.due_at > timezone.now()


@_transactional
def test_a_limit_of_one_device_delays_no_other(
    workspace: Workspace, vendors: SimulatorServer, fcm: SimulatedFcm, device: Callable[..., KnownDevice], send: Send
) -> None:
    spent = {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"subject": "device:fcm-token:1"}]}
    named = {"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": "QUOTA_EXCEEDED"}
    error = {"code": 429, "status": "RESOURCE_EXHAUSTED", "details": [named, spent]}
    fcm.script.replies = [Reply(429, json.dumps({"error": error}).encode())]
    send(device().ad_token)
    assert work(workspace) == 1
    send(device("fcm-token:2").ad_token)
    # By the database's clock it may be due some milliseconds later.
    wait_until(lambda: work(workspace) == 1)
    assert fcm.ledger.accepted == {"fcm-token:2": 1}


def test_how_an_account_is_doing_is_told_in_numbers() -> None:
    rate_control = RateControl(1, Channel.FCM, 1)
    assert rate_control.status() == (0, 0, 0.0, None)
    rate_control.grant(1)
    rate_control.note_accepted()
    rate_control.pause(60)
    status = rate_control.status()
    assert status is not None
    assert 0 < status.paused <= 60
    assert status.used > 0
    assert status.accepted_at is not None
