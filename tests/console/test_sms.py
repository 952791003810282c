"""SMS in the console: the account, the part of the create page, and what became of a task's SMS."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from console.pages.create.duplicating import copy_of
from pushcore.devices import registry, server_requests
from pushcore.devices.info import DeviceInfo
from pushcore.models import PushTask, Workspace
from sms.dispatch import sender
from sms.models import SmsAccount, SmsMessage
from tests.channels_vendor.simulator_server import SimulatorServer
from tests.console.conftest import Everything
from tests.sms.conftest import add_account
from tests.sms.simulated import SECRET, SID, SimulatedTwilio

ADD = reverse("admin:sms_smsaccount_add")
NUMBER = "+8613800138000"


@pytest.fixture
def twilio(settings: Settings) -> Any:
    settings.VENDOR_ALLOW_PRIVATE = True
    simulated = SimulatedTwilio()
    running = SimulatorServer([simulated], tls=False)
    simulated.url = running.url  # type: ignore[attr-defined]
    yield simulated
    running.stop()


def page(row: SmsAccount) -> str:
    return reverse("admin:sms_smsaccount_change", args=[row.pk])


def test_an_account_is_added_filled_in_checked_and_its_secret_never_shown(
    superuser: Client, workspace: Workspace, twilio: Any
) -> None:
    superuser.post(ADD, {"workspace": workspace.pk, "provider": "twilio"})
    row = SmsAccount.objects.get()
    assert not row.enabled
    form = {
        "enabled": "on", "rate": "0", "base_url": twilio.url, "ca_pem": "", "value_account_sid": SID,
        "value_auth_token": SECRET, "value_sender": "+15005550006", "value_country_code": "86",
    }  # fmt: skip
    assert "is needed" in superuser.post(page(row), form | {"value_auth_token": ""}).text.lower()
    assert superuser.post(page(row), form).status_code == 302
    row.refresh_from_db()
    assert (row.enabled, row.secrets(), SECRET in str(row.public_values)) == (True, {"auth_token": SECRET}, False)
    assert SECRET not in superuser.get(page(row)).text
    check = reverse("admin:sms_smsaccount_check_account", args=[row.pk])
    assert "The account is in order." in superuser.post(check, follow=True).text
    assert superuser.post(page(row), form | {"value_auth_token": "wrong"}).status_code == 302
    assert "refuses the account: 20003" in superuser.post(check, follow=True).text
    assert not twilio.sent


def test_a_secret_is_entered_again_where_it_goes_elsewhere(
    superuser: Client, workspace: Workspace, settings: Settings
) -> None:
    settings.VENDOR_ALLOW_PRIVATE = False
    row = add_account(workspace, "twilio", "")
    form = {"enabled": "on", "rate": "0", "value_account_sid": SID, "value_sender": "MPS"}
    assert "Enter it again" in superuser.post(page(row), form | {"base_url": "https://other.example"}).text
    assert "https://" in superuser.post(page(row), form | {"base_url": "http://other.example"}).text
    row.refresh_from_db()
    assert row.base_url == ""


def test_another_service_needs_an_address_and_a_body(superuser: Client, workspace: Workspace) -> None:
    superuser.post(ADD, {"workspace": workspace.pk, "provider": "http"})
    row = SmsAccount.objects.get()
    refused = superuser.post(page(row), {"enabled": "on", "rate": "0", "value_body": "{}"})
    assert set(refused.context["adminform"].form.errors) >= {"base_url"}
    form = {"enabled": "on", "rate": "0", "base_url": "https://sms.example/send", "value_body": '{"to": "#phone#"}'}
    assert superuser.post(page(row), form | {"value_content_type": "application/json"}).status_code == 302


def test_a_stopped_account_needs_a_person(superuser: Client, mine: Everything, workspace: Workspace) -> None:
    SmsAccount.objects.update(enabled=True, stopped_at="2026-01-01T00:00Z", stopped_reason="20003")
    assert any("SMS" in matter.text for matter in superuser.get("/console/").context["matters"])
    assert "20003" in superuser.get(reverse("admin:sms_smsaccount_changelist")).text


def test_the_create_page_offers_sms_only_where_an_account_sends_it(superuser: Client, workspace: Workspace) -> None:
    for kind in ("simple", "template"):
        assert "sms_when" not in superuser.get(f"/console/create/{kind}/").text
    SmsAccount.objects.create(workspace=workspace, provider="twilio")
    for kind, offered in (("simple", True), ("template", True), ("broadcast", False), ("multiple", False)):
        assert ("sms_when" in superuser.get(f"/console/create/{kind}/").text) is offered


def test_a_push_with_an_sms_is_reviewed_sent_shown_and_copied(
    superuser: Client, workspace: Workspace, twilio: Any
) -> None:
    add_account(workspace, "twilio", twilio.url)
    known, _ = registry.register([(workspace, DeviceInfo())])[0]
    server_requests.bind(workspace, "ann", known.ad_token, 1, NUMBER)
    typed = {
        "workspace": workspace.pk, "target_type": "user", "target": "ann", "msgkey": "k1", "title": "Sign in",
        "body": "Your code is 1234", "silent": "0", "style": "0", "action": "0", "valid_seconds": "300", "sms": "1",
        "sms_when": "2", "sms_delay_seconds": "60", "sms_sign_name": "Shop", "sending-when": "now",
        "parameters-TOTAL_FORMS": "0", "parameters-INITIAL_FORMS": "0",
    }  # fmt: skip
    review = superuser.post("/console/create/simple/", typed | {"step": "review"})
    assert "[Shop] Your code is 1234" in review.text
    superuser.post("/console/create/simple/", typed | {"step": "send"})
    task = PushTask.objects.get()
    assert sender.send_due() == 1
    SmsMessage.objects.update(price="0.0150", currency="USD")
    shown = superuser.get(reverse("admin:pushcore_pushtask_change", args=[task.pk])).text
    figures = dict(re.findall(r'data-figure="sms-([\w-]+)">([^<]*)<', shown))
    assert figures == {"sent": "1", "segments": "2", "cost-USD": "0.015000"}
    assert NUMBER.strip("+") not in shown + review.text
    copied = copy_of(task).typed
    assert (copied["sms"], copied["sms_when"], copied["sms_sign_name"]) == ("1", "2", "Shop")


def test_a_wish_that_the_provider_cannot_follow_is_explained_at_its_field(
    superuser: Client, workspace: Workspace
) -> None:
    add_account(workspace, "twilio", "https://api.example")
    typed = {
        "workspace": workspace.pk, "target_type": "user", "target": "ann", "msgkey": "k1", "title": "T", "body": "B",
        "silent": "0", "style": "0", "action": "0", "valid_seconds": "300", "sms": "1", "sms_when": "1",
        "sending-when": "now", "parameters-TOTAL_FORMS": "0", "parameters-INITIAL_FORMS": "0", "step": "review",
    }  # fmt: skip
    for field, value in (("sms_template_code", "x"), ("sms_template_param", "[1]"), ("sms_delay_seconds", "301")):
        refused = superuser.post("/console/create/simple/", typed | {field: value})
        assert list(refused.context["form"].errors) == [field]
