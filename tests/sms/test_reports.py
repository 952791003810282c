"""Delivery reports of providers set the state and the cost of SMS, and nothing that is forged does."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from pytest_django import Settings

from pushcore.models import PushTask
from pushcore.ports import sms_complement
from sms.dispatch import sender
from sms.models import SmsAccount, SmsMessage
from sms.providers.generic.provider import signature_of
from sms.providers.twilio import provider as twilio
from tests.sms.conftest import Clock, Push
from tests.sms.simulated import SECRET

State = SmsMessage.State
Post = Callable[..., int]


@pytest.fixture(autouse=True)
def _public(settings: Settings) -> None:
    settings.PUBLIC_URL = "https://push.example.com"


@pytest.fixture
def task(account: SmsAccount, user: Callable[..., Any], push: Push, at: Clock) -> PushTask:
    user()
    sms = {"smsStrategy": 2, "smsTemplateCode": "SMS_1" if account.provider == "alibaba" else ""}
    made = push(sms=sms)
    assert sender.send_due() == 1
    return made


def row() -> SmsMessage:
    return SmsMessage.objects.get()


def posted(account: SmsAccount, body: bytes, query: str = "", **headers: str) -> int:
    kind = headers.pop("content_type", "application/json")
    path = f"/sms/receipts/{account.report_key}{query}"
    answer = Client().generic(
        "POST", path, body, kind, headers={name.replace("_", "-"): v for name, v in headers.items()}
    )
    return answer.status_code


def by_twilio(account: SmsAccount, status: str, secret: str = SECRET, **form: str) -> int:
    form = {"MessageSid": "SM1", "MessageStatus": status} | form
    query = f"?message={row().pk}"
    signature = twilio.signature_of(account.report_url + query, form, secret)
    kind = "application/x-www-form-urlencoded"
    return posted(account, urlencode(form).encode(), query, content_type=kind, x_twilio_signature=signature)


@pytest.mark.parametrize("provider_name", ["twilio"], indirect=True)
def test_twilios_callback_sets_the_state(account: SmsAccount, task: PushTask) -> None:
    assert by_twilio(account, "sent") == 200
    assert row().state == State.SENT
    assert by_twilio(account, "delivered", Price="-0.00750", PriceUnit="USD") == 200
    assert (row().state, row().price, row().currency) == (State.DELIVERED, Decimal("0.0075"), "USD")
    assert by_twilio(account, "undelivered", ErrorCode="30003") == 200
    assert row().state == State.DELIVERED


@pytest.mark.parametrize("provider_name", ["twilio"], indirect=True)
def test_a_report_with_another_signature_is_refused(account: SmsAccount, task: PushTask) -> None:
    assert by_twilio(account, "delivered", secret="other") == 400
    assert posted(account, b"MessageStatus=delivered", f"?message={row().pk}") == 400
    assert row().state == State.SENT
    assert Client().post("/sms/receipts/nobody").status_code == 404


@pytest.mark.parametrize("provider_name", ["alibaba"], indirect=True)
def test_alibaba_clouds_report_sets_state_and_segments(account: SmsAccount, task: PushTask) -> None:
    report = {
        "phone_number": "13800138000", "success": False, "biz_id": "biz^1", "out_id": str(row().pk),
        "err_code": "MK:0001", "err_msg": "13800138000 is unknown", "report_time": "2026-06-01 10:00:00",
        "sms_size": "2",
    }  # fmt: skip
    assert posted(account, json.dumps([report, report | {"out_id": "77"}]).encode()) == 200
    assert (row().state, row().code, row().segments) == (State.FAILED, "MK:0001", 2)
    assert posted(account, json.dumps([report | {"success": True}]).encode()) == 200
    assert (row().state, row().code) == (State.DELIVERED, "")


@pytest.mark.parametrize("provider_name", ["http"], indirect=True)
def test_another_services_report_is_signed_and_adds_to_the_costs_of_the_task(
    account: SmsAccount, task: PushTask
) -> None:
    body = json.dumps({"id": row().pk, "status": "delivered", "segments": 3, "price": 0.1, "currency": "EUR"}).encode()
    assert posted(account, body) == 400
    assert posted(account, body, x_mps_signature=signature_of(body, SECRET)) == 200
    summary = sms_complement().summary(task)
    assert summary is not None
    assert (summary.counts["DELIVERED"], summary.segments, summary.costs) == (1, 3, {"EUR": Decimal("0.1")})


@pytest.mark.parametrize("provider_name", ["http"], indirect=True)
def test_a_report_ends_the_doubt_about_an_sms(account: SmsAccount, task: PushTask) -> None:
    SmsMessage.objects.update(state=State.UNKNOWN)
    body = json.dumps([{"id": row().pk, "status": "delivered"}]).encode()
    assert posted(account, body, x_mps_signature=signature_of(body, SECRET)) == 200
    assert row().state == State.DELIVERED


@pytest.mark.parametrize("provider_name", ["http"], indirect=True)
def test_what_was_never_sent_is_not_reported(account: SmsAccount, task: PushTask) -> None:
    SmsMessage.objects.update(state=State.NOT_NEEDED, sent_at=None)
    for body in (b"[]", b"{}", b"nonsense", b"[" * 5000, json.dumps({"id": row().pk, "status": "delivered"}).encode()):
        posted(account, body, x_mps_signature=signature_of(body, SECRET))
    assert row().state == State.NOT_NEEDED
