"""A line is read, without I/O, into a record or a fault."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushcore.file_push.records import Lines, Reader
from pushcore.models.pushes import DeliveryType
from pushcore.push import limits
from tests.pushcore.file_push.files import CONTENT


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
def test_even_short_content_is_a_fault_where_the_shared_content_leaves_no_room(options: dict[str, Any]) -> None:
    shared = CONTENT | {"params": {"p": ""}}
    room = 4096 - limits.payload_bytes(shared, options)
    for more, faults in ((0, []), (1, [1])):
        content = shared | {"params": {"p": "x" * (room - len("Ann") + len("#name#") + more)}}
        block = Reader(1, content, DeliveryType.USER, options).read(Lines(1, 2, 1, b"ann,k1,name=Ann"))
        assert [fault.line for fault in block.faults] == faults


def test_content_that_values_make_too_large_is_a_fault() -> None:
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
