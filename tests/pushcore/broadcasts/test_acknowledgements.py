"""Acknowledgements of broadcasts are counted once for each device."""

from __future__ import annotations

from dataclasses import replace

from django.db import connection
from django.test.utils import CaptureQueriesContext

from pushcore.broadcast import acknowledgements
from pushcore.devices import registry
from pushcore.devices.info import DeviceInfo
from pushcore.models import BroadcastCursor, PushTask, Workspace
from pushcore.ports import BroadcastArrival
from pushcore.push import pushes
from tests.pushcore.broadcasts.samples import NEWS, RPC


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
