"""The sender of receipts with real endpoints: one that hangs delays no other, and slow ones are not punished."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone
from pytest_django import Settings

from pushcore.callbacks import post_queue, receipts, sender_signals, webhook_client
from pushcore.callbacks.sender import Sender
from pushcore.models import App, Receipt, ReceiptAttempt, Workspace
from pushcore.security import crypto, keys
from pushcore.storage import ids
from tests.pushcore.conftest import CallbackServer
from tests.support.serving import serving

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def our_own_machine(settings: Settings) -> None:
    settings.RECEIPT_ALLOW_PRIVATE = True


@pytest.fixture
def hanging() -> Iterator[str]:
    """Return a URL that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/receipts"


@pytest.fixture
def owed(app: App) -> Callable[[str, int], Workspace]:
    """Create a workspace with this callback URL and so many receipts due."""

    def make(url: str, count: int) -> Workspace:
        workspace = Workspace.objects.create(
            app=app, workspace_id=f"w{Workspace.objects.count()}", callback_enabled=True, callback_url=url
        )
        keys.callback_key(workspace)
        now = timezone.now() - timedelta(minutes=1)
        Receipt.objects.bulk_create(
            Receipt(workspace=workspace, message_id=number, target="t", body="{}", created_at=now, next_attempt_at=now)
            for number in ids.new_ids(count)
        )
        return workspace

    return make


def run(sending: Sender) -> None:
    try:
        sending.run()
    finally:
        connections.close_all()


@pytest.fixture
def sender() -> Iterator[Sender]:
    """Run the sender in a thread."""
    sending = Sender()
    thread = threading.Thread(target=run, args=[sending], daemon=True)
    thread.start()
    yield sending
    sending.stop()
    thread.join(20)
    assert not thread.is_alive()


def delivered(workspace: Workspace, count: int, *, within: float = 30.0) -> bool:
    """Tell whether so many of a workspace's receipts are delivered in time."""
    deadline = time.monotonic() + within
    done = Receipt.objects.filter(workspace=workspace, state=Receipt.State.DELIVERED)
    while done.count() < count:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_an_endpoint_that_hangs_with_thousands_due_delays_nobody(
    owed: Callable[[str, int], Workspace],
    hanging: str,
    callback: CallbackServer,
    sender: Sender,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The other's are delivered before the first call has timed out, though they came due later."""
    dead = owed(hanging, 2_000)
    deadline = time.monotonic() + 10
    while not sender._in_flight and time.monotonic() < deadline:
        time.sleep(0.01)
    well = owed(callback.url, 300)
    assert delivered(well, 300, within=webhook_client.TIMEOUT_MS / 1000 - 1)
    assert not ReceiptAttempt.objects.filter(receipt__workspace=dead).exists()
    assert sum(queue.in_flight for queue in sender._queues.values()) <= 2


def test_an_endpoint_that_hangs_is_paused_and_holds_no_lease(
    owed: Callable[[str, int], Workspace], hanging: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_client, "TIMEOUT_MS", 200)
    dead = owed(hanging, 50)
    Sender().drain(10)
    assert 3 <= ReceiptAttempt.objects.count() <= 5
    assert not ReceiptAttempt.objects.filter(http_status__isnull=False).exists()
    # The others are as due as they were.
    assert Receipt.objects.filter(workspace=dead, next_attempt_at__lte=timezone.now()).count() >= 45


def test_two_workspaces_with_many_receipts_due_share_the_sender(
    owed: Callable[[str, int], Workspace], callback: CallbackServer
) -> None:
    first, second = owed(callback.url, 400), owed(f"{callback.url}?of=second", 20)
    Sender().drain(30)
    came = ["of=second" in path for path, _ in callback.requests]
    assert len(came) == 420
    assert came.index(True) < 60
    assert len(came) - 1 - came[::-1].index(True) < 200
    assert {row.state for row in Receipt.objects.filter(workspace__in=(first, second))} == {Receipt.State.DELIVERED}


class OneAtATime(CallbackServer):
    """A slow backend with one worker that records the connections opened to it."""

    seconds = 0.2

    def __init__(self) -> None:
        super().__init__()
        self.working = threading.Lock()
        self.connections = 0
        self.at_once = self.most_at_once = 0

    def process_request(self, request: object, client_address: object) -> None:
        self.connections += 1
        super().process_request(request, client_address)  # type: ignore[arg-type]

    def work(self) -> None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        with self.working:
            time.sleep(self.seconds)
        self.at_once -= 1


@pytest.fixture
def slow() -> Iterator[OneAtATime]:
    with serving(OneAtATime()) as server:
        yield server


def test_a_slow_healthy_endpoint_gets_as_many_receipts_as_it_accepts_on_open_connections(
    owed: Callable[[str, int], Workspace], slow: OneAtATime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All takes twice as long as a single call may, and no attempt counts as timed out."""
    monkeypatch.setattr(webhook_client, "TIMEOUT_MS", 4_000)
    slow.seconds = 0.1
    workspace = owed(slow.url, 80)
    assert Sender().drain(60) == 80
    assert set(ReceiptAttempt.objects.values_list("http_status", "error")) == {(200, "")}
    assert Receipt.objects.filter(workspace=workspace, state=Receipt.State.DELIVERED).count() == 80
    assert slow.most_at_once < 9
    assert slow.connections <= slow.most_at_once


def test_a_notification_that_receipts_are_due_wakes_the_sender_at_once(
    owed: Callable[[str, int], Workspace],
    callback: CallbackServer,
    sender: Sender,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pushcore.callbacks.sender.POLL_SECONDS", 3600.0)
    for _ in range(2):
        workspace = owed(callback.url, 1)
        sender_signals.wake_sender()
        assert delivered(workspace, 1)
    assert sender_signals.is_alive()


def test_a_stopped_sender_records_answered_receipts_and_releases_the_others(
    owed: Callable[[str, int], Workspace], slow: OneAtATime
) -> None:
    workspace = owed(slow.url, 40)
    sending = Sender()
    thread = threading.Thread(target=run, args=[sending])
    thread.start()
    deadline = time.monotonic() + 10
    while len(slow.requests) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    sending.stop()
    thread.join(15)
    assert not thread.is_alive()
    mine = Receipt.objects.filter(workspace=workspace)
    sent = mine.filter(state=Receipt.State.DELIVERED).count()
    assert sent == len(slow.requests) == ReceiptAttempt.objects.count()
    assert mine.filter(state=Receipt.State.DUE, next_attempt_at__lte=timezone.now()).count() == 40 - sent


def test_receipts_of_an_endpoint_that_is_down_for_days_end_though_not_each_could_be_tried(
    owed: Callable[[str, int], Workspace], hanging: str
) -> None:
    dead = owed(hanging, 5)
    Receipt.objects.filter(pk__in=Receipt.objects.values("pk")[:3]).update(
        next_attempt_at=timezone.now() - post_queue.GIVE_UP_AFTER
    )
    assert receipts.QUEUE.give_up_overdue([dead.pk]) == 3
    ended = Receipt.objects.filter(state=Receipt.State.FAILED)
    assert [row.finished_at is not None for row in ended] == [True] * 3


@pytest.mark.parametrize(
    "sealed", ["not sealed by us", crypto.encrypt("no key in PEM form")], ids=["another's seal", "no key within"]
)
def test_a_workspace_whose_key_cannot_be_read_holds_up_no_other(
    owed: Callable[[str, int], Workspace], callback: CallbackServer, sealed: str
) -> None:
    broken, well = owed(callback.url, 3), owed(callback.url, 3)
    key = keys.callback_key(broken)
    key.private_sealed = sealed
    key.save()
    Sender().drain(10)
    assert {row.workspace_id for row in Receipt.objects.filter(state=Receipt.State.DELIVERED)} == {well.pk}
    assert "cannot be read" in ReceiptAttempt.objects.filter(receipt__workspace=broken)[0].error
