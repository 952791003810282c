"""Devices of vendors get a broadcast in batches, each device once, by login state and channel."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from pushcore.broadcast import broadcasts, vendor_walk
from pushcore.channels import Channel, Platform
from pushcore.devices import bindings
from pushcore.models import Binding, Device, Message, Workspace
from pushcore.push import pushes
from tests.pushcore.broadcasts.samples import NEWS, RPC, Fleet
from tests.pushcore.conftest import RecordingLane
from tests.support.threads import at_once


def logins(device: Device, bound_days: float, unbound_days: float | None = None) -> None:
    """Record that the device's user was bound so many days ago, and unbound so many days ago."""
    now = timezone.now()
    Binding.objects.create(
        workspace=device.workspace, device=device, user_id="ann", bound_at=now - timedelta(days=bound_days),
        unbound_at=None if unbound_days is None else now - timedelta(days=unbound_days),
    )  # fmt: skip


DAYS = [
    # push status, period of unbinding, further fields -> which of the devices below get it
    (0, None, {}, {"now", "old"}),
    (0, None, {"bind_period": 1}, {"now"}),
    (1, 1, {}, {"now", "old", "gone5"}),
    (1, 2, {}, {"now", "old", "gone5", "gone10"}),
    (1, 4, {}, {"now", "old", "gone5", "gone10", "gone100"}),
    (2, 3, {}, {"gone5", "gone10"}),
    (2, 4, {}, {"gone5", "gone10", "gone100"}),
    (2, None, {"unbind_window": (12, 8)}, {"gone10"}),
    (2, 1, {"unbind_window": (12, 8)}, {"gone10"}),
    (2, 1, {"unbind_window": (12, 8), "time_mode": 0}, {"gone5"}),
    (0, None, {"bind_window": (31, 29)}, {"old"}),
]


@pytest.mark.parametrize(("status", "period", "further", "reached"), DAYS)
def test_an_ios_broadcast_goes_by_login_state(
    workspace: Workspace, fleet: Fleet, lane: RecordingLane, status: int, period: int | None,
    further: dict[str, Any], reached: set[str],
) -> None:  # fmt: skip
    names = ("now", "old", "gone5", "gone10", "gone100", "never")
    by_name = dict(zip(names, fleet(len(names)), strict=True))
    logins(by_name["now"], 1)
    logins(by_name["old"], 30)
    for days in (5, 10, 100):
        logins(by_name[f"gone{days}"], 200, days)
    logins(by_name["old"], 60, 40)  # bound again since: not gone
    now = timezone.now()
    windows: dict[str, Any] = {
        name: (now - timedelta(days=value[0]), now - timedelta(days=value[1])) if "window" in name else value
        for name, value in further.items()
    }
    pushes.accept(workspace, replace(NEWS, delivery_type=2, push_status=status, unbind_period=period, **windows), **RPC)
    vendor_walk.walk_all()
    assert {outgoing.device_id for outgoing in lane.got} == {by_name[name].pk for name in reached}


def test_vendors_devices_are_reached_in_batches_and_none_twice(
    workspace: Workspace, fleet: Fleet, lane: RecordingLane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vendor_walk, "BATCH", 4)
    iphones = fleet(10)
    for device in iphones:
        logins(device, 1)
    task = pushes.accept(workspace, replace(NEWS, delivery_type=2), **RPC)
    # A worker dies between commit and hand-over of the second batch: its rows stay, and nobody makes them again.
    vendor_walk._walk_batch(task.pk)
    vendor_walk._walk_batch(task.pk)
    vendor_walk.walk_all()
    vendor_walk.walk_all()
    rows = Message.objects.filter(task=task)
    assert sorted(rows.values_list("device_id", flat=True)) == [device.pk for device in iphones]
    assert set(rows.values_list("msgkey", flat=True)) == {"b1"}
    task.refresh_from_db()
    assert task.message_count == 10
    assert set(task.own_messages()) == set(rows)


def test_two_workers_share_a_broadcast_and_reach_no_device_twice(
    transactional_db: None, workspace: Workspace, fleet: Fleet, lane: RecordingLane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vendor_walk, "BATCH", 5)
    for device in fleet(50):
        logins(device, 1)
    pushes.accept(workspace, replace(NEWS, delivery_type=2), **RPC)

    at_once(3, lambda _: vendor_walk.walk_all())
    vendor_walk.walk_all()
    assert len(lane.got) == len({outgoing.device_id for outgoing in lane.got}) == 50


def test_where_a_vendor_is_in_use_its_devices_are_reached_there_only(
    workspace: Workspace, fleet: Fleet, vendors: set[int], lane: RecordingLane
) -> None:
    vendors.add(Channel.XIAOMI)
    [xiaomi] = fleet(1, Platform.ANDROID, Channel.XIAOMI)
    [oppo] = fleet(1, Platform.ANDROID, Channel.OPPO)
    pushes.accept(workspace, NEWS, **RPC)
    _, [active] = broadcasts.read_active(())
    vendor_walk.walk_all()
    assert [outgoing.device_id for outgoing in lane.got] == [xiaomi.pk]
    assert active.vendor_channels == {Channel.XIAOMI}
    assert oppo.third_channel not in active.vendor_channels


@pytest.mark.parametrize("changes", [{"android_channel": 1}, {"silent": 1}, {"notify_type": "transparent"}])
def test_the_self_built_channel_may_be_asked_for(
    workspace: Workspace, fleet: Fleet, vendors: set[int], lane: RecordingLane, changes: dict[str, Any]
) -> None:
    vendors.add(Channel.XIAOMI)
    fleet(1, Platform.ANDROID, Channel.XIAOMI)
    pushes.accept(workspace, replace(NEWS, **changes), **RPC)
    vendor_walk.walk_all()
    assert lane.got == []
    assert broadcasts.read_active(())[1][0].vendor_channels == frozenset()


def test_a_silent_broadcast_goes_through_vendors_that_support_transparent_messages(
    workspace: Workspace, fleet: Fleet, vendors: set[int], lane: RecordingLane
) -> None:
    vendors |= {Channel.XIAOMI, Channel.HUAWEI}
    fleet(1, Platform.ANDROID, Channel.XIAOMI)
    [huawei] = fleet(1, Platform.ANDROID, Channel.HUAWEI)
    options = {"transparentMessagePayload": {"hms": "wake up"}}
    pushes.accept(workspace, replace(NEWS, silent=1, vendor_options=options), **RPC)
    vendor_walk.walk_all()
    assert [outgoing.device_id for outgoing in lane.got] == [huawei.pk]
    assert broadcasts.read_active(())[1][0].vendor_channels == {Channel.HUAWEI}


def test_logged_out_users_are_reached_through_vendors_only(
    workspace: Workspace, fleet: Fleet, vendors: set[int], lane: RecordingLane
) -> None:
    vendors.add(Channel.XIAOMI)
    gone, here = fleet(2, Platform.ANDROID, Channel.XIAOMI)
    logins(gone, 9, 3)
    logins(here, 9)
    pushes.accept(workspace, replace(NEWS, push_status=2, unbind_period=1), **RPC)
    vendor_walk.walk_all()
    assert [outgoing.device_id for outgoing in lane.got] == [gone.pk]
    assert broadcasts.read_active(())[0] == []


def test_a_bind_does_not_give_a_broadcasts_row_away(workspace: Workspace, fleet: Fleet, lane: RecordingLane) -> None:
    [iphone] = fleet(1)
    logins(iphone, 1)
    pushes.accept(workspace, replace(NEWS, delivery_type=2), **RPC)
    vendor_walk.walk_all()
    bindings.bind(iphone, "bob")
    assert Message.objects.get().device_id == iphone.pk
