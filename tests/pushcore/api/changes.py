"""Changes of a signed request on its way: what somebody in between, or a caller by mistake, might do to it."""

from __future__ import annotations

import base64
from collections.abc import Callable
from urllib.parse import parse_qsl

from tests.pushcore.api.callers import Wire

Change = Callable[[Wire], None]


def in_query(name: str, change: Callable[[str], str]) -> Change:
    def apply(wire: Wire) -> None:
        assert name in dict(wire.query)
        wire.query = [(key, change(value) if key == name else value) for key, value in wire.query]

    return apply


def set_query(name: str, value: str) -> Change:
    return in_query(name, lambda _: value)


def more_query(name: str, value: str) -> Change:
    return lambda wire: wire.query.append((name, value))


def less_query(name: str) -> Change:
    def apply(wire: Wire) -> None:
        assert name in dict(wire.query)
        wire.query = [(key, value) for key, value in wire.query if key != name]

    return apply


def renamed_query(old: str, new: str) -> Change:
    def apply(wire: Wire) -> None:
        assert old in dict(wire.query)
        wire.query = [(new if key == old else key, value) for key, value in wire.query]

    return apply


def in_body(old: str, new: str) -> Change:
    def apply(wire: Wire) -> None:
        assert old.encode() in wire.raw
        wire.raw = wire.raw.replace(old.encode(), new.encode())

    return apply


def more_body(text: str) -> Change:
    def apply(wire: Wire) -> None:
        wire.raw += text.encode()

    return apply


def in_header(name: str, change: Callable[[str], str]) -> Change:
    def apply(wire: Wire) -> None:
        before = wire.headers[name]
        wire.headers[name] = change(before)
        assert wire.headers[name] != before

    return apply


def set_header(name: str, value: str) -> Change:
    return in_header(name, lambda _: value)


def less_header(name: str) -> Change:
    def apply(wire: Wire) -> None:
        del wire.headers[name]

    return apply


def in_authorization(old: str, new: str) -> Change:
    return in_header("authorization", lambda value: value.replace(old, new))


def of_signature(change: Callable[[str], str]) -> Change:
    """A change of what stands behind `Signature=` in the Authorization header."""

    def apply(value: str) -> str:
        head, _, signature = value.partition("Signature=")
        return f"{head}Signature={change(signature)}"

    return in_header("authorization", apply)


def into_the_query(wire: Wire) -> None:
    wire.query += parse_qsl(wire.raw.decode(), keep_blank_values=True)
    wire.raw = b""


def as_get(wire: Wire) -> None:
    into_the_query(wire)
    wire.method = "GET"


def other_case(text: str) -> str:
    assert text != text.swapcase()
    return text.swapcase()


def as_hex(signature: str) -> str:
    return base64.b64decode(signature, altchars=b"-_").hex()
