"""Multiple push from a file: every good line becomes a message once, every bad line is named, whatever dies."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection
from django.db.backends.utils import CursorWrapper
from hypothesis import given
from hypothesis import strategies as st

from pushcore.codes.results import ResultCode, ResultError
from pushcore.devices import bindings, registry
from pushcore.devices.info import DeviceInfo
from pushcore.file_push import inspection, load, pieces, upload
from pushcore.file_push.records import Lines, Reader
from pushcore.models import Device, FileChunk, FileFault, FileImport, Message, PushTask, Workspace
from pushcore.models.pushes import DeliveryType
from pushcore.push import limits, pushes, templates
from pushcore.push.requests import FilePush, SimplePush
from pushcore.push.templates import TemplateDraft
from tests.pushcore.conftest import KeepingLane

CONTENT = {"title": "Hello #name#", "content": "Body", "url": ""}
Send = Callable[..., PushTask]


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "wake_loader", lambda: None)
    monkeypatch.setattr(load, "wake_loader", lambda: None)


@pytest.fixture
def upload_file(transactional_db: None, workspace: Workspace) -> Send:
    """Uploads a file; further arguments override the request's fields."""
    templates.create(workspace, TemplateDraft("hello", "d", "Hello #name#", "Body"))

    def send(data: bytes | str, **changes: Any) -> PushTask:
        raw = data.encode() if isinstance(data, str) else data
        fields: dict[str, Any] = {
            "delivery_type": 3, "expired_seconds": 300, "template_name": "hello",
            "sha256": hashlib.sha256(raw).hexdigest(),
        }  # fmt: skip
        request = FilePush(**(fields | changes))
        return upload.receive(workspace, request, io.BytesIO(raw).read, source=PushTask.Source.REST, author="test")

    return send


def lines_of(count: int, first: int = 0) -> str:
    return "".join(f"user{n},k{n},name=N{n}\n" for n in range(first, first + count))


def faults(task: PushTask) -> list[tuple[int, str]]:
    return list(FileFault.objects.filter(file_id=task.pk).values_list("line", "reason"))


def test_each_line_becomes_a_message_with_its_own_content(
    upload_file: Send, workspace: Workspace, lane: KeepingLane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "online", set)
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
    assert [(outgoing.msgkey, outgoing.content["title"]) for outgoing in lane.got] == [("k1", "Hello Ann")]
    assert not task.own_messages().exists()
    task.refresh_from_db()
    assert task.message_count == task.own_messages().count() == 3
    assert not FileChunk.objects.exists()
    assert FileImport.objects.get().finished_at is not None
    # A device that is not connected is handed nothing: it asks when it connects.
    monkeypatch.setattr(load, "online", lambda _devices: set())
    upload_file("ann,k9,name=Ann\n")
    load.load_all()
    assert len(lane.got) == 1


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


@pytest.mark.parametrize("length", [250, 251])
def test_a_record_has_at_most_250_characters(upload_file: Send, length: int) -> None:
    head = "bob,k1,name="
    upload_file(head + "ü" * (length - len(head)))
    assert load.load_all() == (1 if length == 250 else 0)


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("block", [8, 13, 1 << 12])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_lines_end_as_any_system_ends_them(
    upload_file: Send, monkeypatch: pytest.MonkeyPatch, ending: str, block: int, mark: str
) -> None:
    monkeypatch.setattr(pieces, "BLOCK", block)
    monkeypatch.setattr(pieces, "CHUNK", 2 * block)
    monkeypatch.setattr(pieces, "KEPT_OF_LINE", 400)
    lines = [
        "ann,k1,name=Ann",
        '"b,ob",k2,"name=B, ""b"""',
        "",
        "at fault",
        "x" * 900,
        "carl,k3,name=C,",
        "dan,k4,name=D",
    ]
    task = upload_file(mark + ending.join(lines))
    assert load.load_all() == 4
    assert set(Message.objects.values_list("target", "override__title")) == {
        ("ann", "Hello Ann"), ("b,ob", 'Hello B, "b"'), ("carl", "Hello C"), ("dan", "Hello D"),
    }  # fmt: skip
    assert [line for line, _ in faults(task)] == [4, 5]
    file = FileImport.objects.get()
    assert (file.line, file.position) == (7, file.size)


@pytest.mark.parametrize(
    "line", ["ann,k1,name=Ann,", "ann,k1,name=Ann,,, ", '"ann","k1","name=Ann",""', 'ann,k1,"name=Ann",']
)
def test_commas_at_a_lines_end_are_no_fault(line: str) -> None:
    block = Reader(1, CONTENT, DeliveryType.USER).read(Lines(0, len(line), 1, line.encode()))
    assert block.faults == []
    assert [json.loads(record.override or "")["title"] for record in block.records] == ["Hello Ann"]


@pytest.mark.parametrize("line", ["ann,k1,,name=Ann", "ann,,name=Ann,", "ann,"])
def test_an_empty_field_within_a_line_is_a_fault(line: str) -> None:
    block = Reader(1, CONTENT, DeliveryType.USER).read(Lines(0, len(line), 1, line.encode()))
    assert (len(block.records), len(block.faults)) == (0, 1)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_file_in_utf_16_is_refused_by_name(upload_file: Send, encoding: str) -> None:
    with pytest.raises(ResultError, match="UTF-16") as refused:
        upload_file("ann,k1,name=Ann\n".encode(encoding))
    assert refused.value.result is ResultCode.REQUEST_SHOULD_BE_UTF8
    assert not FileImport.objects.exists()


def test_a_line_that_does_not_end_takes_no_memory(upload_file: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "BLOCK", 1 << 12)
    monkeypatch.setattr(pieces, "CHUNK", 1 << 13)
    task = upload_file("ann,k1,name=a\n" + "x" * 500_000 + "\nbob,k2,name=b\n")
    held = []
    read = Reader.read

    def spy(self: Reader, lines: Lines) -> Any:
        held.append(len(lines.data))
        return read(self, lines)

    monkeypatch.setattr(Reader, "read", spy)
    assert load.load_all() == 2
    assert faults(task) == [(2, "longer than 250 characters")]
    assert max(held) < 1 << 15


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


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some twenty records a block, two blocks a chunk."""
    monkeypatch.setattr(pieces, "BLOCK", 512)
    monkeypatch.setattr(pieces, "CHUNK", 1000)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("where", ["_claim", "_copy", "_keep_faults", "_hand_over"])
def test_a_worker_that_dies_is_followed_by_one_that_goes_on(
    upload_file: Send, lane: KeepingLane, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """At any point of any block: no line is lost, none is made twice."""
    task = upload_file(lines_of(300) + "bad\n" + lines_of(100, 300))
    working, calls = getattr(load, where), itertools.count(1)

    def dying(*arguments: Any) -> Any:
        if next(calls) % 4 == 0:
            raise KeyboardInterrupt
        return working(*arguments)

    monkeypatch.setattr(load, where, dying)
    for _ in range(60):
        try:
            load.load_all()
        except KeyboardInterrupt:
            FileImport.objects.update(leased_until=None)  # its time runs out
        else:
            break
    keys = list(Message.objects.filter(task=task).values_list("msgkey", flat=True))
    assert sorted(keys) == sorted(f"k{n}" for n in range(400))
    task.refresh_from_db()
    assert task.message_count == 400
    assert faults(task) == [(301, "target and msgkey are expected, separated by a comma")]


@pytest.mark.usefixtures("small_blocks")
def test_two_workers_share_the_files_and_make_no_line_twice(upload_file: Send, lane: KeepingLane) -> None:
    tasks = [upload_file(lines_of(200, first * 1000)) for first in range(4)]

    def work() -> None:
        try:
            load.load_all()
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for task in tasks:
        task.refresh_from_db()
        rows = set(Message.objects.filter(task=task))
        assert task.message_count == len(rows) == 200
        assert set(task.own_messages()) == rows


@pytest.mark.usefixtures("small_blocks")
def test_one_whose_lease_ran_out_stops_and_spoils_nothing(upload_file: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    task = upload_file(lines_of(200))
    write, calls = load._write, itertools.count(1)

    def overtaken(*arguments: Any) -> None:
        if next(calls) == 3:
            FileImport.objects.update(leased_until=None)
            load.load_all()  # another worker, to the end
        write(*arguments)

    monkeypatch.setattr(load, "_write", overtaken)
    load.load_all()
    FileImport.objects.update(leased_until=None)  # where each stopped for the other
    load.load_all()
    assert Message.objects.filter(task=task).count() == 200


@pytest.mark.usefixtures("small_blocks")
def test_the_work_is_given_back_when_the_time_is_spent(upload_file: Send) -> None:
    task = upload_file(lines_of(200))
    rounds = 0
    while not FileImport.objects.get().finished_at:
        load.load_all(budget_seconds=0.001)
        rounds += 1
    assert rounds > 2
    assert Message.objects.filter(task=task).count() == 200


def test_a_blocks_statements_are_few_however_many_lines(
    upload_file: Send, lane: KeepingLane, monkeypatch: pytest.MonkeyPatch
) -> None:
    executed: list[str] = []
    execute, copy = CursorWrapper.execute, load._copy

    def counted(cursor: Any, sql: str, *arguments: Any) -> Any:
        executed.append(sql)
        return execute(cursor, sql, *arguments)

    def counted_copy(rows: bytes) -> None:
        executed.append("COPY")
        copy(rows)

    monkeypatch.setattr(CursorWrapper, "execute", counted)
    monkeypatch.setattr(load, "_copy", counted_copy)
    # The lease's renewals go by the time a block takes, not by its lines.
    monkeypatch.setattr("pushcore.file_push.lease.HEARTBEAT_SECONDS", 3600.0)

    def statements(records: int, first: int) -> int:
        upload_file(lines_of(records, first))
        executed.clear()
        load.load_all()
        return len(executed)

    assert statements(2, 0) == statements(2000, 10) > 5


@pytest.mark.parametrize(
    ("data", "changes", "result"),
    [
        (b"", {}, ResultCode.NEED_FILE),
        (b"ann,k1,name=\xff\n", {}, ResultCode.REQUEST_SHOULD_BE_UTF8),
        (b"ann,k1,name=\xc3", {}, ResultCode.REQUEST_SHOULD_BE_UTF8),
        (b"ann,k1\n", {"sha256": "0" * 64}, ResultCode.SIGNATURE_MISMATCH),
        (b"ann,k1\n", {"sha256": "xyz"}, ResultCode.INVALID_PARAM),
        (b"ann,k1\n", {"template_name": ""}, ResultCode.NEED_TEMPLATE),
        (b"ann,k1\n", {"template_name": "none"}, ResultCode.TEMPLATE_NOT_EXIST),
        (b"ann,k1\n", {"delivery_type": 9}, ResultCode.DELIVERY_TYPE_NOT_SUPPORTED),
        (b"ann,k1\n", {"expired_seconds": 0}, ResultCode.EXPIREDSECONDS_WRONG),
        (b"ann,k1\n", {"extended_params": {"taskId": "x"}}, ResultCode.INVALID_EXTEND_PARAM),
    ],
)
def test_a_file_that_cannot_be_taken_leaves_nothing(
    upload_file: Send, data: bytes, changes: dict[str, Any], result: ResultCode
) -> None:
    with pytest.raises(ResultError) as refused:
        upload_file(data, **changes)
    assert refused.value.result is result
    assert not PushTask.objects.exists()
    assert not FileImport.objects.exists()
    assert not FileChunk.objects.exists()


@pytest.mark.parametrize(("size", "fits"), [(100, True), (101, False)])
def test_a_file_has_so_many_bytes_and_no_more(upload_file: Send, settings: Any, size: int, fits: bool) -> None:
    settings.MAX_FILE_BYTES = 100
    data = b"ann,k1,name=".ljust(size, b"x")
    if fits:
        upload_file(data)
    else:
        with pytest.raises(ResultError) as refused:
            upload_file(data)
        assert refused.value.result is ResultCode.MSG_PAYLOAD_TOO_LONG


def test_a_sender_that_goes_away_leaves_nothing(upload_file: Send, workspace: Workspace) -> None:
    def broken(_size: int) -> bytes:
        raise ConnectionResetError

    request = FilePush(delivery_type=3, expired_seconds=300, template_name="hello", sha256="0" * 64)
    with pytest.raises(ConnectionResetError):
        upload.receive(workspace, request, broken, source=PushTask.Source.REST, author="")
    assert not FileImport.objects.exists()


# -- reading, without I/O ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["#name#.", "100% #name# %s %%", '"#name#" \\ #name#!', "ü\u2028#name#\t#other#"])
def test_values_are_filled_in_as_they_are(text: str) -> None:
    content = CONTENT | {"title": text, "url": "https://example.com/?n=#name#"}
    for value in ("Ann", 'a "b" \\ %s %(x)s', "\t\x01ü#name#", ""):
        line = f'ann,k1,"name={value.replace(chr(34), chr(34) * 2)}",other=o'
        block = Reader(1, content, DeliveryType.USER).read(Lines(1, 2, 1, line.encode()))
        assert block.faults == []
        [record] = block.records
        filled = text.replace("#name#", "\0").replace("#other#", "o").replace("\0", value)
        assert json.loads(record.override or "") == {
            "title": filled,
            "url": f"https://example.com/?n={quote(value, safe='')}",
        }


@pytest.mark.parametrize("options", [{}, {"channelId": "c" * 128}])
def test_a_short_content_of_its_own_is_a_fault_where_the_shared_one_leaves_no_room(options: dict[str, Any]) -> None:
    shared = CONTENT | {"params": {"p": ""}}
    room = 4096 - limits.payload_bytes(shared, options)
    for more, faults in ((0, []), (1, [1])):
        content = shared | {"params": {"p": "x" * (room - len("Ann") + len("#name#") + more)}}
        block = Reader(1, content, DeliveryType.USER, options).read(Lines(1, 2, 1, b"ann,k1,name=Ann"))
        assert [fault.line for fault in block.faults] == faults


def test_content_that_grows_too_large_is_a_fault() -> None:
    content = CONTENT | {"title": "#n#" * 60}
    fits, too_large = f"ann,k1,n={'x' * 10}", f"ann,k2,n={'x' * 200}"
    block = Reader(1, content, DeliveryType.USER).read(Lines(1, 2, 1, f"{fits}\n{too_large}".encode()))
    assert [record.line for record in block.records] == [1]
    assert [(fault.line, "4096 bytes" in fault.reason) for fault in block.faults] == [(2, True)]


TRICKY = ["a,b,name=c", "a,b", ",", "", '"', '"a,b",c', "a,b,name=c,name=d", "ü,k,name=\u2028x", "a\x0bb,k,name=x"]


@given(st.lists(st.one_of(st.sampled_from(TRICKY), st.text(max_size=300)), max_size=30), st.booleans())
def test_every_line_is_a_record_a_fault_or_blank(lines: list[str], ends: bool) -> None:
    text = "\n".join(line.replace("\n", "\r") for line in lines)
    data = text.encode("utf-8", "replace") + (b"\n" if ends else b"")
    found = Lines(1, 1 + len(data), 1, data)
    block = Reader(1, CONTENT, DeliveryType.USER).read(found)
    numbers = [record.line for record in block.records] + [fault.line for fault in block.faults]
    assert len(numbers) == len(set(numbers))
    assert set(numbers) <= set(range(1, found.last + 1))
    for record in block.records:
        assert record.target.strip()
        assert 1 <= len(record.msgkey) <= 64
        assert record.override is not None
    assert len({record.digest for record in block.records}) == len(block.records)


# -- kept, looked at, then pushed (the console) -----------------------------------------------------------------------


def kept(workspace: Workspace, text: str) -> FileImport:
    return upload.keep(workspace, io.BytesIO(text.encode()).read)


def wanted(file: FileImport, **changes: Any) -> FilePush:
    fields: dict[str, Any] = {"delivery_type": 3, "expired_seconds": 300, "template_name": "hello"}
    return FilePush(sha256=file.sha256, **(fields | changes))


BY_CONSOLE: dict[str, Any] = {"source": PushTask.Source.CONSOLE, "author": "operator"}


@pytest.mark.usefixtures("upload_file", "small_blocks")
def test_a_kept_file_is_looked_at_without_pushing_it(workspace: Workspace) -> None:
    file = kept(workspace, lines_of(5) + "bad\n" + lines_of(200, 5) + "too,many," + "x" * 250 + "\n")
    found = inspection.inspect(file, upload.content_of(workspace, wanted(file)), DeliveryType.USER)
    assert (found.records, found.faults) == (205, 2)
    assert [(record.line, record.title) for record in found.first_records] == [
        *((n + 1, f"Hello N{n}") for n in range(5)),
        *((n + 2, f"Hello N{n}") for n in range(5, 10)),
    ]
    assert [fault.line for fault in found.first_faults] == [6, 207]
    assert load.load_all() == 0
    assert not PushTask.objects.exists()


@pytest.mark.usefixtures("upload_file")
def test_a_kept_file_is_pushed_once(workspace: Workspace) -> None:
    file = kept(workspace, lines_of(3))
    task = upload.push(workspace, wanted(file), file, **BY_CONSOLE)
    assert upload.push(workspace, wanted(file), file, **BY_CONSOLE) == task
    with pytest.raises(ResultError, match="pushed already"):
        upload.push(workspace, wanted(file, expired_seconds=301), file, **BY_CONSOLE)
    again = kept(workspace, lines_of(3))
    assert upload.push(workspace, wanted(again), again, **BY_CONSOLE) == task
    assert not FileImport.objects.filter(pk=again.pk).exists()
    assert load.load_all() == 3


@pytest.mark.usefixtures("upload_file")
def test_a_refused_push_leaves_the_kept_file(workspace: Workspace) -> None:
    file = kept(workspace, lines_of(3))
    for changes in ({"expired_seconds": 0}, {"template_name": "unknown"}):
        with pytest.raises(ResultError):
            upload.push(workspace, wanted(file, **changes), file, **BY_CONSOLE)
    assert upload.push(workspace, wanted(file), file, **BY_CONSOLE).pk == file.pk
