"""Decoding refuses values that cannot be stored, by the name of their parameter."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pushcore.codes.results import ResultCode, ResultError
from pushcore.inbound import decoding

DEEP = decoding.MAX_DEPTH


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        (b'{"title": "a\\ud83d"}', "title"),
        (b'{"title": "\\udc00b"}', "title"),
        (b'{"title": "a\\u0000"}', "title"),
        (b'{"a": 1, "b": [{"c": "\\u0000"}]}', "b[0].c"),
        (b'{"a\\ud83d": 1}', "a\\ud83d"),
        (b'{"thirdChannel": ' + b"9" * 5000 + b"}", "thirdChannel"),
        (b'{"thirdChannel": 0.' + b"9" * 5000 + b"}", "thirdChannel"),
        (b'{"badge": 1e999}', "badge"),
        (b'{"badge": NaN}', "badge"),
        (b'{"badge": -Infinity}', "badge"),
        (b'{"state": ' + b"[" * DEEP + b"]" * DEEP + b"}", "state"),
        (b'{"first": 1, "state": {"deep": ' + b"[" * 500 + b"]" * 500 + b"}}", "state"),
        (b'{"first": "[", "state": ' + b'{"a":' * 100_000, "state"),
        (b"[" * 100_000, "the body"),
        (b'["\\ud800"]', "[0]"),
    ],
)
def test_a_value_that_cannot_be_stored_is_refused_by_name(raw: bytes, named: str) -> None:
    with pytest.raises(ResultError) as refused:
        decoding.decode_json(raw)
    assert refused.value.result is ResultCode.INVALID_PARAM
    assert f": {named} " in refused.value.message
    refused.value.message.encode()


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b'\xef\xbb\xbf{"a": "\xc3\xa9"}', {"a": "é"}),
        (b'{"a": "\\ud83d\\ude00"}', {"a": "😀"}),
        (b'{"a": "\\\\ud83d \\\\u0000 NaN 1e999"}', {"a": "\\ud83d \\u0000 NaN 1e999"}),
        (b"[" * DEEP + b"1e300" + b"]" * DEEP, None),
        (b'{"a": ' + b"9" * 99 + b"}", {"a": int("9" * 99)}),
    ],
)
def test_a_value_that_only_resembles_an_unstorable_one_is_accepted(raw: bytes, value: object) -> None:
    assert decoding.decode_json(raw) == (json.loads(raw) if value is None else value)


@pytest.mark.parametrize(
    ("raw", "code"),
    [(b"{", "3028"), (b"", "3028"), (b"\xff{}", "3031"), ('{"a": 1}'.encode("utf-16"), "3031"), (b'"\x00"', "3028")],
)
def test_invalid_json_is_the_callers_fault(raw: bytes, code: str) -> None:
    with pytest.raises(ResultError) as refused:
        decoding.decode_json(raw)
    assert refused.value.result.code == code


# A million lists before the one that is at fault: it is refused, though not by name.
def test_a_fault_behind_a_million_parts_is_found() -> None:
    with pytest.raises(ResultError):
        decoding.decode_json(b'{"a": [' + b"[]," * 300_000 + b'"\\ud800"]}')


_TEXTS = st.text(st.characters(codec=None), max_size=5)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=20,
)


@settings(max_examples=300, deadline=None)
@given(_VALUES)
def test_a_decoded_value_can_be_stored_and_encoded(value: object) -> None:
    raw = json.dumps(value).encode()
    try:
        read = decoding.decode_json(raw)
    except ResultError as error:
        error.message.encode()
        return
    text = json.dumps(read, ensure_ascii=False, allow_nan=False)
    assert "\\u0000" not in text.replace("\\\\", "")
    text.encode()
    assert read == value
