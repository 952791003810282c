"""Vendor accounts in the console: entered once, never shown again, refused with the reason."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives import serialization
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils.html import escape
from pytest_django import Settings

from channels_vendor.accounts import checking
from channels_vendor.dispatch import open_adapters
from channels_vendor.fcm.simulator import SimulatedFcm
from channels_vendor.models import VendorAccount
from channels_vendor.registry import VENDORS
from console.components import entered_secrets
from console.models import AuditEntry
from pushcore.channels import Channel
from pushcore.devices import client_requests, registry
from pushcore.devices.info import DeviceInfo
from pushcore.models import Workspace
from tests.channels_vendor import push_certificates
from tests.channels_vendor.push_certificates import PASSWORD, PRODUCTION, SANDBOX, p12_file
from tests.channels_vendor.samples import SAMPLES
from tests.channels_vendor.simulator_server import SimulatorServer

_FCM = next(sample for sample in SAMPLES if sample.vendor.channel == Channel.FCM)
_APNS = next(sample for sample in SAMPLES if sample.vendor.channel == Channel.APNS)


@pytest.fixture
def row(workspace: Workspace) -> VendorAccount:
    return VendorAccount.objects.create(workspace=workspace, channel=Channel.FCM, enabled=False)


def page(row: VendorAccount, name: str = "change") -> str:
    return reverse(f"admin:channels_vendor_vendoraccount_{name}", args=[row.pk])


FORM = {"rate": "0", "base_url": "", "auth_url": "", "ca_pem": ""}


NAMES_AT_THE_VENDORS = {
    Channel.APNS: ("Bundle ID", "Key ID", "Team ID"),
    Channel.FCM: ("Firebase service account key (JSON)",),
    Channel.XIAOMI: ("AppSecret",),
    Channel.HUAWEI: ("Client ID", "Client secret"),
    Channel.OPPO: ("AppKey", "MasterSecret"),
    Channel.VIVO: ("AppID", "AppKey", "AppSecret"),
    Channel.HONOR: ("App ID", "Client ID", "Client secret"),
}


@pytest.mark.parametrize("channel", list(VENDORS), ids=lambda channel: channel.label)
def test_an_account_is_entered_by_the_vendors_own_names_with_a_link_to_its_console(
    superuser: Client, workspace: Workspace, channel: Channel
) -> None:
    vendor = VENDORS[channel]
    told = superuser.get(page(VendorAccount.objects.create(workspace=workspace, channel=channel, enabled=False))).text
    for name in NAMES_AT_THE_VENDORS.get(channel, ()):
        assert name in [entry.label for entry in vendor.fields]
        assert name in told
    if not vendor.console_url:
        assert vendor.new_values()  # there is nothing to find elsewhere
        return
    assert vendor.console_url.startswith("https://")
    assert f'href="{vendor.console_url}"' in told
    assert escape(vendor.console_path) in told


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


APNS_FORM = FORM | {"value_environment": "production", "value_bundle_id": "", "value_key_id": "", "value_team_id": ""}


def upload(superuser: Client, row: VendorAccount, file: bytes, **more: str) -> str:
    uploaded = SimpleUploadedFile("push.p12", file, "application/x-pkcs12")
    form = APNS_FORM | {"value_p12": uploaded, "value_p12_password": PASSWORD} | more
    page_text = superuser.post(page(row), form).text
    row.refresh_from_db()
    return page_text


@pytest.fixture
def apns(workspace: Workspace) -> VendorAccount:
    return VendorAccount.objects.create(workspace=workspace, channel=Channel.APNS, enabled=False)


@pytest.mark.parametrize("switched", [{}, {"enabled": "on"}], ids=["off", "on"])
def test_an_uploaded_certificate_is_read_whether_the_account_is_on_or_off(
    superuser: Client, apns: VendorAccount, switched: dict[str, str]
) -> None:
    upload(superuser, apns, p12_file("Apple Push Services: shop", PRODUCTION), **switched)
    assert apns.certificate_subject == "Apple Push Services: shop (production)"
    assert apns.certificate_expires_at is not None
    assert apns.public_values["bundle_id"] == "com.example.shop"
    assert apns.enabled is bool(switched)
    told = superuser.get(page(apns)).text
    assert "Apple Push Services: shop" in told
    assert "PRIVATE KEY" not in told
    for file, reason in (
        (p12_file("Apple Push Services: shop", PRODUCTION, days=-1), "expired on"),
        (p12_file("Apple Push Services: x", PRODUCTION, bundle_id="com.example.other"), "is for com.example.other"),
        (b"nonsense", "not a .p12 file"),
    ):
        told = upload(superuser, apns, file, value_bundle_id="com.example.shop", **switched)
        assert reason in told
        assert apns.certificate_subject == "Apple Push Services: shop (production)"


def test_environment_and_bundle_are_read_from_the_certificate(superuser: Client, apns: VendorAccount) -> None:
    upload(superuser, apns, p12_file("Apple Development: shop", SANDBOX), value_environment="", enabled="on")
    assert apns.enabled
    assert apns.public_values == {"environment": "sandbox", "bundle_id": "com.example.shop"}


def carried(page_text: str) -> str:
    found = re.search(r'name="entered" value="([^"]+)"', page_text)
    assert found
    return found[1]


@pytest.mark.parametrize("wrong", [{"rate": "many"}, {"value_environment": "sandbox"}], ids=["rate", "environment"])
def test_a_certificate_survives_an_error_in_another_field(
    superuser: Client, apns: VendorAccount, wrong: dict[str, str]
) -> None:
    told = upload(superuser, apns, p12_file("Apple Push Services: shop", PRODUCTION), enabled="on", **wrong)
    assert "Kept until the form is saved" in told
    assert not apns.enabled
    superuser.post(page(apns), APNS_FORM | {"enabled": "on", "entered": carried(told)})
    apns.refresh_from_db()
    assert apns.enabled
    assert set(apns.secrets()) == {"p12", "p12_password"}


def test_a_certificate_survives_a_wrong_password_but_the_password_does_not(
    superuser: Client, apns: VendorAccount
) -> None:
    file = p12_file("Apple Push Services: shop", PRODUCTION)
    told = upload(superuser, apns, file, enabled="on", value_p12_password="wrong")
    assert "the password does not open it" in told
    superuser.post(page(apns), APNS_FORM | {"enabled": "on", "entered": carried(told), "value_p12_password": PASSWORD})
    apns.refresh_from_db()
    assert apns.secrets()["p12_password"] == PASSWORD


def test_what_a_refused_form_carries_is_good_for_no_other_account_and_for_an_hour(
    superuser: Client, apns: VendorAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed = entered_secrets.seal(apns, {"p12": "cDEy"})
    assert "cDEy" not in sealed
    assert entered_secrets.unseal(apns, sealed) == {"p12": "cDEy"}
    assert entered_secrets.unseal(VendorAccount(pk=apns.pk + 1), sealed) == {}
    monkeypatch.setattr(entered_secrets, "LIFETIME_SECONDS", -1)
    assert entered_secrets.unseal(apns, sealed) == {}


def test_the_password_of_a_certificate_is_typed_unseen_and_never_sent_back(
    superuser: Client, apns: VendorAccount
) -> None:
    told = upload(superuser, apns, b"nonsense", enabled="on", value_p12_password="a-secret-word")
    assert "a-secret-word" not in told
    assert re.search(r'<input type="password" name="value_p12_password"', told)


def test_an_account_whose_certificate_has_gone_bad_can_be_switched_off(superuser: Client, apns: VendorAccount) -> None:
    apns.set_secrets({"p12": "bm9uc2Vuc2U="})
    apns.enabled = True
    apns.save()
    superuser.post(page(apns), APNS_FORM)
    apns.refresh_from_db()
    assert not apns.enabled


def test_a_certificate_gives_way_to_a_key(superuser: Client, apns: VendorAccount) -> None:
    upload(superuser, apns, p12_file("Apple Push Services: shop", PRODUCTION), enabled="on")
    assert "remove_p12" in superuser.get(page(apns)).text
    assert "remove_p8" not in superuser.get(page(apns)).text
    key = {f"value_{name}": value for name, value in _APNS.values().items()}
    form = APNS_FORM | key | {"enabled": "on", "remove_p12": "on", "remove_p12_password": "on"}
    superuser.post(page(apns), form)
    apns.refresh_from_db()
    assert set(apns.secrets()) == {"p8"}
    assert (apns.certificate_subject, apns.certificate_expires_at) == ("", None)


def test_a_needed_secret_is_not_removed(superuser: Client, row: VendorAccount) -> None:
    row.set_secrets(dict(_FCM.values()))
    row.enabled = True
    row.save()
    form = FORM | {"enabled": "on", "remove_service_account": "on"}
    assert superuser.post(page(row), form).status_code == 200
    row.refresh_from_db()
    assert row.secrets() == _FCM.values()


def test_a_secret_entered_anew_stays_though_the_old_one_is_removed(superuser: Client, row: VendorAccount) -> None:
    row.set_secrets({"server_key": "old"})
    row.save()
    form = FORM | {"value_server_key": "new", "remove_server_key": "on"}
    superuser.post(page(row), form)
    row.refresh_from_db()
    assert row.secrets() == {"server_key": "new"}


ELSEWHERE = "https://attacker.example"
AUTHORITY = push_certificates.authority()[0].public_bytes(serialization.Encoding.PEM).decode().strip()


@pytest.mark.parametrize(
    "moved",
    [{"base_url": ELSEWHERE}, {"auth_url": f"{ELSEWHERE}/token"}, {"ca_pem": AUTHORITY}],
    ids=["API address", "token address", "extra CA"],
)
def test_a_secret_is_entered_again_before_it_goes_elsewhere(
    superuser: Client, row: VendorAccount, moved: dict[str, str]
) -> None:
    row.set_secrets(dict(_FCM.values()))
    row.save()
    assert "Enter it again" in superuser.post(page(row), FORM | {"rate": "9"} | moved).text
    row.refresh_from_db()
    assert (row.rate, row.base_url, row.auth_url, row.ca_pem) == (0, "", "", "")
    superuser.post(page(row), FORM | moved | {"value_service_account": _FCM.values()["service_account"]})
    row.refresh_from_db()
    assert [getattr(row, name) for name in moved] == list(moved.values())
    again = FORM | {"rate": "9"} | {name: value.replace("\n", "\r\n") for name, value in moved.items()}
    superuser.post(page(row), again)
    row.refresh_from_db()
    assert (row.rate, row.secrets()) == (9, _FCM.values())
    assert "Enter it again" in superuser.post(page(row), FORM).text


def test_a_secret_that_is_removed_need_not_be_entered_again(superuser: Client, row: VendorAccount) -> None:
    row.set_secrets({"server_key": "old"})
    row.save()
    superuser.post(page(row), FORM | {"base_url": ELSEWHERE, "remove_server_key": "on"})
    row.refresh_from_db()
    assert (row.base_url, row.secrets()) == (ELSEWHERE, {})


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"base_url": "http://vendor.example"}, "Starts with https://"),
        ({"auth_url": "http://vendor.example/token"}, "Starts with https://"),
        ({"base_url": "https://me:pass@vendor.example"}, "Has a user name or password"),
        ({"base_url": "https://vendor.example/?a=b"}, "Has a query"),
        ({"auth_url": "https://vendor.example/#token"}, "Has a fragment"),
        ({"ca_pem": "-----BEGIN CERTIFICATE-----"}, "no certificate"),
    ],
)
def test_an_address_that_is_no_place_for_secrets_is_refused(
    superuser: Client, row: VendorAccount, settings: Settings, wrong: dict[str, str], said: str
) -> None:
    settings.VENDOR_ALLOW_PRIVATE = False
    assert said in superuser.post(page(row), FORM | wrong).text
    row.refresh_from_db()
    assert (row.base_url, row.auth_url, row.ca_pem) == ("", "", "")


def test_no_secret_leaves_in_the_clear_however_its_address_came_to_be(row: VendorAccount, settings: Settings) -> None:
    settings.VENDOR_ALLOW_PRIVATE = False
    row.set_secrets(dict(_FCM.values()))
    row.base_url = row.auth_url = "http://192.0.2.1/"
    row.save()
    adapter = open_adapters.open_adapter(row)
    try:
        assert "disabled" in adapter.check()
    finally:
        adapter.close()
    assert "base_url: Starts with https://: what is sent there is secret." in checking.problems(row)


def test_the_check_says_what_is_wrong(superuser: Client, row: VendorAccount) -> None:
    answer = superuser.post(page(row, "check_account"), follow=True)
    assert "Switched off" in answer.text


def test_a_test_needs_a_device(superuser: Client, row: VendorAccount) -> None:
    answer = superuser.post(page(row, "send_test"), follow=True)
    assert "No device of the workspace" in answer.text


def test_an_account_in_order_is_checked_and_tried_by_button(
    superuser: Client, row: VendorAccount, settings: Settings
) -> None:
    settings.VENDOR_ALLOW_PRIVATE = True
    simulated = SimulatedFcm()
    running = SimulatorServer([simulated], tls=False)
    try:
        row.base_url, row.auth_url, row.enabled = running.url, running.url + simulated.credential_path, True
        row.set_secrets(dict(_FCM.values()))
        row.save()
        assert "The account is in order" in superuser.post(page(row, "check_account"), follow=True).text
        assert not simulated.ledger.accepted
        assert AuditEntry.objects.get(action="test").details == {
            "what": "Checked the account.",
            "outcome": "in order",
            "API address": row.base_url,
            "authorisation address": row.auth_url,
        }
        known, _ = registry.register([(row.workspace, DeviceInfo())])[0]
        client_requests.report(known.id, Channel.FCM, "fcm-token:1")
        assert "The vendor accepted the test: 0:1" in superuser.post(page(row, "send_test"), follow=True).text
        assert simulated.ledger.accepted == {"fcm-token:1": 1}
        simulated.script.tokens["fcm-token:1"] = "UNREGISTERED"
        assert "The vendor refused the test: UNREGISTERED" in superuser.post(page(row, "send_test"), follow=True).text
    finally:
        running.stop()


def test_the_address_of_receipts_is_shown_to_administrators_alone(
    member: Callable[[str], Client], workspace: Workspace
) -> None:
    row = VendorAccount.objects.create(workspace=workspace, channel=Channel.OPPO)
    page = reverse("admin:channels_vendor_vendoraccount_change", args=[row.pk])
    assert f"/vendor/receipts/{row.report_key}" in member("administrator").get(page).text
    for role in ("viewer", "operator"):
        assert row.report_key not in member(role).get(page).text
