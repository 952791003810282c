"""A file is loaded: each good line becomes a message with its own content, each bad line a fault with its number."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.backends.utils import CursorWrapper

from pushcore.audience import aliases
from pushcore.channels import Platform
from pushcore.codes.results import ResultError
from pushcore.devices import bindings, registry
from pushcore.devices.info import DeviceInfo
from pushcore.loading import load, messages
from pushcore.models import Device, FileChunk, FileImport, Message, PushTask, Workspace
from pushcore.push import pushes, template_versions, templates
from pushcore.push.requests import SimplePush
from pushcore.push.templates import TemplateDraft
from tests.pushcore.conftest import RecordingLane
from tests.pushcore.file_push.files import Send, faults, lines_of


def test_each_line_becomes_a_message_with_its_own_content(
    upload_file: Send, workspace: Workspace, lane: RecordingLane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "online", set)
    [(known, _)] = registry.register([(workspace, DeviceInfo())])
    bindings.bind(Device.objects.get(pk=known.id), "ann")
    task = upload_file(
        '\ufeffann,k1,name=Ann\r\n\nbob,k2,"name=Bob, junior",more=x=y\n"c,arl",k3,name=t\tb\\s"\n', delivery_type=3
    )
    assert load.load_all() == 3
    rows = {row.msgkey: row for row in Message.objects.filter(task=task)}
    assert [rows[key].title for key in ("k1", "k2", "k3")] == ["Hello Ann", "Hello Bob, junior", 'Hello t\tb\\s"']
    assert (rows["k1"].device_id, rows["k1"].status, rows["k1"].target) == (known.id, 0, "ann")
    assert (rows["k2"].device_id, rows["k2"].status) == (None, 1)
    assert rows["k3"].target == "c,arl"
    assert {row.kind for row in rows.values()} == {Message.Kind.MULTIPLE}
    assert [(outgoing.msgkey, outgoing.content["title"]) for outgoing in lane.got] == [("k1", "Hello Ann")]
    assert not task.own_messages().exists()
    task.refresh_from_db()
    assert task.message_count == task.own_messages().count() == 3
    assert not FileChunk.objects.exists()
    assert FileImport.objects.get().finished_at is not None
    # A device that is not connected is handed nothing: it asks when it connects.
    monkeypatch.setattr(messages, "online", lambda _devices: set())
    upload_file("ann,k9,name=Ann\n")
    load.load_all()
    assert len(lane.got) == 1


def test_a_files_lines_may_name_aliases_of_users(upload_file: Send, workspace: Workspace) -> None:
    [(known, _)] = registry.register([(workspace, DeviceInfo())])
    bindings.bind(Device.objects.get(pk=known.id), "ann")
    aliases.change(workspace, {"a@x.org": "ann", "b@x.org": "bob"})
    task = upload_file("a@x.org,k1,name=A\nann,k1,name=A\nb@x.org,k1,name=B\na@x.org,k2,name=A\n", delivery_type=3)
    assert load.load_all() == 3
    rows = Message.objects.filter(task=task).order_by("pk")
    assert [(row.target, row.msgkey, row.device_id, row.title) for row in rows] == [
        ("ann", "k1", known.id, "Hello A"),
        ("bob", "k1", None, "Hello B"),
        ("ann", "k2", known.id, "Hello A"),
    ]
    assert [line for line, _ in faults(task)] == [2]


def test_a_file_is_loaded_with_the_template_as_it_was_when_it_was_accepted(
    upload_file: Send, workspace: Workspace
) -> None:
    task = upload_file("ann,k1,name=Ann\n")
    template = templates.named(workspace, "hello")
    changed = TemplateDraft("hello", "d", "#greeting#, #name#", "Other")
    template_versions.revise(template, changed, based_on=1, author="olga")
    assert load.load_all() == 1
    [message] = Message.objects.filter(task=task)
    assert (message.title, message.content["content"]) == ("Hello Ann", "Body")


def test_bad_lines_are_named_with_their_numbers_and_good_ones_go_on(upload_file: Send) -> None:
    task = upload_file(
        "ann,k1,name=Ann\n"
        "ann\n"
        ",k2,name=x\n"
        "bob,,name=x\n"
        "bob,k3,name\n"
        "bob,k4,other=x\n"
        + "bob," + "k" * 65 + ",name=x\n"
        + "bob,k5,name=" + "x" * 250 + "\n"
        + "ann,k1,name=again\n"
        + 'bob,k"6,name="x\n'
        + '"bob,k7\n'
        + "bob,k\0,name=x\n"
        + "   \n"
        + "bob,k8,name=last"
    )  # fmt: skip
    load.load_all()
    found = faults(task)
    assert [line for line, _ in found] == [2, 3, 4, 5, 6, 7, 8, 9, 11, 12]
    assert [reason.split(":")[0] for _, reason in found] == [
        "target and msgkey are expected, separated by a comma", "target is empty", "illegal parameter",
        "'name' is not placeholder=value", "placeholder 'name' has no value", "illegal parameter",
        "longer than 250 characters", "target and msgkey stand in an earlier line", "quotes", "holds a NUL character",
    ]  # fmt: skip
    file = FileImport.objects.get()
    assert (file.accepted, file.rejected, file.line) == (3, 10, 14)
    assert set(Message.objects.values_list("msgkey", flat=True)) == {"k1", 'k"6', "k8"}


def test_a_device_of_another_platform_is_a_fault(upload_file: Send, workspace: Workspace) -> None:
    [(other, _)] = registry.register([(workspace, DeviceInfo(platform=Platform.OTHER))])
    task = upload_file(f"unknown,k1,name=A\n{other.ad_token},k2,name=B\n", delivery_type=1)
    assert load.load_all() == 1
    assert faults(task) == [(2, "the device is of another platform")]


def test_a_used_msgkey_is_a_fault_and_a_repeated_file_is_the_first_task(
    upload_file: Send, workspace: Workspace
) -> None:
    used = SimplePush(
        delivery_type=3, expired_seconds=300, task_name="t", title="t", content="c", target_msgkey={"user3": "k3"}
    )
    pushes.accept(workspace, used, source=PushTask.Source.RPC, author="")
    task = upload_file(lines_of(5))
    assert upload_file(lines_of(5)).pk == task.pk
    assert load.load_all() == 4
    assert faults(task) == [(4, "msgkey was used for this target within the last 24 hours")]
    other = upload_file(lines_of(5), expired_seconds=301)
    assert other.pk != task.pk
    assert load.load_all() == 0
    assert len(faults(other)) == 5
    with pytest.raises(ResultError):
        pushes.accept(workspace, SimplePush(delivery_type=3, expired_seconds=300, title="t", content="c",
                    target_msgkey={"user1": "k1"}), source=PushTask.Source.RPC, author="")  # fmt: skip


def test_a_block_takes_as_many_statements_however_many_lines_it_has(
    upload_file: Send, lane: RecordingLane, monkeypatch: pytest.MonkeyPatch
) -> None:
    executed: list[str] = []
    execute, copy = CursorWrapper.execute, messages.copy

    def counted(cursor: Any, sql: str, *arguments: Any) -> Any:
        executed.append(sql)
        return execute(cursor, sql, *arguments)

    def counted_copy(rows: bytes) -> None:
        executed.append("COPY")
        copy(rows)

    monkeypatch.setattr(CursorWrapper, "execute", counted)
    monkeypatch.setattr(messages, "copy", counted_copy)
    # The lease's renewals go by the time a block takes, not by its lines.
    monkeypatch.setattr("pushcore.loading.lease.HEARTBEAT_SECONDS", 3600.0)

    def statements(records: int, first: int) -> int:
        upload_file(lines_of(records, first))
        executed.clear()
        load.load_all()
        return len(executed)

    assert statements(2, 0) == statements(2000, 10) > 5
