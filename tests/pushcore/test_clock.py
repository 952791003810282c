"""The database's clock decides about validities, however wrong a host's clock is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from django.db import connection
from django.db.models import Q
from django.utils import timezone
from structlog.testing import capture_logs

from channels_vendor.base.lifetime import seconds_left
from mps_project.observability import readiness
from pushcore.api import replay_protection
from pushcore.broadcast import broadcasts
from pushcore.callbacks import post_queue, receipts
from pushcore.codes.results import ResultError
from pushcore.delivery import deliverable, outcomes, sweeper
from pushcore.devices.client_bind import check_client_may_bind
from pushcore.devices.registry import KnownDevice
from pushcore.models import AccessKey, Device, Message, PushTask, Receipt, Workspace
from pushcore.push import pushes, templates
from pushcore.push.requests import BroadcastPush
from pushcore.push.templates import TemplateDraft
from pushcore.storage import clock
from tests.pushcore.conftest import RecordingLane

HOUR = 3600.0
Send = Callable[..., PushTask]


class WrongTime:
    """`time` of a host whose clock is ahead by `seconds`; its monotonic clock is right."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.monotonic = time.monotonic

    def time(self) -> float:
        return time.time() + self.seconds


@contextmanager
def host_ahead(monkeypatch: pytest.MonkeyPatch, seconds: float) -> Iterator[None]:
    """Run as a host with a wrong clock that opens its database connection now."""
    with monkeypatch.context() as host:
        host.setattr(clock, "system", WrongTime(seconds))
        host.setattr(timezone, "now", lambda: datetime.fromtimestamp(time.time() + seconds, UTC))
        host.setattr(clock, "_reading", None)
        host.setattr(clock, "_warned_at", float("-inf"))
        with connection.cursor() as cursor:
            clock.read(cursor)
        yield


def database_now() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


@pytest.mark.django_db
@pytest.mark.parametrize("ahead", [-HOUR, 0, HOUR])
def test_a_push_is_valid_as_long_as_it_says_whatever_the_web_hosts_clock(
    send: Send, known: KnownDevice, lane: RecordingLane, monkeypatch: pytest.MonkeyPatch, ahead: float
) -> None:
    with host_ahead(monkeypatch, ahead):
        task = send({known.ad_token: "k"}, delivery_type=1, expired_seconds=300)
    left = task.expire_at - database_now()
    assert timedelta(seconds=240) < left <= timedelta(seconds=300)
    [message] = Message.objects.all()
    assert message.expire_at == task.expire_at
    assert [outgoing.message_id for outgoing in deliverable.by_id([message.pk])] == [message.pk]


@pytest.mark.django_db
@pytest.mark.parametrize("ahead", [-HOUR, HOUR])
def test_a_valid_message_is_valid_on_every_host(
    send: Send,
    workspace: Workspace,
    known: KnownDevice,
    lane: RecordingLane,
    monkeypatch: pytest.MonkeyPatch,
    ahead: float,
) -> None:
    templates.create(workspace, TemplateDraft("news", "d", "News", "Body"))
    task = send({known.ad_token: "k"}, delivery_type=1, expired_seconds=300)
    request = BroadcastPush(delivery_type=1, expired_seconds=300, template_name="news", msgkey="b")
    broadcast = pushes.accept(workspace, request, source=PushTask.Source.RPC, author="")
    with host_ahead(monkeypatch, ahead):
        assert not Message.objects.get().is_expired
        assert 240 < seconds_left(task.expire_at) <= 300
        assert broadcasts.read_active(())[0] == [broadcast.pk]
        assert broadcasts.is_active() & Q(expire_at__gt=database_now())
        lane.got.clear()
        monkeypatch.setattr("pushcore.delivery.sweeper.settings.SWEEP_AFTER_SECONDS", 0)
        sweeper.sweep()
        assert [outgoing.message_id for outgoing in lane.got] == [Message.objects.get().pk]


@pytest.mark.django_db
def test_a_host_reports_how_far_its_clock_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    for ahead, warned in ((1.0, False), (-HOUR, True), (HOUR, True)):
        with capture_logs() as logs, host_ahead(monkeypatch, ahead):
            assert clock.offset() == pytest.approx(ahead, abs=0.5)
            assert clock.OFFSET._value.get() == pytest.approx(ahead, abs=0.5)
            assert abs((clock.now() - database_now()).total_seconds()) < 0.5
        assert [line["log_level"] for line in logs if "clock" in line["event"]] == ["warning"] * warned


@pytest.mark.django_db
def test_a_host_is_not_ready_while_its_clock_is_far_off(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.MAX_CLOCK_OFFSET_SECONDS = 30
    assert readiness.describe_clock_faults({"web": -29.0, "gateway a": 31.0}) == [
        "gateway a: its clock is +31 s off the database's"
    ]
    with host_ahead(monkeypatch, HOUR):
        assert "web: its clock is +3600 s off the database's" in readiness.missing_parts()
    assert not [entry for entry in readiness.missing_parts() if entry.startswith("web:")]


@pytest.mark.django_db(transaction=True)
def test_the_databases_clock_is_read_with_every_connection_and_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "_reading", None)
    connection.close()
    connection.ensure_connection()
    first = clock._reading
    assert first is not None
    clock.refresh()
    assert clock._reading is first
    monkeypatch.setattr(clock, "REFRESH_AFTER_SECONDS", -1.0)
    clock.refresh()
    assert clock._reading is not first


@pytest.mark.django_db
@pytest.mark.parametrize("ahead", [-HOUR, HOUR])
def test_a_receipt_is_sent_when_it_is_due_whatever_the_senders_clock(
    send: Send, workspace: Workspace, known: KnownDevice, monkeypatch: pytest.MonkeyPatch, ahead: float
) -> None:
    workspace.callback_enabled, workspace.callback_url = True, "https://backend.example/receipts"
    workspace.save()
    send({known.ad_token: "k"}, delivery_type=1)
    outcomes.record_acknowledged([Message.objects.get().pk])
    # Two readings of the database's clock may differ by milliseconds.
    Receipt.objects.update(next_attempt_at=database_now() - timedelta(seconds=1))
    with host_ahead(monkeypatch, ahead):
        assert receipts.QUEUE.due_endpoints() == {workspace.pk}
        [leased] = receipts.QUEUE.lease({workspace.pk: 10})
        # Another host's sender leaves it to this one, for as long as a lease is.
        left = Receipt.objects.get().next_attempt_at - database_now()
        assert timedelta(seconds=50) < left <= post_queue.LEASE
        receipts.QUEUE.release([leased])
        assert [one.key for one in receipts.QUEUE.lease({workspace.pk: 10})] == [leased.key]


@pytest.mark.django_db
@pytest.mark.parametrize("ahead", [-HOUR, HOUR])
def test_a_backends_signature_is_fresh_on_every_host(monkeypatch: pytest.MonkeyPatch, ahead: float) -> None:
    with host_ahead(monkeypatch, ahead):
        assert replay_protection.is_fresh(database_now())
        assert not replay_protection.is_fresh(database_now() + timedelta(seconds=ahead))


@pytest.mark.django_db
@pytest.mark.parametrize("ahead", [-HOUR, HOUR])
def test_a_bind_token_is_valid_for_its_time_whatever_the_gateways_clock(
    workspace: Workspace,
    known: KnownDevice,
    access_key: tuple[AccessKey, str],
    monkeypatch: pytest.MonkeyPatch,
    ahead: float,
) -> None:
    Workspace.objects.update(client_bind=Workspace.ClientBind.SIGNED)
    device = Device.objects.select_related("workspace").get(pk=known.id)

    def token(**times: object) -> str:
        return jwt.encode({"userId": "ann", "adToken": device.ad_token} | times, access_key[1], algorithm="HS256")

    now = database_now().timestamp()
    with host_ahead(monkeypatch, ahead):
        check_client_may_bind(device, "ann", token(exp=now + 300, nbf=now - 1))
        for unfit in (
            token(exp=now - 60), token(exp=now + 1200), token(exp=now + 300, nbf=now + 60), token(exp=[]),
            token(exp=float("nan")), token(exp=10**400),
        ):  # fmt: skip
            with pytest.raises(ResultError):
                check_client_may_bind(device, "ann", unfit)


class StandingHost:
    """`time` of a host whose clocks move when they are told to."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now


class LateCursor:
    """A cursor of a database whose clock says `at`, and whose answer takes `seconds`."""

    def __init__(self, host: StandingHost, at: float, seconds: float) -> None:
        self.host, self.at, self.seconds = host, at, seconds

    def execute(self, sql: str) -> None:
        self.host.now += self.seconds

    def fetchone(self) -> tuple[float]:
        return (self.at,)


def test_a_late_answer_takes_the_place_of_a_precise_one_only_as_that_grows_old(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy host a reading would else be wrong by half of the time that its answer took."""
    host = StandingHost()
    monkeypatch.setattr(clock, "system", host)
    monkeypatch.setattr(clock, "_reading", None)
    monkeypatch.setattr(clock, "_warned_at", float("inf"))
    clock.read(LateCursor(host, 5000.0, 0.5))
    assert clock.time() == 5000.25
    clock.read(LateCursor(host, 5000.0, 0.002))
    assert clock.time() == 5000.001
    clock.read(LateCursor(host, 5000.0, 0.4))
    assert clock.time() == pytest.approx(5000.401)
    host.now += 600
    clock.read(LateCursor(host, 7000.0, 0.4))
    assert clock.time() == pytest.approx(7000.2)
