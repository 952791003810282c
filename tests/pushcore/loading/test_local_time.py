"""A push at a local time: each device gets it once, when it is that time where it was when the push was accepted."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pushcore import retention
from pushcore.audience import resolve
from pushcore.audience.local_time import LocalTime
from pushcore.audience.waves import AssigningSource, WaveSource
from pushcore.codes.results import ResultCode, ResultError
from pushcore.delivery import deliverable
from pushcore.devices import registry
from pushcore.devices.info import DeviceInfo
from pushcore.loading import load, messages, wake
from pushcore.models import AudienceWalk, AudienceWave, Device, Message, PushTask, Workspace
from pushcore.push import pushes
from pushcore.push.requests import AudiencePush, as_json, from_json
from pushcore.revocation import revocations
from tests.pushcore.conftest import Clock, RecordingLane
from tests.support.threads import at_once

database = pytest.mark.django_db(transaction=True)

Push = Callable[..., PushTask]
ZONES = [
    "Pacific/Kiritimati", "Pacific/Chatham", "Asia/Shanghai", "Asia/Kathmandu", "Europe/Berlin", "UTC", "",
    "America/St_Johns", "America/New_York", "Pacific/Honolulu", "Etc/GMT+12", "Mars/Olympus_Mons",
]  # fmt: skip
OWN_ZONE = "Asia/Tokyo"


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wake, "wake_task", lambda *_: True)


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolve, "PAGE", 7)


@pytest.fixture
def push(workspace: Workspace, lane: RecordingLane, at: Clock) -> Push:
    """Push to all Android devices at 9:00 where they are; further arguments override the request's fields."""
    Workspace.objects.filter(pk=workspace.pk).update(time_zone=OWN_ZONE)

    def accept(msgkey: str = "k", **changes: Any) -> PushTask:
        fields: dict[str, Any] = {
            "condition": {"platform": "android"}, "expired_seconds": 7200, "title": "T", "content": "C",
            "local_time": "09:00",
        }  # fmt: skip
        request = AudiencePush(msgkey=msgkey, **(fields | changes))
        return pushes.accept(workspace, request, source=PushTask.Source.REST, author="test")

    return accept


def fleet(workspace: Workspace, zones: list[str]) -> dict[int, str]:
    """Register a device in each of the zones; return the zones by the devices' ids."""
    ids = [device.id for device, _ in registry.register([(workspace, DeviceInfo())] * len(zones))]
    for pk, zone in zip(ids, zones, strict=True):
        Device.objects.filter(pk=pk).update(time_zone=zone)
    return dict(zip(ids, zones, strict=True))


def nine_there(zone: str, accepted_at: datetime) -> datetime:
    """Find by going through the minutes when it is 9:00 in a zone."""
    there = ZoneInfo(OWN_ZONE if zone in ("", "Mars/Olympus_Mons") else zone)
    moment = accepted_at.replace(second=0, microsecond=0)
    while moment < accepted_at or moment.astimezone(there).time() != time(9):
        moment += timedelta(minutes=1)
    return moment


def run_through(at: Clock, task: PushTask, *, between: Callable[[], None] = lambda: None) -> dict[int, datetime]:
    """Run the loader whenever there is something to do; return when each device got its message."""
    got: dict[int, datetime] = {}
    for _ in range(400):
        load.load_all()
        for device_id in Message.objects.filter(task=task).values_list("device_id", flat=True):
            got.setdefault(device_id or 0, at.at)
        walk = AudienceWalk.objects.get(pk=task.pk)
        if walk.finished_at:
            return got
        assert walk.not_before is not None
        assert not load.any_waiting()
        between()
        at.at = walk.not_before
    raise AssertionError("the waves do not end")


@database
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.usefixtures("small_pages")
def test_each_device_gets_it_once_at_nine_where_it_was_also_if_it_moves_between_waves(
    workspace: Workspace, push: Push, at: Clock, seed: int
) -> None:
    dice = random.Random(seed)
    at.pass_by(minutes=dice.randrange(24 * 60))
    zones = fleet(workspace, [dice.choice(ZONES) for _ in range(60)])
    task, accepted_at = push(), at.at

    def move() -> None:
        for pk in dice.sample(sorted(zones), 10):
            Device.objects.filter(pk=pk).update(time_zone=dice.choice(ZONES))

    got = run_through(at, task, between=move)
    assert got == {pk: nine_there(zone, accepted_at) for pk, zone in zones.items()}
    assert max(got.values()) <= accepted_at + timedelta(hours=25)
    assert Message.objects.filter(task=task).count() == len(zones)
    assert not AudienceWave.objects.exists()
    for row in Message.objects.filter(task=task):
        assert row.expire_at == got[row.device_id or 0] + timedelta(hours=2)
    task.refresh_from_db()
    assert task.message_count == len(zones)
    assert task.expire_at >= max(row.expire_at for row in Message.objects.filter(task=task))


@database
@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize(
    ("where", "name"),
    [
        (AssigningSource, "prepare"), (AssigningSource, "advance"), (AssigningSource, "finish"),
        (WaveSource, "prepare"), (WaveSource, "advance"), (messages, "deliver"), (WaveSource, "finish"),
    ],
)  # fmt: skip
def test_a_worker_continues_where_one_died(
    workspace: Workspace, push: Push, at: Clock, monkeypatch: pytest.MonkeyPatch, where: Any, name: str
) -> None:
    zones = fleet(workspace, ["Asia/Shanghai", "Europe/Berlin", "America/New_York"] * 10)
    task, accepted_at = push(), at.at
    working, calls = getattr(where, name), itertools.count(0)

    def dying(*arguments: Any) -> Any:
        if next(calls) % 3 == 0:
            raise KeyboardInterrupt
        return working(*arguments)

    load_all = load.load_all

    def until_one_survives() -> int:
        for _ in range(60):
            try:
                return load_all()
            except KeyboardInterrupt:
                AudienceWalk.objects.update(leased_until=None)  # its lease lapses
        raise AssertionError("none survives")

    monkeypatch.setattr(where, name, dying)
    monkeypatch.setattr(load, "load_all", until_one_survives)
    assert run_through(at, task) == {pk: nine_there(zone, accepted_at) for pk, zone in zones.items()}
    assert Message.objects.filter(task=task).count() == len(zones)


@database
@pytest.mark.usefixtures("small_pages")
def test_workers_share_waves_and_reach_no_device_twice(workspace: Workspace, push: Push, at: Clock) -> None:
    zones = fleet(workspace, ["Asia/Shanghai", "Europe/Berlin"] * 25)
    tasks = [push(f"k{number}") for number in range(3)]
    for _ in range(20):
        at_once(3, lambda _: load.load_all())
        waiting = AudienceWalk.objects.filter(finished_at=None).order_by("not_before").first()
        if waiting is None:
            break
        assert waiting.not_before is not None
        at.at = max(at.at, waiting.not_before)
    assert not AudienceWalk.objects.filter(finished_at=None).exists()
    for task in tasks:
        reached = Message.objects.filter(task=task).order_by("device_id").values_list("device_id", flat=True)
        assert list(reached) == sorted(zones)


@database
def test_a_wave_keeps_the_pace(workspace: Workspace, push: Push, at: Clock) -> None:
    zones = fleet(workspace, ["Asia/Shanghai"] * 12 + ["Europe/Berlin"] * 3)
    task, accepted_at = push(messages_per_second=4), at.at
    got = run_through(at, task)
    late = {pk: (got[pk] - nine_there(zone, accepted_at)).total_seconds() for pk, zone in zones.items()}
    assert sorted(late.values()) == [0] * 4 + [0] * 3 + [1] * 4 + [2] * 4
    assert Message.objects.filter(task=task).count() == 15


@database
def test_a_push_revoked_between_waves_has_no_further_one(workspace: Workspace, push: Push, at: Clock) -> None:
    fleet(workspace, ["Asia/Shanghai", "Europe/Berlin"])
    task = push()
    load.load_all()
    at.at = AudienceWalk.objects.get().not_before  # type: ignore[assignment]
    assert load.load_all() == 1
    revocations.revoke_task(workspace, task.pk)
    at.at = AudienceWalk.objects.get().not_before  # type: ignore[assignment]
    assert load.load_all() == 0
    assert AudienceWalk.objects.get().finished_at
    assert not AudienceWave.objects.exists()
    assert Message.objects.count() == 1


@database
def test_a_device_that_is_removed_before_its_wave_gets_nothing_and_keeps_nobody_waiting(
    workspace: Workspace, push: Push, at: Clock
) -> None:
    zones = fleet(workspace, ["Asia/Shanghai", "Asia/Shanghai"])
    task = push()
    load.load_all()
    gone, stays = zones
    Device.objects.filter(pk=gone).delete()
    assert list(run_through(at, task)) == [stays]


@database
def test_a_message_is_offered_again_no_longer_than_its_wave_is_valid(
    workspace: Workspace, push: Push, at: Clock
) -> None:
    fleet(workspace, ["UTC"])
    task = push()
    got = run_through(at, task)
    [row] = Message.objects.filter(task=task)
    [outgoing] = deliverable.by_id([row.pk])
    assert outgoing.expire_at == got[row.device_id or 0] + timedelta(hours=2)
    task.refresh_from_db()
    assert outgoing.expire_at < task.expire_at


@database
def test_waves_that_nobody_sent_are_deleted_with_their_push(workspace: Workspace, push: Push, at: Clock) -> None:
    fleet(workspace, ["UTC"])
    push()
    load.load_all()
    AudienceWalk.objects.update(created_at=at.at - timedelta(days=400))
    retention.purge()
    assert not AudienceWave.objects.exists()
    assert not AudienceWalk.objects.exists()


@database
def test_a_push_to_nobody_ends_at_once(push: Push) -> None:
    push()
    assert load.load_all() == 0
    assert AudienceWalk.objects.get().finished_at


@database
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"local_time": "9"}, "localTime is a time such as 09:00"),
        ({"local_time": "24:00"}, "localTime is a time such as 09:00"),
        ({"local_time": "", "local_date": "2026-06-01"}, "localDate needs localTime"),
        ({"local_date": "tomorrow"}, "localDate is a date such as"),
        ({"local_date": "2020-01-01"}, "localDate is today or 2 days ahead"),
        ({"local_date": "2999-01-01"}, "localDate is today or 2 days ahead"),
        ({"expired_seconds": 15 * 86400 - 3600}, "at a local time, at most"),
    ],
)
def test_a_local_time_that_breaks_a_limit_is_refused(
    push: Push, settings: Any, changes: dict[str, Any], said: str
) -> None:
    settings.MAX_EXPIRED_SECONDS = 15 * 86400
    with pytest.raises(ResultError, match=said) as refused:
        push(**changes)
    assert refused.value.result in (ResultCode.INVALID_PARAM, ResultCode.EXPIREDTIME_TOO_LONG)
    assert not PushTask.objects.exists()


def test_a_local_time_is_the_same_when_the_push_is_read_again() -> None:
    request = AudiencePush(condition={"bound": True}, msgkey="k", expired_seconds=9, local_time="09:00", title="T")
    assert from_json(request.kind, as_json(request)) == request


NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
NOON_MARCH = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)
NOON_OCTOBER = datetime(2026, 10, 24, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "date_", "accepted_at", "expected"),
    [
        # Past there today: tomorrow. Still to come: today. Just now: now.
        ("Europe/Berlin", None, NOON, datetime(2026, 6, 2, 7, tzinfo=UTC)),
        ("America/New_York", None, NOON, datetime(2026, 6, 1, 13, tzinfo=UTC)),
        ("Atlantic/Cape_Verde", None, NOON - timedelta(hours=2), NOON - timedelta(hours=2)),
        # On a date: then, and at once where that is past.
        ("Europe/Berlin", date(2026, 6, 1), NOON, NOON),
        ("America/New_York", date(2026, 6, 1), NOON, datetime(2026, 6, 1, 13, tzinfo=UTC)),
        ("Europe/Berlin", date(2026, 6, 2), NOON, datetime(2026, 6, 2, 7, tzinfo=UTC)),
        # Clocks go forward from 2:00 to 3:00, and back from 3:00 to 2:00.
        ("Europe/Berlin", date(2026, 3, 29), NOON_MARCH, datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
        ("Europe/Berlin", date(2026, 10, 25), NOON_OCTOBER, datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_when_it_is_the_time_in_a_zone(
    zone: str, date_: date | None, accepted_at: datetime, expected: datetime
) -> None:
    clock_time = time(2, 30) if expected.minute else time(9)
    local = LocalTime(clock_time, date_)
    assert local.moment(ZoneInfo(zone), accepted_at) == expected
    assert local.last_moment(accepted_at) >= expected


def test_a_date_counts_from_where_the_day_begins_last() -> None:
    """Until it is over in the westernmost zone, a date is not past."""
    late = datetime(2026, 6, 2, 11, 0, tzinfo=UTC)
    assert LocalTime.parse("23:30", "2026-06-01", late) == LocalTime(time(23, 30), date(2026, 6, 1))
    with pytest.raises(ResultError, match="past everywhere"):
        LocalTime.parse("22:30", "2026-06-01", late)
    with pytest.raises(ResultError, match="today or 2 days"):
        LocalTime.parse("23:30", "2026-06-01", late + timedelta(hours=1))
