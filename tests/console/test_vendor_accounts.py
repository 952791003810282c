"""Vendor accounts in the console: entered once, never shown again, refused with the reason."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from channels_vendor.models import VendorAccount
from pushcore.channels import Channel
from pushcore.models import Workspace
from tests.channels_vendor.samples import SAMPLES

_FCM = next(sample for sample in SAMPLES if sample.vendor.channel == Channel.FCM)


@pytest.fixture
def row(workspace: Workspace) -> VendorAccount:
    return VendorAccount.objects.create(workspace=workspace, channel=Channel.FCM, enabled=False)


def page(row: VendorAccount, name: str = "change") -> str:
    return reverse(f"admin:channels_vendor_vendoraccount_{name}", args=[row.pk])


FORM = {"rate": "0", "base_url": "", "auth_url": "", "ca_pem": ""}


def test_an_account_is_made_switched_off(superuser: Client, workspace: Workspace) -> None:
    superuser.post(
        reverse("admin:channels_vendor_vendoraccount_add"), {"workspace": workspace.pk, "channel": int(Channel.APNS)}
    )
    assert not VendorAccount.objects.get().enabled


def test_a_secret_is_kept_sealed_and_never_shown(superuser: Client, row: VendorAccount) -> None:
    secret = _FCM.values()["service_account"]
    superuser.post(page(row), FORM | {"enabled": "on", "value_service_account": secret})
    row.refresh_from_db()
    assert row.enabled
    assert row.secrets() == {"service_account": secret}
    assert "PRIVATE KEY" not in superuser.get(page(row)).text


def test_a_secret_left_empty_stays_and_a_stopped_channel_starts_again(superuser: Client, row: VendorAccount) -> None:
    row.set_secrets(dict(_FCM.values()))
    row.stopped_reason = "PERMISSION_DENIED"
    row.save()
    superuser.post(page(row), FORM | {"enabled": "on", "value_service_account": ""})
    row.refresh_from_db()
    assert row.secrets() == _FCM.values()
    assert (row.stopped_at, row.stopped_reason) == (None, "")


def test_what_is_wrong_is_said_beside_its_field(superuser: Client, row: VendorAccount) -> None:
    answer = superuser.post(page(row), FORM | {"enabled": "on", "value_service_account": "{}"})
    assert "lacks project_id" in answer.text
    row.refresh_from_db()
    assert not row.enabled


def test_the_check_says_what_is_wrong(superuser: Client, row: VendorAccount) -> None:
    answer = superuser.post(page(row, "check_account"), follow=True)
    assert "switched off" in answer.text


def test_a_test_needs_a_device(superuser: Client, row: VendorAccount) -> None:
    answer = superuser.post(page(row, "send_test"), follow=True)
    assert "No device of the workspace" in answer.text


def test_the_address_of_receipts_is_shown_to_administrators_alone(
    member: Callable[[str], Client], workspace: Workspace
) -> None:
    row = VendorAccount.objects.create(workspace=workspace, channel=Channel.OPPO)
    page = reverse("admin:channels_vendor_vendoraccount_change", args=[row.pk])
    assert f"/vendor/receipts/{row.receipt_key}" in member("administrator").get(page).text
    for role in ("viewer", "operator"):
        assert row.receipt_key not in member(role).get(page).text
