"""Receipts are signed verifiably, delivered at least once, and never sent into our own network."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from django.utils import timezone
from pytest_django import Settings

from pushcore.callbacks import receipts, sender, webhook_client
from pushcore.channels import Channel
from pushcore.codes import statuses
from pushcore.delivery import outcomes
from pushcore.devices import server_requests
from pushcore.devices.registry import KnownDevice
from pushcore.models import Message, PushTask, Receipt, ReceiptAttempt, Workspace
from pushcore.ports import Outcome
from pushcore.security import addresses, crypto, keys
from tests.pushcore.conftest import CallbackServer, RecordingLane


@pytest.fixture
def receipt(
    send: Callable[..., PushTask],
    lane: RecordingLane,
    known: KnownDevice,
    workspace: Workspace,
    callback: CallbackServer,
    settings: Settings,
) -> Receipt:
    settings.RECEIPT_ALLOW_PRIVATE = True
    workspace.callback_enabled, workspace.callback_url = True, callback.url
    workspace.save()
    send({known.ad_token: "order-1"}, delivery_type=1)
    outcomes.record([Outcome(Message.objects.get().pk, statuses.ACKED)])
    return Receipt.objects.get()


def come_due() -> None:
    """Some time ago: this host's clock and the database's, which the sender goes by, differ by a little."""
    Receipt.objects.update(next_attempt_at=timezone.now() - timedelta(minutes=1))


@pytest.mark.django_db
@pytest.mark.parametrize(("delivery_type", "target"), [(2, "a1" * 32), (3, "ann")])
def test_a_receipt_names_an_ios_device_by_its_apns_token(
    send: Callable[..., PushTask], lane: RecordingLane, workspace: Workspace, delivery_type: int, target: str
) -> None:
    workspace.callback_enabled, workspace.callback_url = True, "https://backend.example/r"
    workspace.save()
    server_requests.bind(workspace, "ann", "a1" * 32, 2)
    send({target: "order-1"}, delivery_type=delivery_type)
    outcomes.record([Outcome(Message.objects.get().pk, statuses.ACKED, Channel.APNS)])
    body = json.loads(Receipt.objects.get().body)
    assert body["extInfo"] == {"adToken": "a1" * 32, "osType": "ios"}
    assert body["targetId"] == target


@pytest.mark.django_db(transaction=True)
def test_the_receipt_contains_the_outcome(receipt: Receipt, callback: CallbackServer, known: KnownDevice) -> None:
    sender.send_due()
    [(_, body)] = callback.requests
    assert json.loads(body) == {
        "extInfo": {"adToken": known.ad_token, "osType": "android"},
        "msgId": "order-1",
        "pushSuccess": True,
        "statusCode": "2",
        "statusDesc": "Acked",
        "targetId": known.ad_token,
    }
    receipt.refresh_from_db()
    assert receipt.state == Receipt.State.DELIVERED
    assert ReceiptAttempt.objects.get().http_status == 200


@pytest.mark.django_db(transaction=True)
def test_openssl_verifies_the_receipt_with_the_public_key(
    receipt: Receipt, callback: CallbackServer, workspace: Workspace, tmp_path: Path
) -> None:
    sender.send_due()
    [(path, body)] = callback.requests
    [sign] = parse_qs(urlsplit(path).query)["sign"]
    (tmp_path / "body").write_bytes(body)
    (tmp_path / "sign").write_bytes(base64.urlsafe_b64decode(sign))
    (tmp_path / "key.pem").write_text(keys.callback_key(workspace).public_pem)
    verdict = subprocess.run(
        ["openssl", "dgst", "-sha256", "-verify", "key.pem", "-signature", "sign", "body"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert verdict.stdout.strip() == "Verified OK"


@pytest.mark.django_db(transaction=True)
def test_a_refused_receipt_is_retried_later(receipt: Receipt, callback: CallbackServer) -> None:
    callback.answers = [(503, "")]
    sender.send_due()
    receipt.refresh_from_db()
    assert (receipt.state, receipt.attempt_count) == (Receipt.State.DUE, 1)
    assert receipt.next_attempt_at > timezone.now()
    assert sender.send_due() == 0
    come_due()
    sender.send_due()
    receipt.refresh_from_db()
    assert receipt.state == Receipt.State.DELIVERED
    assert [attempt.http_status for attempt in receipt.attempts.all()] == [503, 200]


@pytest.mark.django_db(transaction=True)
def test_delays_grow_and_end_after_24_hours(receipt: Receipt, callback: CallbackServer) -> None:
    callback.answers = [(500, "")] * 4
    delays = []
    for _ in range(3):
        sender.send_due()
        receipt.refresh_from_db()
        delays.append((receipt.next_attempt_at - receipt.attempts.last().at).total_seconds())  # type: ignore[union-attr]
        come_due()
    assert 2.5 <= delays[0] <= 5 <= delays[1] <= 10 <= delays[2] <= 20
    Receipt.objects.update(created_at=timezone.now() - timedelta(hours=24))
    sender.send_due()
    receipt.refresh_from_db()
    assert receipt.state == Receipt.State.FAILED


@pytest.mark.django_db(transaction=True)
def test_a_sender_that_died_leaves_the_receipt_to_the_next(receipt: Receipt, callback: CallbackServer) -> None:
    assert receipts.QUEUE.lease({receipt.workspace_id: 10})  # and then the process was killed
    assert sender.send_due() == 0
    come_due()  # the lease runs out
    assert sender.send_due() == 1
    assert len(callback.requests) == 1


@pytest.mark.django_db(transaction=True)
def test_a_private_address_is_refused(receipt: Receipt, callback: CallbackServer, settings: Settings) -> None:
    settings.RECEIPT_ALLOW_PRIVATE = False
    sender.send_due()
    assert callback.requests == []
    assert "private" in ReceiptAttempt.objects.get().error


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("typed", "path", "query"),
    [
        ("", "/receipts", []),
        ("?", "/receipts", []),
        ("?of=shop", "/receipts", [("of", "shop")]),
        ("#fragment", "/receipts", []),
        ("?of=shop#fragment", "/receipts", [("of", "shop")]),
        ("/回执/a b?名=值", "/receipts/%E5%9B%9E%E6%89%A7/a%20b", [("名", "值")]),
        ("/%E5%9B%9E", "/receipts/%E5%9B%9E", []),
    ],
)
def test_a_receipt_is_signed_and_reaches_the_configured_path(
    receipt: Receipt,
    callback: CallbackServer,
    workspace: Workspace,
    typed: str,
    path: str,
    query: list[tuple[str, str]],
) -> None:
    Workspace.objects.update(callback_url=callback.url + typed)
    sender.send_due()
    [(called, body)] = callback.requests
    *others, (name, signature) = parse_qsl(urlsplit(called).query)
    assert (urlsplit(called).path, others, name) == (path, query, "sign")
    assert crypto.verify(body, signature, keys.callback_key(workspace).public_pem)


@pytest.mark.django_db(transaction=True)
def test_an_invalid_callback_url_counts_as_a_failed_attempt(receipt: Receipt) -> None:
    Workspace.objects.update(callback_url="https://")
    sender.send_due()
    assert ReceiptAttempt.objects.get().error
    receipt.refresh_from_db()
    assert receipt.state == Receipt.State.DUE


def test_a_redirect_to_a_private_address_is_refused_when_its_socket_opens(callback: CallbackServer) -> None:
    opened: list[str] = []

    def public_only_first(address: str) -> bool:
        opened.append(address)
        return len(opened) == 1

    callback.answers = [(307, f"http://localhost:{callback.server_address[1]}/again")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(addresses, "is_public", public_only_first)
        [result] = webhook_client.post([webhook_client.WebhookRequest(callback.url, b"{}")], allow_private=False)
    assert "private" in result.error
    assert not result.accepted
    assert len(callback.requests) == 1
    assert len(opened) >= 2


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1/", "file:///etc/passwd", "http://", "nonsense", "http://no.such.invalid/"]
)
def test_a_url_that_cannot_be_posted_to_is_an_error_not_an_exception(url: str) -> None:
    [result] = webhook_client.post([webhook_client.WebhookRequest(url, b"{}")], allow_private=True)
    assert not result.accepted
    assert result.error
