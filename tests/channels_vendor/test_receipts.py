"""Vendors' receipts: arrivals and dead tokens, once, and only from who knows the address."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from channels_vendor import receipts
from channels_vendor.models import VendorAccount, VendorMessage
from pushcore import devices, outcomes, push, requests
from pushcore.channels import Channel
from pushcore.devices import Facts
from pushcore.models import App, Device, Message, PushTask, Workspace
from pushcore.ports import Outcome

Say = Callable[[int, str, str], tuple[bytes, str]]
JSON = "application/json"


def huawei(task: int, token: str, what: str) -> tuple[bytes, str]:
    entry = {"biTag": str(task), "appid": "1", "token": token, "status": {"arrived": 0, "gone": 2}.get(what, 6)}
    return json.dumps({"statuses": [entry]}).encode(), JSON


def harmonyos(task: int, token: str, what: str) -> tuple[bytes, str]:
    result = {"arrived": 0, "gone": 5}.get(what, 256)
    entry = {"biTag": str(task), "token": token, "deliveryStatus": {"result": result, "timestamp": 1}}
    return json.dumps({"statuses": [entry]}).encode(), JSON


def honor(task: int, token: str, what: str) -> tuple[bytes, str]:
    entry = {"biTag": str(task), "token": token, "status": {"arrived": 40000002}.get(what, 14)}
    return json.dumps({"statuses": [entry]}).encode(), JSON


def xiaomi(task: int, token: str, what: str) -> tuple[bytes, str]:
    entry = {"param": str(task), "type": {"arrived": 1, "gone": 16}.get(what, 2), "targets": f"other,{token}"}
    return urlencode({"data": json.dumps({"m1": entry})}).encode(), "application/x-www-form-urlencoded"


def oppo(task: int, token: str, what: str) -> tuple[bytes, str]:
    kind = {"arrived": "push_arrive", "gone": "regid_invalid"}.get(what, "user_daily_limit")
    return json.dumps([{"param": str(task), "registrationIds": token, "eventType": kind}]).encode(), JSON


def vivo(task: int, token: str, what: str) -> tuple[bytes, str]:
    entry = {"param": str(task), "targets": token, "ackType": "0" if what == "arrived" else "9"}
    return json.dumps({"t1": entry}).encode(), JSON


SAYS: dict[Channel, Say] = {
    Channel.HUAWEI: huawei, Channel.HARMONYOS: harmonyos, Channel.HONOR: honor, Channel.XIAOMI: xiaomi,
    Channel.OPPO: oppo, Channel.VIVO: vivo,
}  # fmt: skip
TELL_OF_DEAD_TOKENS = [channel for channel in SAYS if channel not in (Channel.HONOR, Channel.VIVO)]
every_vendor = pytest.mark.parametrize("channel", SAYS, ids=lambda channel: channel.label)


@pytest.fixture
def sent(workspace: Workspace) -> Callable[[Channel], tuple[VendorAccount, Message]]:
    """A message that the vendor has accepted, for a device with the token `tok`."""

    def make(channel: Channel) -> tuple[VendorAccount, Message]:
        # Switched off: what was sent before is still heard of.
        account = VendorAccount.objects.create(workspace=workspace, channel=channel, enabled=False)
        known, _ = devices.register([(workspace, Facts(manufacturer="X", model="1"))])[0]
        Device.objects.filter(pk=known.id).update(third_channel=channel, third_token="tok")
        task = push.accept(
            workspace,
            requests.SimplePush(
                delivery_type=1, expired_seconds=300, title="t", content="c", target_msgkey={known.ad_token: "k"}
            ),
            source=PushTask.Source.RPC,
            author="",
        )
        message = Message.objects.get(task=task)
        VendorMessage.objects.create(
            message_id=message.pk, workspace_id=workspace.pk, channel=channel, task_id=task.pk, device_id=known.id
        )
        outcomes.record([Outcome(message.pk, 2, channel)])
        return account, message

    return make


def post(account: VendorAccount, said: tuple[bytes, str], **headers: str) -> Any:
    body, kind = said
    return Client().post(f"/vendor/receipts/{account.receipt_key}", body, content_type=kind, headers=headers)


@every_vendor
def test_an_arrival_is_counted_once(sent: Callable[..., Any], channel: Channel) -> None:
    account, message = sent(channel)
    before = PushTask.objects.get(pk=message.task_id).arrival_count
    said = SAYS[channel](message.task_id, "tok", "arrived")
    answers = [post(account, said), post(account, said)]
    assert [answer.status_code for answer in answers] == [200, 200]
    message.refresh_from_db()
    assert message.arrived_at is not None
    told_by_receipt = channel is not Channel.HARMONYOS  # whose acceptance counts as arrival
    assert PushTask.objects.get(pk=message.task_id).arrival_count == before + told_by_receipt


@pytest.mark.parametrize("channel", TELL_OF_DEAD_TOKENS, ids=lambda channel: channel.label)
def test_a_dead_token_is_forgotten(sent: Callable[..., Any], channel: Channel) -> None:
    account, message = sent(channel)
    post(account, SAYS[channel](message.task_id, "tok", "gone"))
    assert Device.objects.get(pk=message.device_id).third_token == ""


@every_vendor
def test_any_other_word_changes_nothing(sent: Callable[..., Any], channel: Channel) -> None:
    account, message = sent(channel)
    arrived = Message.objects.get(pk=message.pk).arrived_at
    assert post(account, SAYS[channel](message.task_id, "tok", "muted")).status_code == 200
    assert post(account, SAYS[channel](message.task_id, "another", "gone")).status_code == 200
    assert post(account, SAYS[channel](12345, "tok", "arrived")).status_code == 200
    assert Message.objects.get(pk=message.pk).arrived_at == arrived
    assert Device.objects.get(pk=message.device_id).third_token == "tok"


@every_vendor
def test_an_account_says_nothing_of_anothers_devices(sent: Callable[..., Any], app: App, channel: Channel) -> None:
    _, message = sent(channel)
    other = Workspace.objects.create(app=app, workspace_id="other")
    stranger = VendorAccount.objects.create(workspace=other, channel=channel)
    assert post(stranger, SAYS[channel](message.task_id, "tok", "gone")).status_code == 200
    assert Device.objects.get(pk=message.device_id).third_token == "tok"


@every_vendor
@pytest.mark.parametrize("body", [b"", b"null", b"[1]", b'{"a": 1}', b"\xff\xfe", b'{"statuses": [{}]}', b"data=1"])
def test_what_is_no_receipt_is_refused(sent: Callable[..., Any], channel: Channel, body: bytes) -> None:
    account, _ = sent(channel)
    assert post(account, (body, JSON)).status_code == 400


def test_only_who_knows_the_address_is_heard(sent: Callable[..., Any]) -> None:
    account, _ = sent(Channel.OPPO)
    for key in ("", "x", account.receipt_key[:-1], "x" * 100):
        assert Client().post(f"/vendor/receipts/{key}", b"[]", content_type=JSON).status_code == 404
    assert Client().get(f"/vendor/receipts/{account.receipt_key}").status_code == 405
    fcm = VendorAccount.objects.create(workspace=account.workspace, channel=Channel.FCM)
    assert post(fcm, (b"[]", JSON)).status_code == 404


def test_the_address_stays_out_of_the_log(sent: Callable[..., Any], capfd: pytest.CaptureFixture[str]) -> None:
    account, _ = sent(Channel.OPPO)
    post(account, (b"nonsense", JSON))
    post(account, (b"[]", JSON))
    assert account.receipt_key not in "".join(capfd.readouterr())


def test_a_huge_body_is_refused(sent: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    account, message = sent(Channel.OPPO)
    monkeypatch.setattr(receipts, "MAX_BYTES", 10)
    assert post(account, oppo(message.task_id, "tok", "arrived")).status_code == 400


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
    said = huawei(message.task_id, "tok", "arrived")
    key = b"secret-key" if stored.endswith("==") else stored.encode()
    for forged in ("", "nonsense", _signed(b"other", "shop"), _signed(key, "else"), _signed(key, "shop", age=3600)):
        assert post(account, said, **{"X-HUAWEI-CALLBACK-ID": forged}).status_code == 400
    assert Message.objects.get(pk=message.pk).arrived_at is None
    assert post(account, said, **{"X-HUAWEI-CALLBACK-ID": _signed(key, "shop")}).status_code == 200
    assert Message.objects.get(pk=message.pk).arrived_at is not None
