"""Broadcasts: their audience, vendors' devices in batches, and cursors that count each device once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from pushcore import ports
from pushcore.broadcast import acknowledgements, broadcasts, vendor_walk
from pushcore.channels import Channel, Platform
from pushcore.codes.results import ResultError
from pushcore.devices import bindings, registry
from pushcore.devices.info import DeviceInfo
from pushcore.models import Binding, Broadcast, BroadcastCursor, Device, Message, PushTask, Workspace
from pushcore.ports import BroadcastArrival
from pushcore.push import pushes, templates
from pushcore.push.requests import BroadcastPush
from pushcore.push.templates import TemplateDraft
from tests.pushcore.conftest import RecordingLane

RPC: dict[str, Any] = {"source": PushTask.Source.RPC, "author": "test"}
NEWS = BroadcastPush(
    delivery_type=1, expired_seconds=300, task_name="t", template_name="news", msgkey="b1",
    template_key_value={"content": "tea"},
)  # fmt: skip
Fleet = Callable[..., list[Device]]


@pytest.fixture(autouse=True)
def template(workspace: Workspace) -> None:
    templates.create(workspace, TemplateDraft("news", "d", "News", "About #content#"))


@pytest.fixture
def fleet(workspace: Workspace) -> Fleet:
    """Return a function that registers devices with a token at a vendor's channel."""

    def register(number: int, platform: Platform = Platform.IOS, channel: Channel = Channel.APNS) -> list[Device]:
        infos = [DeviceInfo(platform=platform, third_token=f"t{n}") for n in range(number)]
        made = registry.register([(workspace, one) for one in infos])
        found = Device.objects.filter(pk__in=[device.id for device, _ in made])
        found.update(third_channel=channel)
        return list(found.order_by("pk"))

    return register


@pytest.fixture
def vendors(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """Return the set of channels in use."""
    used: set[int] = set()
    monkeypatch.setattr(ports, "_vendor_channels", [lambda _workspace: used])
    return used


def logins(device: Device, bound_days: float, unbound_days: float | None = None) -> None:
    """Record that the device's user was bound so many days ago, and unbound so many days ago."""
    now = timezone.now()
    Binding.objects.create(
        workspace=device.workspace, device=device, user_id="ann", bound_at=now - timedelta(days=bound_days),
        unbound_at=None if unbound_days is None else now - timedelta(days=unbound_days),
    )  # fmt: skip


def test_an_android_broadcast_is_one_row(workspace: Workspace, lane: RecordingLane) -> None:
    task = pushes.accept(workspace, NEWS, **RPC)
    assert (task.kind, task.content["content"], task.message_count) == ("broadcast", "About tea", 0)
    assert not Message.objects.exists()
    _, [active] = broadcasts.active(())
    assert (active.platform, active.outgoing.message_id, active.outgoing.msgkey) == (1, task.pk, "b1")


def test_the_same_broadcast_again_is_the_first_one(workspace: Workspace) -> None:
    first = pushes.accept(workspace, NEWS, **RPC)
    assert pushes.accept(workspace, NEWS, **RPC).pk == first.pk
    with pytest.raises(ResultError, match="b1"):
        pushes.accept(workspace, replace(NEWS, expired_seconds=301), **RPC)
    assert Broadcast.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"delivery_type": 3}, "3030"),
        ({"delivery_type": 4}, "3009"),
        ({"push_status": 1}, "3051"),
        ({"push_status": 2}, "3051"),
        ({"push_status": 1, "unbind_period": 5}, "3052"),
        ({"push_status": 1, "unbind_period": 0}, "3052"),
        ({"push_status": 1, "unbind_period": 1}, "3053"),
        ({"push_status": 2, "unbind_period": 4, "android_channel": 1}, "3053"),
        ({"push_status": 3}, "3028"),
        ({"bind_period": 5}, "3028"),
        ({"android_channel": 3}, "3057"),
        ({"msgkey": " "}, "3028"),
        ({"template_name": ""}, "3025"),
        ({"template_name": "other"}, "3022"),
        ({"template_key_value": {}}, "3023"),
        ({"task_name": "", "task_name_required": True}, "3019"),
    ],
)
def test_a_broadcast_beyond_a_limit_is_refused_and_leaves_nothing(
    workspace: Workspace, changes: dict[str, Any], code: str
) -> None:
    with pytest.raises(ResultError) as caught:
        pushes.accept(workspace, replace(NEWS, **changes), **RPC)
    assert caught.value.result.code == code
    assert not PushTask.objects.exists()


def test_the_number_of_valid_broadcasts_is_limited(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broadcasts, "MAX_ACTIVE", 2)
    for key in ("a", "b"):
        pushes.accept(workspace, replace(NEWS, msgkey=key), **RPC)
    with pytest.raises(ResultError, match="2 broadcasts"):
        pushes.accept(workspace, replace(NEWS, msgkey="c"), **RPC)
    Broadcast.objects.update(expire_at=timezone.now())
    pushes.accept(workspace, replace(NEWS, msgkey="c"), **RPC)


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

    def work() -> None:
        try:
            vendor_walk.walk_all()
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    vendor_walk.walk_all()
    assert len(lane.got) == len({outgoing.device_id for outgoing in lane.got}) == 50


def test_where_a_vendor_is_in_use_its_devices_are_reached_there_only(
    workspace: Workspace, fleet: Fleet, vendors: set[int], lane: RecordingLane
) -> None:
    vendors.add(Channel.XIAOMI)
    [xiaomi] = fleet(1, Platform.ANDROID, Channel.XIAOMI)
    [oppo] = fleet(1, Platform.ANDROID, Channel.OPPO)
    pushes.accept(workspace, NEWS, **RPC)
    _, [active] = broadcasts.active(())
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
    assert broadcasts.active(())[1][0].vendor_channels == frozenset()


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
    assert broadcasts.active(())[1][0].vendor_channels == {Channel.HUAWEI}


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
    assert broadcasts.active(())[0] == []


def test_a_bind_does_not_give_a_broadcasts_row_away(workspace: Workspace, fleet: Fleet, lane: RecordingLane) -> None:
    [iphone] = fleet(1)
    logins(iphone, 1)
    pushes.accept(workspace, replace(NEWS, delivery_type=2), **RPC)
    vendor_walk.walk_all()
    bindings.bind(iphone, "bob")
    assert Message.objects.get().device_id == iphone.pk


# -- cursors ----------------------------------------------------------------------------------------------------------


def count(*tasks: PushTask) -> list[int]:
    return [PushTask.objects.get(pk=task.pk).success_count for task in tasks]


def test_an_acknowledgement_of_a_broadcast_is_counted_once(workspace: Workspace) -> None:
    first, second = (pushes.accept(workspace, replace(NEWS, msgkey=key), **RPC) for key in "ab")
    one, two = (device for device, _ in registry.register([(workspace, DeviceInfo())] * 2))
    arrivals = [
        BroadcastArrival(one.id, first.pk, (first.pk,)),
        BroadcastArrival(two.id, second.pk, (first.pk, second.pk)),
    ]
    assert acknowledgements.record(arrivals) == 3
    assert acknowledgements.record(arrivals) == 0
    assert acknowledgements.record([BroadcastArrival(one.id, second.pk, (first.pk, second.pk))]) == 1
    assert count(first, second) == [2, 2]
    assert set(BroadcastCursor.objects.values_list("position", flat=True)) == {second.pk}


def test_a_lost_report_is_made_up_for_by_the_next(workspace: Workspace) -> None:
    first, second = (pushes.accept(workspace, replace(NEWS, msgkey=key), **RPC) for key in "ab")
    [(device, _)] = registry.register([(workspace, DeviceInfo())])
    # That the first was acknowledged never arrived; the device's next report names both.
    acknowledgements.record([BroadcastArrival(device.id, second.pk, (first.pk, second.pk))])
    acknowledgements.record([BroadcastArrival(device.id, first.pk, (first.pk,))])
    assert count(first, second) == [1, 1]


def test_a_batch_of_arrivals_costs_as_many_statements_as_one(workspace: Workspace) -> None:
    task = pushes.accept(workspace, NEWS, **RPC)
    known = [device.id for device, _ in registry.register([(workspace, DeviceInfo())] * 60)]

    def statements(device_ids: list[int]) -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            acknowledgements.record([BroadcastArrival(device_id, task.pk, (task.pk,)) for device_id in device_ids])
        return len(queries)

    assert statements(known[:1]) == statements(known[1:])
    assert count(task) == [60]


def test_a_report_of_a_deleted_device_is_ignored(workspace: Workspace) -> None:
    task = pushes.accept(workspace, NEWS, **RPC)
    [(device, _)] = registry.register([(workspace, DeviceInfo())])
    acknowledgements.record([
        BroadcastArrival(999_999_999, task.pk, (task.pk,)), BroadcastArrival(device.id, task.pk, (task.pk,))
    ])  # fmt: skip
    assert count(task) == [1]


@pytest.mark.usefixtures("transactional_db")
def test_broadcasts_at_once_become_visible_in_the_order_of_their_ids(workspace: Workspace) -> None:
    """No smaller id becomes visible after a cursor has moved past an id."""
    stop, orders = threading.Event(), []

    def watch() -> None:
        highest = 0
        try:
            while not stop.is_set():
                seen = broadcasts.active(())[0]
                orders.append(all(task_id > highest for task_id in set(seen) - known))
                known.update(seen)
                highest = max(known, default=0)
        finally:
            connection.close()

    def send(number: int) -> None:
        try:
            for count in range(5):
                pushes.accept(workspace, replace(NEWS, msgkey=f"{number}-{count}"), **RPC)
        finally:
            connection.close()

    known: set[int] = set()
    watcher = threading.Thread(target=watch)
    senders = [threading.Thread(target=send, args=(number,)) for number in range(6)]
    for thread in (watcher, *senders):
        thread.start()
    for thread in senders:
        thread.join()
    stop.set()
    watcher.join()
    assert all(orders)
    assert len(broadcasts.active(())[0]) == 30
