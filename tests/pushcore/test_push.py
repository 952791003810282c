"""Accepting a push: it is committed, dispatched once, and limited as documented."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from pushcore.channels import Platform
from pushcore.codes import statuses
from pushcore.codes.results import ResultCode, ResultError
from pushcore.devices import bindings, registry, server_requests
from pushcore.devices.info import DeviceInfo
from pushcore.devices.registry import KnownDevice
from pushcore.models import Device, Message, MessageKey, PushTask, Workspace
from pushcore.push import pushes, requests
from tests.pushcore.conftest import RecordingLane
from tests.support.threads import at_once

Send = Callable[..., PushTask]

APNS = "ab" * 32


def a_push(target_msgkey: dict[str, str], delivery_type: int = 3) -> requests.SimplePush:
    return requests.SimplePush(
        task_name="t", title="Title", content="Content", delivery_type=delivery_type, target_msgkey=target_msgkey,
        expired_seconds=300,
    )  # fmt: skip


@pytest.mark.django_db
def test_a_device_push_is_committed_and_handed_over_with_its_content(
    send: Send, lane: RecordingLane, known: KnownDevice
) -> None:
    task = send({known.ad_token: "k1"}, delivery_type=1, uri="https://example.com", extended_params={"a": "b"})
    message = Message.objects.get()
    assert (message.task_id, message.device_id, message.status) == (task.pk, known.id, statuses.WAITING)
    assert [outgoing.message_id for outgoing in lane.got] == [message.pk]
    assert lane.got[0].content["url"] == "https://example.com"
    assert lane.got[0].content["params"] == {"a": "b"}


@pytest.mark.django_db
def test_a_user_push_goes_to_each_of_the_users_devices(send: Send, lane: RecordingLane, workspace: Workspace) -> None:
    mine = registry.register([(workspace, DeviceInfo()), (workspace, DeviceInfo())])
    for device, _ in mine:
        server_requests.bind(workspace, "ann", device.ad_token, 1)
    task = send({"ann": "k1"})
    assert {outgoing.device_id for outgoing in lane.got} == {device.id for device, _ in mine}
    assert task.message_count == Message.objects.count() == 2
    assert set(task.own_messages()) == set(Message.objects.all())


@pytest.mark.django_db
def test_a_tasks_messages_are_found_by_their_ids_alone(send: Send, lane: RecordingLane, known: KnownDevice) -> None:
    tasks = [send({known.ad_token: f"k{number}"}, delivery_type=1) for number in range(3)]
    kept = PushTask.objects.in_bulk([task.pk for task in tasks])
    for number, task in enumerate(tasks):
        assert [row.msgkey for row in task.own_messages()] == [f"k{number}"]
        assert kept[task.pk].message_ids == task.message_ids == (task.pk, task.own_messages().get().pk)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")  # the planner's choice where the table is tiny
    plan = tasks[0].own_messages().explain()
    # By index or by bitmap, as the planner likes it: it is the primary key's, and only between the two ids.
    assert re.search(r"pushcore_message\w*_pkey", plan), plan
    assert re.search(rf"Index Cond: .*id >= '{tasks[0].pk}'.* AND .*id <= '{tasks[0].last_message_id}'", plan), plan


@pytest.mark.django_db
def test_an_ios_device_is_named_by_its_apns_token(send: Send, lane: RecordingLane, workspace: Workspace) -> None:
    server_requests.bind(workspace, "ann", APNS, 2)
    send({APNS: "k1"}, delivery_type=2)
    assert lane.got[0].third_token == APNS


@pytest.mark.django_db
@pytest.mark.parametrize(("platform", "delivery_type"), [(Platform.OTHER, 1), (Platform.WEB, 7), (Platform.ANDROID, 2)])
def test_a_device_of_another_platform_is_refused_and_the_right_type_named(
    send: Send, lane: RecordingLane, workspace: Workspace, platform: Platform, delivery_type: int
) -> None:
    (device, _), *_ = registry.register([(workspace, DeviceInfo(platform=platform))])
    with pytest.raises(ResultError, match=f"{device.ad_token} is of deliveryType {platform.value}") as refused:
        send({device.ad_token: "k1", "unknown": "k2"}, delivery_type=delivery_type)
    assert refused.value.result is ResultCode.DELIVERY_TYPE_NOT_SUPPORTED
    assert not PushTask.objects.exists()
    assert send({device.ad_token: "k1"}, delivery_type=platform.value).message_count == 1
    assert [outgoing.device_id for outgoing in lane.got] == [device.id]


@pytest.mark.django_db
def test_a_target_of_another_workspace_is_not_reached(send: Send, lane: RecordingLane, workspace: Workspace) -> None:
    other = Workspace.objects.create(app=workspace.app, workspace_id="other")
    [(stranger, _)] = registry.register([(other, DeviceInfo())])
    send({stranger.ad_token: "k1"}, delivery_type=1)
    assert lane.got == []
    assert Message.objects.get().device_id is None


@pytest.mark.django_db
def test_a_push_to_a_user_not_yet_bound_waits_and_is_handed_over_on_bind(
    send: Send, lane: RecordingLane, known: KnownDevice
) -> None:
    send({"ann": "k1"})
    assert Message.objects.get().status == statuses.NO_BIND_INFO
    assert lane.got == []
    bindings.bind(Device.objects.get(pk=known.id), "ann")
    assert [outgoing.device_id for outgoing in lane.got] == [known.id]
    assert Message.objects.get().status == statuses.WAITING


@pytest.mark.django_db
def test_a_message_follows_its_user_to_the_next_device(send: Send, lane: RecordingLane, workspace: Workspace) -> None:
    (old, _), (new, _) = registry.register([(workspace, DeviceInfo()), (workspace, DeviceInfo())])
    server_requests.bind(workspace, "ann", old.ad_token, 1)
    send({"ann": "k1"})
    server_requests.unbind(workspace, "ann", old.ad_token)
    server_requests.bind(workspace, "ann", new.ad_token, 1)
    assert [outgoing.device_id for outgoing in lane.got] == [old.id, new.id]


@pytest.mark.django_db
def test_binding_again_hands_nothing_over_twice(send: Send, lane: RecordingLane, workspace: Workspace) -> None:
    (one, _), (two, _) = registry.register([(workspace, DeviceInfo()), (workspace, DeviceInfo())])
    for device in (one, two):
        server_requests.bind(workspace, "ann", device.ad_token, 1)
    send({"ann": "k1"})
    assert len(lane.got) == 2
    server_requests.unbind(workspace, "ann", one.ad_token)
    server_requests.bind(workspace, "ann", two.ad_token, 1)
    assert len(lane.got) == 2


@pytest.mark.django_db
def test_an_expired_message_is_not_handed_over_on_bind(send: Send, lane: RecordingLane, known: KnownDevice) -> None:
    send({"ann": "k1"})
    Message.objects.update(expire_at=timezone.now() - timedelta(seconds=1))
    bindings.bind(Device.objects.get(pk=known.id), "ann")
    assert lane.got == []


@pytest.mark.django_db
def test_an_unavailable_lane_does_not_undo_an_accepted_push(
    send: Send, lane: RecordingLane, known: KnownDevice
) -> None:
    lane.broken = True
    send({known.ad_token: "k1"}, delivery_type=1)
    assert Message.objects.get().status == statuses.WAITING


@pytest.mark.django_db
def test_the_same_request_again_answers_the_first_task_and_sends_nothing(
    send: Send, lane: RecordingLane, known: KnownDevice
) -> None:
    first = send({known.ad_token: "k1"}, delivery_type=1)
    assert send({known.ad_token: "k1"}, delivery_type=1).pk == first.pk
    assert len(lane.got) == Message.objects.count() == PushTask.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("changes", [{"title": "other"}, {"target_msgkey": {"ann": "k1", "bob": "k2"}}])
def test_a_msgkey_used_by_another_request_is_refused_by_name(
    workspace: Workspace, lane: RecordingLane, changes: dict[str, object]
) -> None:
    request = a_push({"ann": "k1"})
    pushes.accept(workspace, request, source=PushTask.Source.RPC, author="")
    with pytest.raises(ResultError, match="'k1'") as refused:
        pushes.accept(workspace, replace(request, **changes), source=PushTask.Source.RPC, author="")  # type: ignore[arg-type]
    assert refused.value.result == ResultCode.INVALID_PARAM
    assert PushTask.objects.count() == 1
    assert not MessageKey.objects.exclude(task_id=PushTask.objects.get().pk).exists()


@pytest.mark.django_db(transaction=True)
def test_the_same_request_sent_many_times_at_once_is_one_task(
    workspace: Workspace, lane: RecordingLane, known: KnownDevice
) -> None:
    request = a_push({known.ad_token: "k1", "gone": "k2"}, delivery_type=1)

    def accept(_: int) -> set[int]:
        return {pushes.accept(workspace, request, source=PushTask.Source.RPC, author="").pk for _ in range(4)}

    assert len(set.union(*at_once(8, accept))) == 1
    assert Message.objects.count() == 2
    assert len(lane.got) == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "result"),
    [
        ({"task_name": " ", "task_name_required": True}, ResultCode.TASKNAME_NULL),
        ({"title": ""}, ResultCode.PAYLOAD_NOT_ENOUGH),
        ({"content": " "}, ResultCode.PAYLOAD_NOT_ENOUGH),
        ({"delivery_type": 4}, ResultCode.DELIVERY_TYPE_NOT_SUPPORTED),
        ({"target_msgkey": {}}, ResultCode.TOKEN_OR_USERID_NULL),
        ({"target_msgkey": {" ": "k"}}, ResultCode.TOKEN_OR_USERID_NULL),
        ({"target_msgkey": {"u": ""}}, ResultCode.INVALID_PARAM),
        *(
            ({"extended_params": {name: "v"}}, ResultCode.INVALID_EXTEND_PARAM)
            for name in ("notifyType", "action", "silent", "pushType", "templateCode", "channel", "taskId", " ")
        ),
        ({"extended_params": {"badge": "many"}}, ResultCode.INVALID_EXTEND_PARAM),
        ({"extended_params": {"badge_add_num": "x", "badge_class": "c"}}, ResultCode.BADGE_ADD_NUM_INVALID),
        ({"extended_params": {"badge_add_num": "1"}}, ResultCode.BADGE_ADD_NUM_NEED_BADGE_CLASS),
        ({"push_action": 2}, ResultCode.INVALID_PARAM),
        ({"silent": 2}, ResultCode.INVALID_PARAM),
        ({"push_style": 3}, ResultCode.INVALID_PARAM),
        ({"android_channel": 3}, ResultCode.ANDROID_CHANNEL_PARAM_INVALID),
    ],
)
def test_an_invalid_value_is_answered_with_its_code_and_leaves_nothing(
    workspace: Workspace, changes: dict[str, object], result: ResultCode
) -> None:
    request = a_push({"ann": "k1"})
    with pytest.raises(ResultError) as refused:
        pushes.accept(workspace, replace(request, **changes), source=PushTask.Source.RPC, author="")  # type: ignore[arg-type]
    assert refused.value.result == result
    assert not PushTask.objects.exists()
    assert not MessageKey.objects.exists()


@pytest.mark.django_db
def test_a_badge_may_be_set_and_added_to(send: Send, lane: RecordingLane) -> None:
    params = {"badge_add_num": "1", "badge_class": "c", "badge": "3", "big_text": "1"}
    assert send({"ann": "k1"}, extended_params=params).content["params"] == params
