"""Quiet hours: messages that keep them wait while it is quiet where the device is, and are offered when that ends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta

import pytest

from pushcore.broadcast import vendor_walk
from pushcore.categories import quiet_hours
from pushcore.codes import statuses
from pushcore.delivery import deliverable, dispatch, expiry, sweeper
from pushcore.devices import bindings, registry
from pushcore.devices.info import DeviceInfo
from pushcore.devices.registry import KnownDevice
from pushcore.models import Device, Message, MessageCategory, PushTask, QuietHours, Workspace
from pushcore.ports import OutgoingMessage
from pushcore.push import pushes, templates
from pushcore.push.requests import BroadcastPush
from pushcore.push.templates import TemplateDraft
from tests.pushcore.conftest import Clock, RecordingLane

Send = Callable[..., PushTask]
Make = Callable[..., MessageCategory]
REMINDER = {"message_category": "reminders", "expired_seconds": 2 * 86_400}

pytestmark = pytest.mark.django_db


@pytest.fixture
def hours(workspace: Workspace, at: Clock, category: Make) -> QuietHours:
    """Give the workspace quiet hours from 22:00 to 8:00 UTC, and have it be 21:59 of this day or the last."""
    category("reminders", keeps_quiet_hours=True)
    at.at = datetime.combine((at.at - timedelta(days=1)).date(), time(21, 59), UTC)
    return QuietHours.objects.create(workspace=workspace, starts=time(22), ends=time(8), walked_until=at.at)


def devices_in(workspace: Workspace, *zones: str) -> list[KnownDevice]:
    made = registry.register([(workspace, DeviceInfo(time_zone=zone)) for zone in zones])
    return [device for device, _ in made]


def waiting(known: KnownDevice) -> int:
    """Return how many messages the device gets when it connects."""
    return len(deliverable.by_device([known.id], 10).messages.get(known.id, []))


def test_a_message_waits_for_the_end_of_quiet_hours_and_is_offered_then(
    send: Send, lane: RecordingLane, known: KnownDevice, hours: QuietHours, at: Clock
) -> None:
    send({known.ad_token: "before"}, delivery_type=1, **REMINDER)
    assert len(lane.got) == 1
    at.pass_by(minutes=1)
    held = send({known.ad_token: "in"}, delivery_type=1, **REMINDER)
    send({known.ad_token: "other"}, delivery_type=1, expired_seconds=86_400)
    assert [message.msgkey for message in lane.got] == ["before", "other"]
    assert waiting(known) == 1  # of those that keep none
    assert quiet_hours.offer_again() == 0
    at.pass_by(hours=9, minutes=59)
    assert waiting(known) == 1
    assert quiet_hours.offer_again() == 0
    at.pass_by(minutes=1)
    assert waiting(known) == 3
    assert quiet_hours.offer_again() == 2  # the one before was not acknowledged either
    assert [message.msgkey for message in lane.got[2:]] == ["before", "in"]
    assert quiet_hours.offer_again() == 0
    assert Message.objects.get(task_id=held.pk).status == statuses.WAITING


def test_each_device_has_its_own_night(
    send: Send, lane: RecordingLane, workspace: Workspace, hours: QuietHours, at: Clock
) -> None:
    zones = ("Asia/Shanghai", "", "America/Lima", "Mars/Olympus")
    fleet = devices_in(workspace, *zones)
    Device.objects.filter(pk=fleet[3].id).update(time_zone="Mars/Olympus")  # as of a time when there was such a zone
    fleet_by_id = {device.id: zone for device, zone in zip(fleet, zones, strict=True)}
    at.at = at.at.replace(hour=23)  # 7:00 in Shanghai, 18:00 in Lima
    for device in fleet:
        send({device.ad_token: "k"}, delivery_type=1, **REMINDER)
    assert [fleet_by_id[message.device_id] for message in lane.got] == ["America/Lima"]
    lane.got.clear()
    at.pass_by(hours=1)
    assert quiet_hours.offer_again() == 1
    assert [fleet_by_id[message.device_id] for message in lane.got] == ["Asia/Shanghai"]
    at.pass_by(hours=4)  # 4:00 UTC, 23:00 in Lima
    assert [waiting(device) for device in fleet] == [1, 0, 0, 0]
    lane.got.clear()
    at.pass_by(hours=4)
    quiet_hours.offer_again()
    assert {fleet_by_id[message.device_id] for message in lane.got} == {"", "Mars/Olympus"}
    assert [waiting(device) for device in fleet] == [1, 1, 0, 1]


def test_a_push_may_ignore_quiet_hours(
    send: Send, lane: RecordingLane, known: KnownDevice, hours: QuietHours, at: Clock
) -> None:
    at.pass_by(minutes=1)
    send({known.ad_token: "k"}, delivery_type=1, ignore_quiet_hours=True, **REMINDER)
    assert len(lane.got) == 1


def test_a_bind_and_the_sweeper_offer_nothing_in_quiet_hours(
    send: Send, lane: RecordingLane, known: KnownDevice, hours: QuietHours, at: Clock, settings: object
) -> None:
    settings.SWEEP_AFTER_SECONDS = -1  # type: ignore[attr-defined]
    at.pass_by(minutes=1)
    send({"ann": "k"}, **REMINDER)
    bindings.bind(Device.objects.get(pk=known.id), "ann")
    assert sweeper.sweep() == 0
    assert lane.got == []
    at.pass_by(hours=10)
    assert quiet_hours.offer_again() == 1
    assert [message.target for message in lane.got] == ["ann"]


def test_validity_goes_on_in_quiet_hours(
    send: Send, lane: RecordingLane, known: KnownDevice, hours: QuietHours, at: Clock
) -> None:
    at.pass_by(minutes=1)
    task = send({known.ad_token: "k"}, delivery_type=1, **REMINDER)
    over = datetime.now(UTC) - expiry.GRACE - timedelta(seconds=1)
    Message.objects.update(expire_at=over)
    PushTask.objects.update(expire_at=over)
    assert expiry.expire_due() == 1
    at.pass_by(hours=10)
    assert quiet_hours.offer_again() == 0
    task.refresh_from_db()
    assert (task.expired_count, lane.got) == (1, [])


def test_who_takes_a_walk_over_goes_on_where_it_stopped(
    send: Send, lane: RecordingLane, known: KnownDevice, hours: QuietHours, at: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quiet_hours, "BATCH", 2)
    at.pass_by(minutes=1)
    for number in range(7):
        send({known.ad_token: str(number)}, delivery_type=1, **REMINDER)
    at.pass_by(hours=10)
    # The second batch is the last that its worker reads: it dies before it gives it away.
    offer, steps = dispatch.to_lanes, iter(range(9))

    def die(batch: list[OutgoingMessage]) -> bool:
        if next(steps) == 1:
            raise SystemExit
        return offer(batch)

    monkeypatch.setattr(dispatch, "to_lanes", die)
    with pytest.raises(SystemExit):
        quiet_hours.offer_again()
    assert quiet_hours.offer_again() == 0  # its lease lasts
    at.pass_by(seconds=quiet_hours.LEASE.total_seconds() + 1)
    assert quiet_hours.offer_again() == 5
    assert [message.msgkey for message in lane.got] == [str(number) for number in range(7)]
    hours.refresh_from_db()
    assert (hours.walking_until, hours.position, hours.leased_until) == (None, 0, None)


def test_a_lane_that_is_away_takes_the_messages_when_it_is_back(
    send: Send, lane: RecordingLane, known: KnownDevice, hours: QuietHours, at: Clock
) -> None:
    at.pass_by(minutes=1)
    send({known.ad_token: "k"}, delivery_type=1, **REMINDER)
    at.pass_by(hours=10)
    lane.broken = True
    assert quiet_hours.offer_again() == 0  # and ends at once, instead of trying again and again
    lane.broken = False
    at.pass_by(seconds=quiet_hours.LANE_AWAY.total_seconds() + 1)
    assert quiet_hours.offer_again() == 1
    assert len(lane.got) == 1


@pytest.mark.parametrize("change", [{"enabled": False}, {"ends": time(22, 1)}])
def test_quiet_hours_that_are_changed_let_go_what_they_held(
    send: Send, lane: RecordingLane, known: KnownDevice, hours: QuietHours, at: Clock, change: dict[str, object]
) -> None:
    at.pass_by(minutes=2)
    send({known.ad_token: "k"}, delivery_type=1, **REMINDER)
    assert lane.got == []
    QuietHours.objects.update(**change)
    quiet_hours.changed(hours.pk)
    assert quiet_hours.offer_again() == 1
    assert quiet_hours.offer_again() == 0
    assert len(lane.got) == 1


def test_a_broadcast_whose_category_keeps_quiet_hours_is_a_message_to_each_device(
    lane: RecordingLane, workspace: Workspace, hours: QuietHours, at: Clock
) -> None:
    fleet = devices_in(workspace, "Asia/Shanghai", "America/Lima")
    templates.create(workspace, TemplateDraft("news", "d", "News", "Body"))
    at.at = at.at.replace(hour=23)
    request = BroadcastPush(
        delivery_type=1, expired_seconds=86_400 * 2, template_name="news", msgkey="b", message_category="reminders"
    )
    task = pushes.accept(workspace, request, source=PushTask.Source.RPC, author="test")
    vendor_walk.walk_all()
    assert [message.device_id for message in lane.got] == [fleet[1].id]
    at.pass_by(hours=1)
    assert quiet_hours.offer_again() == 1
    assert [message.device_id for message in lane.got] == [fleet[1].id, fleet[0].id]
    task.refresh_from_db()
    assert task.message_count == 2


def test_zones_end_quiet_hours_once_a_day_each(hours: QuietHours) -> None:
    since = datetime(2026, 3, 28, tzinfo=UTC)  # clocks go forward in Europe the next day
    seen: dict[str, int] = {}
    for hour in range(2 * 24):
        begin = since + timedelta(hours=hour)
        for zone in quiet_hours.ended_in(hours, begin, begin + timedelta(hours=1)):
            seen[zone] = seen.get(zone, 0) + 1
    assert set(seen.values()) == {2}
    assert seen.keys() >= {"", "Europe/Paris", "Asia/Kathmandu", "Pacific/Chatham"}
