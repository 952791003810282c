"""Delivery reports of vendors: arrivals and dead tokens, each counted once, only from the secret address."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from pytest_django import Settings

from channels_vendor.accounts import checking
from channels_vendor.base.references import Reference, token_hash
from channels_vendor.dispatch import open_adapters, refused_tokens
from channels_vendor.models import VendorAccount, VendorMessage
from channels_vendor.reports import reports
from pushcore.channels import Channel
from pushcore.delivery import outcomes
from pushcore.devices import registry
from pushcore.devices.info import DeviceInfo
from pushcore.models import App, Device, Message, PushTask, Workspace
from pushcore.ports import Outcome
from pushcore.push import pushes, requests
from tests.channels_vendor.samples import SAMPLES

Say = Callable[..., tuple[bytes, str]]
# Each vendor's way to say `what` of `named` (a message or a task) and a token, `at` milliseconds since 1970.
NOW = int(time.time() * 1000)
JSON = "application/json"


def huawei(named: str, token: str, what: str, at: int = NOW) -> tuple[bytes, str]:
    result = {"arrived": 0, "gone": 2}.get(what, 6)
    entry = {"biTag": named, "appid": "1", "token": token, "status": result, "timestamp": at}
    return json.dumps({"statuses": [{}, {"biTag": "another's", "token": "x", "status": 0}, entry]}).encode(), JSON


def harmonyos(named: str, token: str, what: str, at: int = NOW) -> tuple[bytes, str]:
    result = {"arrived": 0, "gone": 5}.get(what, 6)
    entry = {"biTag": named, "token": token, "deliveryStatus": {"result": result, "timestamp": at}}
    return json.dumps({"statuses": [{"token": "x"}, entry]}).encode(), JSON


def honor(named: str, token: str, what: str, at: int = NOW) -> tuple[bytes, str]:
    entry = {"biTag": named, "token": token, "status": {"arrived": 40000002}.get(what, 14), "timestamp": at}
    return json.dumps({"statuses": [{"biTag": "12x", "token": "x", "status": 0}, entry, None]}).encode(), JSON


def xiaomi(named: str, token: str, what: str, at: int = NOW) -> tuple[bytes, str]:
    kind = {"arrived": 1, "gone": 16}.get(what, 32)
    entry = {"param": named, "type": kind, "targets": f"other,{token}", "timestamp": at}
    data = {"m0": {"type": 1}, "m1": entry, "m2": {"param": "else", "type": 1, "targets": "x"}}
    return urlencode({"data": json.dumps(data)}).encode(), "application/x-www-form-urlencoded"


def oppo(named: str, token: str, what: str, at: int = NOW) -> tuple[bytes, str]:
    kind = {"arrived": "push_arrive", "gone": "regid_invalid"}.get(what, "user_daily_limit")
    entry = {"param": named, "registrationIds": token, "eventType": kind, "eventTime": str(at)}
    return json.dumps([{"param": "else"}, entry, 7]).encode(), JSON


def vivo(named: str, token: str, what: str, at: int = NOW) -> tuple[bytes, str]:
    entry = {"param": named, "targets": token, "ackType": "0" if what == "arrived" else "9", "ackTime": at}
    return json.dumps({"t0": {"targets": "x"}, "t1": entry}).encode(), JSON


SAYS: dict[Channel, Say] = {
    Channel.HUAWEI: huawei, Channel.HARMONYOS: harmonyos, Channel.HONOR: honor, Channel.XIAOMI: xiaomi,
    Channel.OPPO: oppo, Channel.VIVO: vivo,
}  # fmt: skip
TELL_OF_DEAD_TOKENS = [channel for channel in SAYS if channel not in (Channel.HONOR, Channel.VIVO)]
every_vendor = pytest.mark.parametrize("channel", SAYS, ids=lambda channel: channel.label)


@pytest.fixture
def sent(workspace: Workspace) -> Callable[[Channel], tuple[VendorAccount, Message]]:
    """Return a function that makes a message the vendor has accepted, for a device with the token `tok`."""

    def make(channel: Channel) -> tuple[VendorAccount, Message]:
        # Disabled: reports about earlier messages are still accepted.
        account = VendorAccount.objects.create(workspace=workspace, channel=channel, enabled=False)
        known, _ = registry.register([(workspace, DeviceInfo(manufacturer="X", model="1"))])[0]
        Device.objects.filter(pk=known.id).update(third_channel=channel, third_token="tok")
        task = pushes.accept(
            workspace,
            requests.SimplePush(
                delivery_type=1, expired_seconds=300, title="t", content="c", target_msgkey={known.ad_token: "k"}
            ),
            source=PushTask.Source.RPC,
            author="",
        )
        message = Message.objects.get(task=task)
        VendorMessage.objects.create(
            message_id=message.pk, workspace_id=workspace.pk, channel=channel, task_id=task.pk, device_id=known.id,
            token_hash=token_hash("tok"),
        )  # fmt: skip
        outcomes.record([Outcome(message.pk, 2, channel)])
        refused_tokens.note_accepted(account)
        account.refresh_from_db()
        return account, message

    return make


def post(account: VendorAccount, said: tuple[bytes, str], **headers: str) -> Any:
    body, kind = said
    return Client().post(f"/vendor/receipts/{account.report_key}", body, content_type=kind, headers=headers)


def by_task(message: Message) -> str:
    return str(Reference(task_id=message.task_id))


def by_message(message: Message) -> str:
    return str(Reference(message.pk))


@every_vendor
@pytest.mark.parametrize("named", [by_task, by_message])
def test_an_arrival_is_counted_once(sent: Callable[..., Any], channel: Channel, named: Callable[..., str]) -> None:
    account, message = sent(channel)
    assert PushTask.objects.get(pk=message.task_id).arrival_count == 0
    said = SAYS[channel](named(message), "tok", "arrived")
    answers = [post(account, said), post(account, said)]
    assert [answer.status_code for answer in answers] == [200, 200]
    message.refresh_from_db()
    assert message.arrived_at is not None
    assert PushTask.objects.get(pk=message.task_id).arrival_count == 1


@every_vendor
def test_a_report_about_one_of_two_messages_concerns_only_that_one(sent: Callable[..., Any], channel: Channel) -> None:
    account, message = sent(channel)
    second = VendorMessage.objects.get(pk=message.pk)
    second.message_id, second.task_id = message.pk + 1, message.task_id
    second.save(force_insert=True)
    Message.objects.bulk_create([copy_of(message, second.message_id)])
    post(account, SAYS[channel](by_message(message), "tok", "arrived"))
    assert [m.arrived_at is not None for m in Message.objects.order_by("id")] == [True, False]


def copy_of(message: Message, pk: int) -> Message:
    made = Message.objects.get(pk=message.pk)
    made.id = pk
    return made


@every_vendor
@pytest.mark.parametrize("token", ["", "next"], ids=["dropped", "rotated"])
def test_an_arrival_counts_although_the_device_has_a_new_token(
    sent: Callable[..., Any], channel: Channel, token: str
) -> None:
    account, message = sent(channel)
    Device.objects.filter(pk=message.device_id).update(third_token=token)
    post(account, SAYS[channel](by_task(message), "tok", "arrived"))
    message.refresh_from_db()
    assert message.arrived_at is not None


@pytest.mark.parametrize("channel", [c for c in SAYS if c not in (Channel.HONOR, Channel.VIVO)])
def test_a_token_reported_again_after_it_died_stays(sent: Callable[..., Any], channel: Channel) -> None:
    account, message = sent(channel)
    Device.objects.filter(pk=message.device_id).update(third_reported_at=datetime.fromtimestamp(NOW / 1000 - 60, UTC))
    post(account, SAYS[channel](by_task(message), "tok", "gone", NOW - 120_000))
    assert Device.objects.get(pk=message.device_id).third_token == "tok"
    post(account, SAYS[channel](by_task(message), "tok", "gone", NOW - 1_000))
    assert Device.objects.get(pk=message.device_id).third_token == ""


@pytest.mark.parametrize(
    ("channel", "code"),
    [
        (Channel.HUAWEI, "6 notifications switched off"),
        (Channel.HARMONYOS, "6 notifications switched off"),
        (Channel.XIAOMI, "32 notifications switched off"),
        (Channel.OPPO, "user_daily_limit"),
        (Channel.VIVO, "ack 9"),
        (Channel.HONOR, "14"),
    ],
)
def test_other_reports_are_kept_for_the_messages_details(sent: Callable[..., Any], channel: Channel, code: str) -> None:
    account, message = sent(channel)
    for at in (NOW - 1000, NOW - 1000):
        post(account, SAYS[channel](by_task(message), "tok", "muted", at))
    kept = VendorMessage.objects.get(pk=message.pk)
    assert kept.report_code == code
    assert kept.report_at == datetime.fromtimestamp((NOW - 1000) / 1000, UTC)


@pytest.mark.parametrize(
    ("channel", "status"),
    [(Channel.HUAWEI, 80000004), (Channel.HARMONYOS, 80100002), (Channel.XIAOMI, 20301), (Channel.OPPO, 10000)],
)
def test_the_latest_report_by_the_vendors_clock_is_kept(
    sent: Callable[..., Any], channel: Channel, status: int
) -> None:
    account, message = sent(channel)
    post(account, SAYS[channel](by_task(message), "tok", "gone", NOW - 1000))
    post(account, SAYS[channel](by_task(message), "tok", "muted", NOW - 2000))
    kept = VendorMessage.objects.get(pk=message.pk)
    assert kept.report_status == status
    post(account, SAYS[channel](by_task(message), "tok", "muted", NOW))
    kept.refresh_from_db()
    assert kept.report_status is None


def test_a_token_that_xiaomi_replaced_is_replaced(sent: Callable[..., Any]) -> None:
    account, message = sent(Channel.XIAOMI)
    entry = {"param": by_task(message), "type": 1, "targets": "tok", "replaceTarget": {"tok": "tok-2"}}
    post(account, (urlencode({"data": json.dumps({"m1": entry})}).encode(), "application/x-www-form-urlencoded"))
    assert Device.objects.get(pk=message.device_id).third_token == "tok-2"


@every_vendor
def test_a_report_that_no_column_can_hold_is_ignored(sent: Callable[..., Any], channel: Channel) -> None:
    account, message = sent(channel)
    for token in ("\0", "\ud800"):
        assert post(account, SAYS[channel](by_message(message), token, "gone")).status_code == 200


@pytest.mark.parametrize("channel", TELL_OF_DEAD_TOKENS, ids=lambda channel: channel.label)
def test_a_dead_token_is_forgotten(sent: Callable[..., Any], channel: Channel) -> None:
    account, message = sent(channel)
    post(account, SAYS[channel](by_task(message), "tok", "gone"))
    assert Device.objects.get(pk=message.device_id).third_token == ""


@pytest.mark.parametrize("channel", TELL_OF_DEAD_TOKENS, ids=lambda channel: channel.label)
def test_a_report_for_another_configuration_invalidates_no_token(sent: Callable[..., Any], channel: Channel) -> None:
    account, message = sent(channel)
    account.base_url = "https://vendor.example"
    account.save()
    post(account, SAYS[channel](by_task(message), "tok", "gone"))
    assert Device.objects.get(pk=message.device_id).third_token == "tok"


@every_vendor
def test_an_unknown_report_changes_nothing(sent: Callable[..., Any], channel: Channel) -> None:
    account, message = sent(channel)
    arrived = Message.objects.get(pk=message.pk).arrived_at
    assert post(account, SAYS[channel](by_task(message), "tok", "muted")).status_code == 200
    assert post(account, SAYS[channel](by_task(message), "another", "gone")).status_code == 200
    for foreign in ("t12345", "m12345", str(message.pk), "", "t", "m-1", "m" + "9" * 30):
        assert post(account, SAYS[channel](foreign, "tok", "arrived")).status_code == 200
    assert Message.objects.get(pk=message.pk).arrived_at == arrived
    assert Device.objects.get(pk=message.device_id).third_token == "tok"


@every_vendor
def test_an_account_cannot_report_on_anothers_devices(sent: Callable[..., Any], app: App, channel: Channel) -> None:
    _, message = sent(channel)
    other = Workspace.objects.create(app=app, workspace_id="other")
    stranger = VendorAccount.objects.create(workspace=other, channel=channel)
    for named in (by_task, by_message):
        for what in ("gone", "arrived"):
            assert post(stranger, SAYS[channel](named(message), "tok", what)).status_code == 200
    assert Device.objects.get(pk=message.device_id).third_token == "tok"
    assert Message.objects.get(pk=message.pk).arrived_at is None


@every_vendor
@pytest.mark.parametrize("body", [b"", b"null", b"\xff\xfe", b'"a"', b"data=1", b"[" * 200_000])
def test_a_body_that_is_no_report_is_refused(sent: Callable[..., Any], channel: Channel, body: bytes) -> None:
    account, _ = sent(channel)
    assert post(account, (body, JSON)).status_code == 400


def test_only_the_secret_address_accepts_reports(sent: Callable[..., Any]) -> None:
    account, _ = sent(Channel.OPPO)
    for key in ("", "x", account.report_key[:-1], "x" * 100):
        assert Client().post(f"/vendor/receipts/{key}", b"[]", content_type=JSON).status_code == 404
    assert Client().get(f"/vendor/receipts/{account.report_key}").status_code == 405
    fcm = VendorAccount.objects.create(workspace=account.workspace, channel=Channel.FCM)
    assert post(fcm, (b"[]", JSON)).status_code == 404


def test_the_address_stays_out_of_the_log(sent: Callable[..., Any], capfd: pytest.CaptureFixture[str]) -> None:
    account, _ = sent(Channel.OPPO)
    post(account, (b"nonsense", JSON))
    post(account, (b"[]", JSON))
    assert account.report_key not in "".join(capfd.readouterr())


def test_a_huge_body_is_refused(sent: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    account, message = sent(Channel.OPPO)
    monkeypatch.setattr(reports, "MAX_BYTES", 10)
    assert post(account, oppo(by_task(message), "tok", "arrived")).status_code == 400


@pytest.mark.parametrize(("channel", "most"), [(Channel.XIAOMI, 128), (Channel.VIVO, 128), (Channel.OPPO, 200)])
def test_an_address_too_long_for_the_vendor_is_left_out_and_operators_are_warned(
    workspace: Workspace, settings: Settings, channel: Channel, most: int
) -> None:
    row = VendorAccount.objects.create(workspace=workspace, channel=channel)
    settings.PUBLIC_URL = "https://push.example/"
    settings.PUBLIC_URL += "x" * (most - len(row.report_url))
    for length in (most, most + 1):
        assert len(row.report_url) == length
        adapter = open_adapters.open_adapter(row)
        assert bool(adapter.account.report_url) == (length == most)  # type: ignore[attr-defined]
        adapter.close()
        assert any("no delivery reports" in problem for problem in checking.problems(row)) == (length > most)
        settings.PUBLIC_URL += "x"


def test_a_huawei_key_without_its_user_is_refused() -> None:
    for channel in (Channel.HUAWEI, Channel.HARMONYOS):
        sample = next(one for one in SAMPLES if one.vendor.channel == channel)
        both = {"callback_user": "shop", "callback_key": "secret"}
        assert not checking.wrong_values(sample.vendor, {**sample.values(), **both})
        for name in both:
            [missing] = checking.wrong_values(sample.vendor, {**sample.values(), name: both[name]})
            assert missing == next(other for other in both if other != name)


def _signed(key: bytes, user: str, *, age: int = 0) -> str:
    stamp = str(int((time.time() - age) * 1000))
    value = base64.b64encode(hmac.new(key, f"{stamp}n-1{user}".encode(), hashlib.sha256).digest()).decode()
    return f"timestamp={stamp}; nonce=n-1; value={value}"


@pytest.mark.parametrize("stored", ["c2VjcmV0LWtleQ==", "not base64!"])
def test_huaweis_receipts_are_verified_where_a_key_is_set_up(sent: Callable[..., Any], stored: str) -> None:
    account, message = sent(Channel.HUAWEI)
    account.public_values = {"callback_user": "shop"}
    account.set_secrets({"callback_key": stored})
    account.save()
    said = huawei(by_task(message), "tok", "arrived")
    key = b"secret-key" if stored.endswith("==") else stored.encode()
    for forged in ("", "nonsense", _signed(b"other", "shop"), _signed(key, "else"), _signed(key, "shop", age=3600)):
        assert post(account, said, **{"X-HUAWEI-CALLBACK-ID": forged}).status_code == 400
    assert Message.objects.get(pk=message.pk).arrived_at is None
    assert post(account, said, **{"X-HUAWEI-CALLBACK-ID": _signed(key, "shop")}).status_code == 200
    assert Message.objects.get(pk=message.pk).arrived_at is not None
