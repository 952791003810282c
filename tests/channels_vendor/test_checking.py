"""Vendor accounts are checked when they are entered, before a message fails."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from channels_vendor.accounts import checking
from channels_vendor.apns import certificate
from channels_vendor.apns.vendor import VENDOR as APNS
from channels_vendor.models import VendorAccount
from channels_vendor.registry import VENDORS
from pushcore.channels import Channel
from pushcore.models import Workspace
from tests.channels_vendor.push_certificates import PRODUCTION, SANDBOX, UNSUPPORTED, p12


def test_an_uploaded_certificate_shows_its_bundle_and_environments() -> None:
    found = certificate.parse(p12("Apple Push Services: com.example.shop", SANDBOX, PRODUCTION), "secret")
    assert found.bundle_id == "com.example.shop"
    assert found.environments == ("production", "sandbox")


def test_a_developers_certificate_is_refused_with_the_reason() -> None:
    wrong = APNS.validate({"p12": p12("iPhone Developer: A. Person"), "p12_password": "secret"})
    assert "developer's signing certificate" in wrong["p12"]


def test_a_wrong_certificate_password_is_reported() -> None:
    wrong = APNS.validate({"p12": p12("Apple Push Services: x", PRODUCTION), "p12_password": "other"})
    assert "password" in wrong["p12"]


def test_a_certificate_of_the_other_environment_is_refused() -> None:
    values = {"p12": p12("Apple Development IOS Push Services: x", SANDBOX), "p12_password": "secret"}
    assert APNS.validate(values) == {}
    values["environment"] = "production"
    assert "sandbox" in APNS.validate(values)["environment"]
    assert not APNS.validate({**values, "environment": "sandbox"})


def test_an_expired_certificate_is_refused() -> None:
    wrong = APNS.validate({"p12": p12("Apple Push Services: x", PRODUCTION, days=-1), "p12_password": "secret"})
    assert "expired on" in wrong["p12"]


def test_a_certificate_of_another_app_is_refused() -> None:
    values = {"p12": p12("Apple Push Services: x", PRODUCTION, bundle_id="com.example.other"), "p12_password": "secret"}
    assert "com.example.other" in APNS.validate(values | {"bundle_id": "com.example.shop"})["bundle_id"]
    assert not APNS.validate(values | {"bundle_id": "com.example.other"})
    assert not APNS.validate(values)


@pytest.mark.parametrize("file", [UNSUPPORTED, "bm8gY2VydGlmaWNhdGU=", "not base64!"])
def test_a_file_that_cannot_be_read_is_refused_with_the_reason(file: str) -> None:
    assert set(APNS.validate({"p12": file, "p12_password": "secret"})) == {"p12"}


@pytest.mark.parametrize("vendor", VENDORS.values(), ids=lambda vendor: vendor.channel.label)
def test_an_account_without_values_is_refused(vendor: object) -> None:
    assert checking.wrong_values(vendor, {})  # type: ignore[arg-type]


@pytest.fixture
def row(workspace: Workspace) -> VendorAccount:
    row = VendorAccount(workspace=workspace, channel=Channel.APNS, public_values={"environment": "production"})
    row.base_url = "https://127.0.0.1:9"
    row.set_secrets({"p12": p12("Apple Push Services: x", PRODUCTION), "p12_password": "secret"})
    checking.note_certificate(row)
    row.save()
    return row


def test_a_certificate_is_reported_fifteen_days_before_it_expires(row: VendorAccount) -> None:
    assert not row.expires_soon
    row.certificate_expires_at = timezone.now() + timedelta(days=14)
    row.save()
    assert row.expires_soon
    assert checking.warn_of_expiry() == 1
    assert any("expires" in problem for problem in checking.problems(row))


def test_the_check_command_names_what_is_wrong(row: VendorAccount) -> None:
    out = StringIO()
    row.enabled = False
    row.save()
    with pytest.raises(CommandError):
        call_command("vendor", "check", stdout=out)
    assert "switched off; the vendor cannot be asked now" in out.getvalue()
