"""Lines are found however they end and however long they are."""

from __future__ import annotations

from typing import Any

import pytest

from pushcore.file_push import blocks
from pushcore.file_push.records import Lines, Reader
from pushcore.loading import load
from pushcore.models import FileImport, Message
from tests.pushcore.file_push.files import Send, faults


@pytest.mark.parametrize("length", [250, 251])
def test_a_record_has_at_most_250_characters(upload_file: Send, length: int) -> None:
    head = "bob,k1,name="
    upload_file(head + "ü" * (length - len(head)))
    assert load.load_all() == (1 if length == 250 else 0)


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("block", [8, 13, 1 << 12])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_lines_may_end_as_on_any_system(
    upload_file: Send, monkeypatch: pytest.MonkeyPatch, ending: str, block: int, mark: str
) -> None:
    monkeypatch.setattr(blocks, "BLOCK", block)
    monkeypatch.setattr(blocks, "CHUNK", 2 * block)
    monkeypatch.setattr(blocks, "KEPT_OF_LINE", 400)
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


def test_an_endless_line_takes_no_memory(upload_file: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK", 1 << 12)
    monkeypatch.setattr(blocks, "CHUNK", 1 << 13)
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
