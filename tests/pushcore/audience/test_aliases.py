"""Aliases: a push that names one is accepted for its user, in a call, a file and a schedule."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from pushcore import retention
from pushcore.audience import aliases
from pushcore.codes.results import ResultCode, ResultError
from pushcore.devices import bindings
from pushcore.devices.registry import KnownDevice
from pushcore.file_push.records import Lines, Reader
from pushcore.models import Device, Message, PushTask, UserAlias, Workspace
from pushcore.models.pushes import DeliveryType
from pushcore.push import audience_estimate
from pushcore.push.recipients import Recipient, by_users
from pushcore.revocation import revocations
from tests.pushcore.conftest import RecordingLane

pytestmark = pytest.mark.django_db
Send = Callable[..., PushTask]


def give(workspace: Workspace, users: dict[str, str]) -> None:
    aliases.change(workspace, users)
    workspace.refresh_from_db()


def test_a_push_to_an_alias_reaches_its_user_and_is_the_users(
    workspace: Workspace, known: KnownDevice, lane: RecordingLane, send: Send
) -> None:
    bindings.bind(Device.objects.get(pk=known.id), "ann")
    give(workspace, {" ann@x.org ": "ann", "+47 1": "bob"})
    task = send({"ann@x.org": "k1", "+47 1": "k2", "eve": "k3"})
    assert [(one.target, one.device_id) for one in lane.got] == [("ann", known.id)]
    assert set(Message.objects.values_list("target", "status")) == {("ann", 0), ("bob", 1), ("eve", 1)}
    assert send({"ann@x.org": "k1", "+47 1": "k2", "eve": "k3"}) == task
    assert audience_estimate.of_targets(workspace, DeliveryType.USER, ["ann@x.org", "ann", "+47 1"]) == 1
    bindings.bind(Device.objects.get(pk=known.id), "bob")
    assert lane.got[-1].msgkey == "k2"
    assert revocations.revoke_message(workspace, "k1", "ann@x.org") == 1


def test_an_alias_moves_ends_and_is_looked_up_with_one_query(workspace: Workspace) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert aliases.users_of(workspace, ["a", "b"]) == {}
    assert len(queries) == 0
    give(workspace, {"a": "ann", "b": "ann", "c": "ann"})
    give(workspace, {"a": "bob", "b": "", "unknown": ""})
    with CaptureQueriesContext(connection) as queries:
        assert aliases.users_of(workspace, ["a", "b", "c", "d"]) == {"a": "bob", "c": "ann"}
    assert len(queries) == 1
    assert aliases.of_user(workspace, "ann") == ["c"]
    other = Workspace.objects.create(app=workspace.app, workspace_id="other", has_aliases=True)
    assert aliases.users_of(other, ["a"]) == {}


def test_a_user_has_at_most_ten_aliases_and_a_call_beyond_gives_none(workspace: Workspace) -> None:
    give(workspace, {f"a{n}": "ann" for n in range(10)})
    with pytest.raises(ResultError, match="ann: a user has at most 10") as refused:
        aliases.change(workspace, {"more": "ann", "other": "bob", "a0": "bob", "a1": "bob", "most": "ann", "x": "ann"})
    assert refused.value.result is ResultCode.TAG_NUM_TOO_MUCH
    assert aliases.of_user(workspace, "bob") == []
    give(workspace, {"a0": "", "more": "ann"})
    assert UserAlias.objects.count() == 10


def test_a_user_named_twice_with_one_msgkey_is_refused(workspace: Workspace, send: Send) -> None:
    give(workspace, {"a": "ann"})
    with pytest.raises(ResultError, match="named twice for one user"):
        send({"a": "k", "ann": "k"})
    send({"a": "k1", "ann": "k2"})
    assert list(Message.objects.values_list("target", flat=True)) == ["ann", "ann"]
    on_android = [Recipient("a", "k")]
    assert by_users(workspace, DeliveryType.ANDROID, on_android) is on_android


def test_a_files_aliases_claim_and_reach_as_their_users_do() -> None:
    content = {"title": "t", "content": "c", "url": ""}
    reader = Reader(7, content, DeliveryType.USER)
    block = reader.read(Lines(0, 0, 1, b"a,k1\nbob,k1\nann,k1\nann,k2\n"))
    reader.rename(block, {"a": "ann"})
    wanted = reader.read(Lines(0, 0, 1, b"ann,k1\nbob,k1\nann,k2\n"))
    assert [record[1:] for record in block.records] == [record[1:] for record in wanted.records]
    assert [(fault.line, fault.record) for fault in block.faults] == [(3, "ann,k1")]


def test_aliases_end_with_their_workspace_and_long_after_their_user(workspace: Workspace, known: KnownDevice) -> None:
    bindings.bind(Device.objects.get(pk=known.id), "ann")
    give(workspace, {"a": "ann", "b": "bob"})
    UserAlias.objects.update(given_at=timezone.now() - timedelta(days=366))
    retention.purge()
    assert [row.alias for row in UserAlias.objects.all()] == ["a"]
    workspace.delete()
    assert not UserAlias.objects.exists()
