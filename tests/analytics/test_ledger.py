"""Sums equal a recount of rows and events, whatever is pushed, lost, repeated or late."""

from __future__ import annotations

import contextlib
import io
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import Sum
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from analytics import api_queries, queries, rollups
from analytics.changes import Metric
from analytics.intake import take
from analytics.models import Change, MessageEvent, MinuteRollup, QuarterRollup, StatusRollup
from analytics.queries import Granularity, Report
from pushcore.broadcast import acknowledgements
from pushcore.channels import Channel, Platform
from pushcore.codes.results import ResultError
from pushcore.delivery import expiry, outcomes
from pushcore.devices import bindings, registry
from pushcore.devices.info import DeviceInfo
from pushcore.models import App, Broadcast, Device, Message, PushTask, Watermark, Workspace
from pushcore.ports import AnalysisFilter, BroadcastArrival, DeviceEvent, Outcome
from pushcore.push import pushes, templates
from pushcore.push.requests import BroadcastPush, SimplePush
from pushcore.push.templates import TemplateDraft
from pushcore.revocation import revocations
from pushcore.storage import ids
from tests.pushcore.conftest import RecordingLane

RPC: dict[str, Any] = {"source": PushTask.Source.RPC, "author": "test"}
VERSIONS = ("1.0", "2.0")


@pytest.fixture
def browser(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


# (what, a number that picks whom or what about)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["push", "push", "push", "record", "record", "acknowledge", "acknowledge", "moved", "vendor", "dead",
             "arrive", "event", "event", "broadcast", "reach", "reach", "revoke", "expire", "bind", "fold"]
        ),
        st.integers(0, 11),
    ),
    min_size=5,
    max_size=40,
)  # fmt: skip


@pytest.fixture(autouse=True)
def lane(monkeypatch: pytest.MonkeyPatch) -> RecordingLane:
    keeping = RecordingLane()
    monkeypatch.setattr("pushcore.ports._lanes", [(1, keeping)])
    return keeping


class World:
    """A workspace with four devices and two users, and the pushes made in it."""

    def __init__(self, app: App) -> None:
        self.workspace = Workspace.objects.create(app=app, workspace_id=f"w{uuid4().hex[:12]}")
        templates.create(self.workspace, TemplateDraft("news", "d", "News", "Body"))
        infos = [DeviceInfo(app_version=VERSIONS[n % 2]) for n in range(3)]
        infos.append(DeviceInfo(platform=Platform.IOS, third_token=uuid4().hex, app_version="9"))
        self.devices = [
            Device.objects.get(pk=d.id) for d, _ in registry.register([(self.workspace, info) for info in infos])
        ]
        self.broadcasts: list[int] = []
        self.number = 0

    def do(self, what: str, number: int) -> None:
        getattr(self, f"do_{what}")(number)

    def messages(self) -> list[Message]:
        rows = Message.objects.filter(workspace=self.workspace).exclude(task__kind="revoke")
        return list(rows.order_by("pk"))

    def one(self, number: int) -> Iterator[Message]:
        found = self.messages()
        if found:
            yield found[number % len(found)]

    def do_push(self, number: int) -> None:
        target, kind = [
            (self.devices[0].ad_token, 1), (self.devices[1].ad_token, 1), (self.devices[3].third_token, 2),
            ("ann", 3), ("bob", 3), ("unknown", 1),
        ][number % 6]  # fmt: skip
        self.number += 1
        request = SimplePush(
            delivery_type=kind, expired_seconds=600, title="T", content="C", target_msgkey={target: f"k{self.number}"}
        )
        pushes.accept(self.workspace, request, **RPC)

    def do_record(self, number: int) -> None:
        for message in self.one(number):
            if message.device_id is not None:
                outcomes.record([Outcome(message.pk, 2)] * (1 + number % 2))

    def do_acknowledge(self, number: int) -> None:
        """Acknowledge several messages at once, waiting ones and others."""
        outcomes.record_acknowledged([message.pk for message in self.messages()[number % 3 :][:4]])

    def do_moved(self, number: int) -> None:
        """Acknowledge a message and move it to another device in one statement, which the service never does."""
        now = timezone.now()
        rows = Message.objects.filter(pk__in=[message.pk for message in self.messages()[:2]], status=0)
        rows.update(status=2, arrived_at=now, updated_at=now, device=self.devices[number % 3])

    def do_vendor(self, number: int) -> None:
        for message in self.one(number):
            if message.device_id is not None:
                outcomes.record([Outcome(message.pk, 2, [Channel.FCM, Channel.XIAOMI][number % 2])])

    def do_dead(self, number: int) -> None:
        for message in self.one(number):
            outcomes.record([Outcome(message.pk, [90000003, 90000007][number % 2], Channel.FCM)])

    def do_arrive(self, number: int) -> None:
        for message in self.one(number):
            outcomes.record_arrivals([message.pk, message.pk])

    def do_event(self, number: int) -> None:
        kind = ["arrived", "opened", "ignored"][number % 3]
        at = timezone.now() + timedelta(minutes=[-500, -1, 0, 700][number % 4])
        for message in self.one(number):
            if message.device_id is not None:
                take([DeviceEvent(self.workspace.pk, message.device_id, message.pk, kind, at)] * 2)
        for task_id in self.broadcasts[:1]:
            take([DeviceEvent(self.workspace.pk, self.devices[number % 3].pk, task_id, kind, at)])

    def do_broadcast(self, number: int) -> None:
        self.number += 1
        request = BroadcastPush(
            delivery_type=1, expired_seconds=600, template_name="news", msgkey=f"b{self.number}"
        )  # fmt: skip
        self.broadcasts.append(pushes.accept(self.workspace, request, **RPC).pk)

    def do_reach(self, number: int) -> None:
        if self.broadcasts:
            reached = self.broadcasts[: 1 + number % len(self.broadcasts)]
            acknowledgements.record([BroadcastArrival(self.devices[number % 3].pk, reached[-1], tuple(reached))])

    def do_revoke(self, number: int) -> None:
        for message in self.one(number):
            with contextlib.suppress(ResultError):  # it was revoked before
                revocations.revoke_message(self.workspace, message.msgkey, message.target)

    def do_expire(self, number: int) -> None:
        """Let a push's validity end, and time pass."""
        for message in self.one(number):
            over = timezone.now() - timedelta(hours=1)
            PushTask.objects.filter(pk=message.task_id).update(expire_at=over)
            Message.objects.filter(task=message.task_id).update(expire_at=over)
            Watermark.objects.all().delete()
            expiry.expire_due()
            task = PushTask.objects.get(pk=message.task_id)
            assert task.expired_count == task.own_messages().filter(status=-3).count()
            assert not task.own_messages().filter(status__in=(0, 1)).exists()

    def do_bind(self, number: int) -> None:
        bindings.bind(self.devices[number % 3], ["ann", "bob"][number % 2])

    def do_fold(self, number: int) -> None:
        rollups.fold()

    def recount(self) -> Counter[tuple[str, str, int, int]]:
        """Count (metric, kind, channel, platform) by reading each row."""
        found: Counter[tuple[str, str, int, int]] = Counter()
        for message in self.messages():
            if message.device is None:
                continue
            key = (message.task.kind, message.channel, message.device.platform)
            dead = message.channel == Channel.FCM and message.status == 90000003
            if message.status not in (1, -2) and not dead:
                found["pushed", *key] += 1
            found["accepted", *key] += message.status == 2
            found["arrived", *key] += message.arrived_at is not None
        for event in MessageEvent.objects.filter(workspace=self.workspace).select_related("device"):
            kind = PushTask.objects.get(pk=event.task_id or 0).kind
            if event.kind == "opened" or (event.kind == "ignored" and event.channel == 0):
                found[event.kind, kind, event.channel, event.device.platform] += 1
        for broadcast in Broadcast.objects.filter(workspace=self.workspace):
            for metric in ("pushed", "accepted", "arrived"):
                found[metric, "broadcast", 0, broadcast.platform] += broadcast.reached
        return +found

    def recount_statuses(self) -> Counter[tuple[str, int, int, datetime]]:
        """Count (kind, channel, status, quarter of an hour of the push) by reading each message."""
        found: Counter[tuple[str, int, int, datetime]] = Counter()
        for message in self.messages():
            found[message.task.kind, message.channel, message.status, _quarter(message.task_id)] += 1
        for broadcast in Broadcast.objects.filter(workspace=self.workspace):
            found["broadcast", 0, 2, _quarter(broadcast.task_id)] += broadcast.reached
        return +found

    def summed_statuses(self) -> Counter[tuple[str, int, int, datetime]]:
        found: Counter[tuple[str, int, int, datetime]] = Counter()
        for row in StatusRollup.objects.filter(workspace_id=self.workspace.pk).exclude(messages=0):
            found[row.kind, row.channel, row.status, row.start] += row.messages
        return found

    def summed(self) -> Counter[tuple[str, str, int, int]]:
        found: Counter[tuple[str, str, int, int]] = Counter()
        for row in MinuteRollup.objects.filter(workspace_id=self.workspace.pk):
            for metric in rollups.METRICS:
                found[metric, row.kind, row.channel, row.platform] += getattr(row, metric)
        return +found


@pytest.mark.django_db
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_sums_equal_a_plain_recount(app: App, steps: list[tuple[str, int]]) -> None:
    world = World(app)
    for what, number in steps:
        world.do(what, number)
    report = _whole_report(world.workspace)
    totals = queries.totals(report)
    counted = world.recount()
    assert world.summed() == counted
    of_statuses = world.recount_statuses()
    assert world.summed_statuses() == of_statuses
    by_status = queries.statuses_of(report)
    assert sum(one.count for one in by_status) == of_statuses.total()
    for metric, summed in zip(rollups.METRICS, _numbers(totals), strict=True):
        assert summed == sum(count for key, count in counted.items() if key[0] == metric)
    for step in (Granularity.DAY, Granularity.HOUR, Granularity.MINUTE):
        points = queries.series(report, step)
        assert [sum(column) for column in zip(*(_numbers(point.index) for point in points), strict=True)] == list(
            _numbers(totals)
        )
    for option in queries.options(report).channels:
        narrowed = queries.totals(Report(world.workspace, report.start, report.end, channel=option))
        assert narrowed.pushed == sum(n for key, n in counted.items() if key[0] == "pushed" and key[2] == option)
    assert not [found for found in rollups.differences() if found.workspace_id == world.workspace.pk]


# Each of them shows the sums above.
@pytest.mark.django_db
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_page_chart_export_and_api_show_the_sums(app: App, browser: Client, steps: list[tuple[str, int]]) -> None:
    world = World(app)
    for what, number in steps:
        world.do(what, number)
    _check_page_export_and_api(browser, world.workspace, queries.totals(_whole_report(world.workspace)))


def _whole_report(workspace: Workspace) -> Report:
    """The report of all that a world has."""
    now = timezone.now()
    return queries.report_of_days(workspace, now - timedelta(days=2), now + timedelta(days=2))


def _check_page_export_and_api(browser: Client, workspace: Workspace, totals: Any) -> None:
    """Compare page, export and API for today and yesterday, the days of all events here."""
    today = timezone.now().date()
    asked: dict[str, Any] = {"workspace": workspace.pk, "first": str(today - timedelta(days=1)), "last": str(today)}
    page = browser.get("/console/analysis/", asked)
    shown = [totals.pushed, totals.arrived, totals.opened, totals.ignored]
    assert [int(total.value.replace(",", "")) for total in page.context["totals"]] == shown
    assert [sum(series["data"]) for series in page.context["chart"]["quantity"]] == shown
    details = [index for _, index in page.context["rows"]]
    assert [sum(getattr(index, name) for index in details) for name in ("pushed", "arrived", "opened", "ignored")] == (
        shown
    )
    file = browser.post("/console/analysis/export/", asked | {"form": "xlsx"}).content
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(file)).get_sheet_by_name("Summary")
    summary = {row[0]: row[1] for row in sheet.to_python()}
    assert [summary[name] for name in ("Pushed", "Accepted", "Arrived", "Opened", "Ignored")] == list(_numbers(totals))
    now = timezone.now()
    api = api_queries.core_index(workspace, AnalysisFilter(start=now - timedelta(days=1), end=now))
    assert _numbers(api) == _numbers(totals)


def _quarter(id_: int) -> datetime:
    made = ids.created_at(id_)
    return made.replace(minute=made.minute // 15 * 15, second=0, microsecond=0)


def _numbers(index: Any) -> tuple[int, ...]:
    return index.pushed, index.succeeded, index.arrived, index.opened, index.ignored


def test_each_version_has_its_numbers(workspace: Workspace) -> None:
    fleet = registry.register([(workspace, DeviceInfo(app_version=version)) for version in ("1.0", "2.0", "2.0")])
    for number, (device, _) in enumerate(fleet):
        request = SimplePush(
            delivery_type=1, expired_seconds=600, title="T", content="C", target_msgkey={device.ad_token: f"k{number}"}
        )
        pushes.accept(workspace, request, **RPC)
    today = queries.report_of_days(workspace, timezone.now(), timezone.now(), app_version="2.0")
    assert queries.totals(today).pushed == 2
    assert queries.options(today).app_versions == ["1.0", "2.0"]


def test_a_transaction_that_is_undone_counts_nothing(workspace: Workspace) -> None:
    [(device, _)] = registry.register([(workspace, DeviceInfo())])
    request = SimplePush(
        delivery_type=1, expired_seconds=600, title="T", content="C", target_msgkey={device.ad_token: "k"}
    )
    with transaction.atomic():
        pushes.accept(workspace, request, **RPC)
        assert Change.objects.exists()
        transaction.set_rollback(True)
    assert not Change.objects.exists()


def test_messages_acknowledged_by_one_statement_are_counted_for_the_devices_they_went_to(workspace: Workspace) -> None:
    versions = [DeviceInfo(app_version=version) for version in ("1", "2", "3")]
    fleet = [device for device, _ in registry.register([(workspace, version) for version in versions])]
    for number, device in enumerate(fleet):
        request = SimplePush(
            delivery_type=1, expired_seconds=600, title="T", content="C", target_msgkey={device.ad_token: f"k{number}"}
        )
        pushes.accept(workspace, request, **RPC)
    rollups.fold()
    alike, moved, other = Message.objects.order_by("pk")
    outcomes.record_acknowledged([alike.pk])
    assert Change.objects.get().metrics == [Metric.ACCEPTED | Metric.ARRIVED | Metric.STATUS | Metric.WAITED]
    # One that goes to another device by the same statement counts there, and no longer for the one it had.
    now = timezone.now()
    rows = Message.objects.filter(pk__in=[moved.pk, other.pk])
    rows.update(status=2, arrived_at=now, updated_at=now, device=fleet[2].id)
    rollups.fold()
    assert not list(rollups.differences())
    cells = MinuteRollup.objects.values_list("app_version").annotate(Sum("pushed"), Sum("arrived"))
    assert sorted(cells) == [("1", 1, 1), ("2", 0, 0), ("3", 2, 2)]


def test_a_change_shared_by_a_statements_messages_is_stored_once_and_counted_for_each(workspace: Workspace) -> None:
    fleet = [device for device, _ in registry.register([(workspace, DeviceInfo())] * 3)]
    targets = {device.ad_token: f"k{number}" for number, device in enumerate(fleet[:2])}
    for target_msgkey in (targets, {fleet[2].ad_token: "k3"}):
        request = SimplePush(
            delivery_type=1, expired_seconds=600, title="T", content="C", target_msgkey=target_msgkey
        )  # fmt: skip
        pushes.accept(workspace, request, **RPC)
    first, second = PushTask.objects.order_by("pk")
    of_both = Change.objects.order_by("pk")[0]
    assert (len(of_both.metrics), len(of_both.minutes), of_both.tasks) == (1, 1, [first.pk])
    assert of_both.devices == [device.id for device in fleet[:2]]
    rollups.fold()
    outcomes.record_acknowledged(Message.objects.values_list("pk", flat=True))
    of_all = Change.objects.get()
    # In the order of PostgreSQL's join, which is none.
    assert (len(of_all.minutes), sorted(of_all.tasks)) == (1, [first.pk, first.pk, second.pk])
    rollups.fold()
    assert not list(rollups.differences())
    [sums] = MinuteRollup.objects.values_list("kind").annotate(Sum("pushed"), Sum("accepted"), Sum("arrived"))
    assert sums == (PushTask.Kind.SIMPLE, 3, 3, 3)


def test_an_update_that_changes_no_count_stores_nothing(workspace: Workspace) -> None:
    [(device, _)] = registry.register([(workspace, DeviceInfo())])
    request = SimplePush(
        delivery_type=1, expired_seconds=600, title="T", content="C", target_msgkey={device.ad_token: "k"}
    )
    pushes.accept(workspace, request, **RPC)
    rollups.fold()
    outcomes.mark_sent([Message.objects.get().pk])
    assert not Change.objects.exists()


def test_a_rebuild_corrects_and_reports_wrong_sums(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    [(device, _)] = registry.register([(workspace, DeviceInfo(app_version="3"))])
    request = SimplePush(
        delivery_type=1, expired_seconds=600, title="T", content="C", target_msgkey={device.ad_token: "k"}
    )
    pushes.accept(workspace, request, **RPC)
    outcomes.record([Outcome(Message.objects.get().pk, 2)])
    rollups.fold()
    call_command("rebuild_rollups", check=True)
    assert "no difference" in capsys.readouterr().out
    MinuteRollup.objects.update(pushed=7, arrived=0)
    StatusRollup.objects.filter(status=2).update(messages=5)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM analytics_quarterrollup")
    with pytest.raises(SystemExit):
        call_command("rebuild_rollups", check=True)
    said = capsys.readouterr().out
    assert "pushed: 7 summed, 1 counted" in said
    assert "status 2: 5 summed, 1 counted" in said
    call_command("rebuild_rollups")
    assert rollups.differences() == []
    assert list(StatusRollup.objects.exclude(messages=0).values_list("status", "messages")) == [(2, 1)]
    row = MinuteRollup.objects.get()
    quarter = QuarterRollup.objects.get()
    for sums in (row, quarter):
        assert (sums.pushed, sums.accepted, sums.arrived, sums.app_version) == (1, 1, 1, "3")
