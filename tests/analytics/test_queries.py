"""Core figures of the analysis: their definitions, filters, and days in the workspace's time zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from analytics import api_queries, queries
from analytics.intake import take
from analytics.models import MinuteRollup, QuarterRollup
from pushcore.broadcast import acknowledgements
from pushcore.channels import Channel, Platform
from pushcore.codes import statuses
from pushcore.delivery import outcomes
from pushcore.devices import bindings, registry
from pushcore.devices.info import DeviceInfo
from pushcore.devices.registry import KnownDevice
from pushcore.models import Device, Message, PushTask, Workspace
from pushcore.ports import AnalysisFilter, BroadcastArrival, DeviceEvent, Outcome
from pushcore.push import pushes, templates
from pushcore.push.requests import BroadcastPush, SimplePush
from pushcore.push.templates import TemplateDraft
from pushcore.revocation import revocations
from tests.pushcore.conftest import RecordingLane

RPC: dict[str, Any] = {"source": PushTask.Source.RPC, "author": "test"}
Numbers = tuple[int, int, int, int, int]


@pytest.fixture(autouse=True)
def lane(monkeypatch: pytest.MonkeyPatch) -> RecordingLane:
    keeping = RecordingLane()
    monkeypatch.setattr("pushcore.ports._lanes", [(1, keeping)])
    return keeping


@pytest.fixture
def fleet(workspace: Workspace) -> list[KnownDevice]:
    """Register two Android devices and an iOS device."""
    infos = [DeviceInfo(), DeviceInfo(), DeviceInfo(platform=Platform.IOS, third_token="apns")]
    return [device for device, _ in registry.register([(workspace, info) for info in infos])]


def simple(workspace: Workspace, target: str, key: str, delivery_type: int = 1) -> Message:
    request = SimplePush(
        delivery_type=delivery_type, expired_seconds=600, title="T", content="C", target_msgkey={target: key}
    )
    return Message.objects.get(task=pushes.accept(workspace, request, **RPC))


def ask(workspace: Workspace, **changes: Any) -> Numbers:
    now = timezone.now()
    found = api_queries.core_index(workspace, AnalysisFilter(**({"start": now, "end": now} | changes)))
    return found.pushed, found.succeeded, found.arrived, found.opened, found.ignored


def say(message: Message, *kinds: str, device_id: int | None = None) -> None:
    device = device_id or message.device_id or 0
    take([DeviceEvent(message.workspace_id, device, message.pk, kind, timezone.now()) for kind in kinds])


def test_what_has_no_device_or_was_revoked_is_not_pushed(workspace: Workspace, fleet: list[KnownDevice]) -> None:
    simple(workspace, fleet[0].ad_token, "waits")
    simple(workspace, "ann", "unbound", 3)
    simple(workspace, "no such device", "unknown")
    simple(workspace, fleet[1].ad_token, "revoked")
    revocations.revoke_message(workspace, "revoked", fleet[1].ad_token)
    assert ask(workspace) == (1, 0, 0, 0, 0)
    bindings.bind(Device.objects.get(pk=fleet[1].id), "ann")
    assert ask(workspace) == (2, 0, 0, 0, 0)


def test_opened_and_ignored_count_once_and_ignored_on_the_self_built_channel_only(
    workspace: Workspace, fleet: list[KnownDevice]
) -> None:
    own, vendor = simple(workspace, fleet[0].ad_token, "k1"), simple(workspace, fleet[1].ad_token, "k2")
    outcomes.record([Outcome(own.pk, 2), Outcome(vendor.pk, 2, Channel.FCM)])
    for _ in range(2):
        say(own, "opened", "ignored")
        say(vendor, "opened", "ignored")
    say(own, "opened", device_id=fleet[1].id)  # not its message
    assert ask(workspace) == (2, 2, 2, 2, 1)
    found = api_queries.core_index(workspace, AnalysisFilter(start=timezone.now(), end=timezone.now()))
    assert (found.arrival_rate, found.open_rate, found.ignore_rate) == (100.0, 100.0, 50.0)


def test_every_filter_narrows(workspace: Workspace, fleet: list[KnownDevice]) -> None:
    templates.create(workspace, TemplateDraft("hello", "d", "Hello", "Body"))
    android, ios = simple(workspace, fleet[0].ad_token, "k1"), simple(workspace, "apns", "k2", 2)
    outcomes.record([Outcome(android.pk, 2), Outcome(ios.pk, 2, Channel.APNS)])
    request = BroadcastPush(delivery_type=1, expired_seconds=600, template_name="hello", msgkey="b")
    task = pushes.accept(workspace, request, **RPC)
    acknowledgements.record([BroadcastArrival(device.id, task.pk, (task.pk,)) for device in fleet[:2]])
    take([DeviceEvent(workspace.pk, fleet[0].id, task.pk, "opened", timezone.now())])
    assert ask(workspace) == (4, 4, 4, 1, 0)
    assert ask(workspace, platform=Platform.IOS) == (1, 1, 1, 0, 0)
    assert ask(workspace, platform=Platform.ANDROID) == (3, 3, 3, 1, 0)
    assert ask(workspace, channel=Channel.APNS) == (1, 1, 1, 0, 0)
    assert ask(workspace, channel=Channel.SELF_BUILT) == (3, 3, 3, 1, 0)
    assert ask(workspace, kind="simple") == (2, 2, 2, 0, 0)
    assert ask(workspace, kind="broadcast") == (2, 2, 2, 1, 0)
    assert ask(workspace, kind="template") == (0, 0, 0, 0, 0)
    assert ask(workspace, task_id=task.pk) == (2, 2, 2, 1, 0)
    assert ask(workspace, task_id=ios.task_id) == (1, 1, 1, 0, 0)
    assert ask(Workspace.objects.create(app=workspace.app, workspace_id="other")) == (0, 0, 0, 0, 0)


def test_a_revocation_notice_counts_as_no_push(workspace: Workspace, fleet: list[KnownDevice]) -> None:
    message = simple(workspace, fleet[0].ad_token, "k1")
    outcomes.record([Outcome(message.pk, 2)])
    revocations.revoke_task(workspace, message.task_id)
    outcomes.record([Outcome(row.pk, 2) for row in Message.objects.filter(task__kind="revoke")])
    assert ask(workspace) == (1, 1, 1, 0, 0)


def test_days_are_those_of_the_workspace(workspace: Workspace) -> None:
    Workspace.objects.update(time_zone="Asia/Shanghai")
    workspace.refresh_from_db()
    shanghai = ZoneInfo("Asia/Shanghai")
    noon = datetime(2026, 3, 2, 12, tzinfo=shanghai)
    asked = queries.report_of_days(workspace, noon, noon + timedelta(days=1))
    assert asked.start == datetime(2026, 3, 2, tzinfo=shanghai)
    assert asked.end == datetime(2026, 3, 4, tzinfo=shanghai)


def test_a_day_that_changes_the_clock_has_its_hours(workspace: Workspace) -> None:
    Workspace.objects.update(time_zone="Europe/Berlin")
    workspace.refresh_from_db()
    for day, hours in (((2026, 3, 29), 23), ((2026, 10, 25), 25), ((2026, 6, 1), 24)):
        noon = datetime(*day, 12, tzinfo=ZoneInfo("Europe/Berlin"))
        asked = queries.report_of_days(workspace, noon, noon)
        assert len(list(queries.spans(asked, queries.Granularity.HOUR))) == hours
        assert len(list(queries.spans(asked, queries.Granularity.DAY))) == 1


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Europe/Berlin", (2026, 10, 25)),  # 02:00 comes twice
        ("Europe/Berlin", (2026, 3, 29)),
        ("America/Havana", (2026, 11, 1)),  # midnight comes twice
        ("America/Havana", (2026, 3, 8)),  # there is no midnight
        ("Australia/Lord_Howe", (2026, 4, 5)),  # half an hour comes twice
        ("Asia/Kolkata", (2026, 6, 1)),
        ("UTC", (2026, 6, 1)),
    ],
)
@pytest.mark.parametrize("step", list(queries.Granularity))
def test_no_message_is_lost_between_spans_whatever_the_clocks_do(
    workspace: Workspace, zone: str, day: tuple[int, int, int], step: queries.Granularity
) -> None:
    workspace.time_zone = zone
    noon = datetime(*day, 12, tzinfo=ZoneInfo(zone))
    asked = queries.report_of_days(workspace, noon, noon)
    start, end = asked.start.astimezone(UTC), asked.end.astimezone(UTC)
    made = [start + number * timedelta(minutes=15) for number in range(int((end - start) / timedelta(minutes=15)))]
    sums: dict[str, Any] = {"workspace_id": workspace.pk, "platform": 1, "channel": 0, "kind": "simple", "pushed": 1}
    MinuteRollup.objects.bulk_create(MinuteRollup(start=at, **sums) for at in made)
    QuarterRollup.objects.bulk_create(QuarterRollup(start=at, **sums) for at in made)
    points = queries.series(asked, step)
    assert sum(point.index.pushed for point in points) == len(made) == queries.totals(asked).pushed
    if step is queries.Granularity.HOUR:
        assert {point.index.pushed for point in points[:-1]} == {4}
        assert len({(point.at.hour, point.at.minute, point.offset) for point in points}) == len(points)


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_every_year_can_be_queried(workspace: Workspace, zone: str) -> None:
    workspace.time_zone = zone
    for year in (1, 1970, 2262, 9999):
        at = datetime(year, 12, 31, 23, 59, tzinfo=UTC)
        assert ask(workspace, start=at, end=at) == (0, 0, 0, 0, 0)
        page = api_queries.task_page(workspace, at, task_id=None, name="", page=1, page_size=10)
        assert page.total == 0


def test_only_multiple_and_broadcast_pushes_are_listed(workspace: Workspace, fleet: list[KnownDevice]) -> None:
    templates.create(workspace, TemplateDraft("hello", "d", "Hello", "Body"))
    simple(workspace, fleet[0].ad_token, "k1")
    tasks = [
        pushes.accept(
            workspace,
            BroadcastPush(delivery_type=1, expired_seconds=600, template_name="hello", msgkey=key, task_name=key),
            **RPC,
        )
        for key in "abc"
    ]
    now = timezone.now()

    def names(start: datetime = now, **changes: Any) -> list[str]:
        asked: dict[str, Any] = {"task_id": None, "name": "", "page": 1, "page_size": 10} | changes
        return [task.name for task in api_queries.task_page(workspace, start, **asked).tasks]

    assert names() == ["c", "b", "a"]
    assert names(name="b") == ["b"]
    assert names(task_id=tasks[0].pk) == ["a"]
    assert names(page=2, page_size=2) == ["a"]
    assert names(start=now + timedelta(days=1)) == []
    assert api_queries.task_page(workspace, now, task_id=None, name="", page=9, page_size=2).total == 3


def test_a_task_of_another_workspace_is_unknown(workspace: Workspace, fleet: list[KnownDevice]) -> None:
    message = simple(workspace, fleet[0].ad_token, "k1")
    assert api_queries.task_of(workspace, message.task_id) is not None
    assert (
        api_queries.task_of(Workspace.objects.create(app=workspace.app, workspace_id="other"), message.task_id) is None
    )
    assert api_queries.task_of(workspace, 5) is None
    assert message.status == statuses.WAITING
