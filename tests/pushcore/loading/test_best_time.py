"""A push at the best time: each device gets it once, at the hour that a plain recount of opens finds best."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, transaction

from analytics import rollups
from pushcore import retention
from pushcore.api.operations.audience_pushes import PushToAudienceSchema
from pushcore.audience import open_hours, resolve
from pushcore.audience.open_hours import Open
from pushcore.codes.results import ResultError
from pushcore.devices import bindings, registry
from pushcore.devices.info import DeviceInfo
from pushcore.loading import wake
from pushcore.models import AudienceWalk, AudienceWave, Device, Message, OpenHours, PushTask, Workspace
from pushcore.ports import DeviceEvent, event_sinks
from pushcore.privacy import erasure
from pushcore.push import pushes
from pushcore.push.requests import AudiencePush
from tests.pushcore.api.samples import REQUESTS
from tests.pushcore.conftest import Clock, RecordingLane
from tests.pushcore.loading.test_local_time import OWN_ZONE, ZONES, fleet, run_through
from tests.support.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)

Push = Callable[..., PushTask]


@pytest.fixture(autouse=True)
def _small_steps(monkeypatch: pytest.MonkeyPatch, workspace: Workspace) -> None:
    monkeypatch.setattr(wake, "wake_task", lambda *_: True)
    monkeypatch.setattr(resolve, "PAGE", 7)
    Workspace.objects.filter(pk=workspace.pk).update(time_zone=OWN_ZONE)


@pytest.fixture
def push(workspace: Workspace, lane: RecordingLane, at: Clock) -> Push:
    """Push to all Android devices at the best time; further arguments override the request's fields."""

    def accept(hours: int | None = 24, **changes: Any) -> PushTask:
        fields: dict[str, Any] = {
            "condition": {"platform": "android"},
            "expired_seconds": 7200,
            "title": "T",
            "content": "C",
        }
        request = AudiencePush(msgkey="k", best_time_hours=hours, **(fields | changes))
        return pushes.accept(workspace, request, source=PushTask.Source.REST, author="test")

    return accept


def zone_there(zone: str) -> ZoneInfo:
    return ZoneInfo(OWN_ZONE if zone in ("", "Mars/Olympus_Mons") else zone)


class Recount:
    """What opens say, counted again one by one."""

    def __init__(self, zones: dict[int, str], users: dict[int, str], now: datetime) -> None:
        self.zones, self.users, self.now = zones, users, now
        self.opens: list[Open] = []

    def hours_of(self, user: str) -> list[float]:
        """Return the histogram of a user; of the workspace for the empty one."""
        hours = [0.0] * 24
        for device_id, at in self.opens:
            if not user or self.users.get(device_id) == user:
                age = (self.now - at).total_seconds() / 86400
                hours[at.astimezone(zone_there(self.zones[device_id])).hour] += 0.5 ** (age / 30)
        return hours

    def moment_of(self, device_id: int, window: int) -> datetime:
        """Return when a device gets a push: go through the minutes, and remember which hour was better than any."""
        everybody, own = self.hours_of(""), self.hours_of(self.users.get(device_id) or "nobody")
        if sum(everybody) < 3:
            return self.now
        scores = everybody
        if sum(own) >= 3:
            scores = [mine + 3 * usual / sum(everybody) for mine, usual in zip(own, everybody, strict=True)]
        zone, best, moment = zone_there(self.zones[device_id]), -1.0, self.now
        for minute in range(window * 60):
            then = self.now + timedelta(minutes=minute)
            score = scores[then.astimezone(zone).hour]
            if score > best + 1e-9:
                best, moment = score, then.replace(second=0) if minute else then
        return moment


def opened(dice: random.Random, recount: Recount, count: int) -> None:
    """Add opens at random times of the last months, each device with a favourite hour, in batches of any order."""
    favourites = {pk: dice.randrange(24) for pk in recount.zones}
    for _ in range(count):
        pk = dice.choice(sorted(recount.zones))
        at = recount.now - timedelta(minutes=dice.randrange(1, 150 * 24 * 60))
        if dice.random() < 0.6:
            local = at.astimezone(zone_there(recount.zones[pk]))
            at += timedelta(hours=favourites[pk] - local.hour)
        recount.opens.append(Open(pk, min(at, recount.now)))
    waiting = dice.sample(recount.opens, len(recount.opens))
    while waiting:
        size = dice.randrange(1, 60)
        with transaction.atomic():
            open_hours.add(waiting[:size])
        del waiting[:size]


@pytest.mark.parametrize(("seed", "window"), [(0, 24), (1, 24), (2, 7), (3, 1)])
def test_each_device_gets_it_once_at_the_hour_that_a_plain_recount_finds_best(
    workspace: Workspace, push: Push, at: Clock, seed: int, window: int
) -> None:
    dice = random.Random(seed)
    at.at = at.at.replace(second=0) + timedelta(minutes=dice.randrange(24 * 60))
    zones = fleet(workspace, [dice.choice(ZONES) for _ in range(40)])
    users = {pk: f"user{dice.randrange(25)}" for pk in zones if dice.random() < 0.8}
    for pk, user in users.items():
        bindings.bind(Device.objects.get(pk=pk), user)
    recount = Recount(zones, users, at.at)
    opened(dice, recount, 300)
    for kept in OpenHours.objects.all():
        factor = open_hours.weight(at.at - kept.as_of)
        assert [hour * factor for hour in kept.hours] == pytest.approx(recount.hours_of(kept.user_id))
    task = push(window)
    expected = {pk: recount.moment_of(pk, window) for pk in zones}
    assert run_through(at, task) == expected
    assert len(set(expected.values())) > 3 or window == 1
    assert Message.objects.filter(task=task).count() == len(zones)
    for row in Message.objects.filter(task=task):
        assert row.expire_at == expected[row.device_id or 0] + timedelta(hours=2)
    assert not AudienceWave.objects.exists()


def test_where_nothing_is_known_it_is_sent_at_once(workspace: Workspace, push: Push, at: Clock) -> None:
    [device] = fleet(workspace, ["UTC"])
    open_hours.add([Open(device, at.at - timedelta(hours=5))] * 2)
    assert run_through(at, push()) == {device: at.at}


def test_the_example_of_the_documentation(workspace: Workspace) -> None:
    """Ann's own opens count, with three of the workspace's; Bob's one does not."""
    now = datetime(2026, 6, 10, 18, 30, tzinfo=UTC)
    everybody = [0.0] * 24
    everybody[9], everybody[20], everybody[8], everybody[13], everybody[3] = 40, 10, 5, 30, 15
    ann = [0.0] * 24
    ann[20], ann[8] = 2.5, 0.98
    hers = open_hours.smoothed(ann, everybody)
    assert (hers[20], hers[9], hers[8]) == pytest.approx((2.8, 1.2, 1.13))
    moments = open_hours.moments_within(ZoneInfo("UTC"), now, timedelta(hours=24))
    assert len(moments) == 24
    assert open_hours.best_moment(moments, hers) == datetime(2026, 6, 10, 20, tzinfo=UTC)
    assert open_hours.best_moment(moments, everybody) == datetime(2026, 6, 11, 9, tzinfo=UTC)
    soon = open_hours.moments_within(ZoneInfo("UTC"), now, timedelta(hours=4))
    assert sorted(soon) == [18, 19, 20, 21, 22]
    assert soon[18] == now


def test_what_devices_report_is_counted_once_where_it_is_summed_up(
    workspace: Workspace, push: Push, lane: RecordingLane, at: Clock
) -> None:
    devices = list(fleet(workspace, ["Europe/Berlin"] * 3))
    bindings.bind(Device.objects.get(pk=devices[0]), "ann")
    run_through(at, push(None))
    for _ in range(2):  # a device may repeat itself
        for sink in event_sinks():
            sink([
                DeviceEvent(workspace.pk, row.device_id or 0, row.pk, kind, row.created_at)
                for row in Message.objects.all()
                for kind in ("arrived", "opened")
            ])  # fmt: skip
    rollups.fold()
    rollups.fold()
    counts = {row.user_id: sum(row.hours) for row in OpenHours.objects.all()}
    assert counts == pytest.approx({"": 3, "ann": 1})
    [hour] = [hour for hour, count in enumerate(OpenHours.objects.get(user_id="ann").hours) if count]
    made = Message.objects.first()
    assert made is not None
    assert hour == made.created_at.astimezone(ZoneInfo("Europe/Berlin")).hour


def test_a_user_who_is_erased_while_opens_are_added_is_erased(
    workspace: Workspace, at: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "wake_task", lambda _: None)
    [(known, _)] = registry.register([(workspace, DeviceInfo())])
    bindings.bind(Device.objects.get(pk=known.id), "ann")
    added = Event()

    def work(number: int) -> None:
        if number == 0:
            with transaction.atomic():
                open_hours.add([Open(known.id, at.at)])
                added.set()
                wait_for_a_lock()
        else:
            assert added.wait(10)
            erasure.erase(workspace, "ann", source=PushTask.Source.REST, author="test")

    at_once(2, work)
    assert list(OpenHours.objects.values_list("user_id", flat=True)) == [""]


def wait_for_a_lock() -> None:
    """Wait until another connection waits for a lock."""
    with connection.cursor() as cursor:
        for _ in range(2000):
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_sleep(0.005) IS NOT NULL")
            if cursor.fetchone()[0]:
                return
    raise AssertionError("nobody waits")


def test_histograms_are_as_of_one_time_however_far_apart_opens_are(workspace: Workspace, at: Clock) -> None:
    [device] = fleet(workspace, ["UTC"])
    for years in (0, 90, 30):
        open_hours.add([Open(device, at.at - timedelta(days=365 * years))])
    row = OpenHours.objects.get()
    assert row.as_of == at.at
    assert sum(row.hours) == pytest.approx(1)


def test_what_nothing_was_added_to_for_long_is_deleted(workspace: Workspace, at: Clock) -> None:
    OpenHours.objects.create(workspace=workspace, user_id="old", hours=[1.0] * 24, as_of=at.at - timedelta(days=181))
    OpenHours.objects.create(workspace=workspace, user_id="new", hours=[1.0] * 24, as_of=at.at - timedelta(days=179))
    retention.purge()
    assert list(OpenHours.objects.values_list("user_id", flat=True)) == ["new"]


@pytest.mark.parametrize(
    ("hours", "changes", "said"),
    [
        (0, {}, "bestTimeHours is a number from 1 to 24"),
        (25, {}, "bestTimeHours is a number from 1 to 24"),
        (24, {"local_time": "09:00"}, "bestTime or localTime, not both"),
        (24, {"over_seconds": 60}, "a push at a local or best time has messagesPerSecond only"),
        (24, {"expired_seconds": 15 * 86400 - 3600}, "at the best time, at most"),
    ],
)
def test_a_best_time_that_breaks_a_limit_is_refused(
    push: Push, settings: Any, hours: int, changes: dict[str, Any], said: str
) -> None:
    settings.MAX_EXPIRED_SECONDS = 15 * 86400
    with pytest.raises(ResultError, match=said):
        push(hours, **changes)
    assert not AudienceWalk.objects.exists()


def read(**changes: Any) -> int | None:
    hours: int | None = PushToAudienceSchema.read(REQUESTS["PushToAudience"] | changes).push.best_time_hours
    return hours


def test_the_api_takes_a_best_time_with_or_without_hours() -> None:
    assert (read(), read(bestTime=True), read(bestTime=True, bestTimeHours=6)) == (None, 24, 6)
    with pytest.raises(ResultError, match="bestTimeHours needs bestTime"):
        read(bestTimeHours=6)
