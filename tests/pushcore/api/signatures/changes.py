"""Changes of a request after it was signed, as an attacker on the way or a faulty proxy would make them."""

from __future__ import annotations

import base64
from collections.abc import Callable
from urllib.parse import parse_qsl

from tests.pushcore.api.callers import SignedRequest

Change = Callable[[SignedRequest], None]


def change_query(name: str, change: Callable[[str], str]) -> Change:
    """Replace a query parameter's value by what `change` makes of it."""

    def apply(request: SignedRequest) -> None:
        assert name in dict(request.query)
        request.query = [(key, change(value) if key == name else value) for key, value in request.query]

    return apply


def set_query(name: str, value: str) -> Change:
    return change_query(name, lambda _: value)


def add_query(name: str, value: str) -> Change:
    return lambda request: request.query.append((name, value))


def remove_query(name: str) -> Change:
    """Remove a query parameter."""

    def apply(request: SignedRequest) -> None:
        assert name in dict(request.query)
        request.query = [(key, value) for key, value in request.query if key != name]

    return apply


def rename_query(old: str, new: str) -> Change:
    """Rename a query parameter."""

    def apply(request: SignedRequest) -> None:
        assert old in dict(request.query)
        request.query = [(new if key == old else key, value) for key, value in request.query]

    return apply


def replace_in_body(old: str, new: str) -> Change:
    """Replace a part of the body that must occur in it."""

    def apply(request: SignedRequest) -> None:
        assert old.encode() in request.raw
        request.raw = request.raw.replace(old.encode(), new.encode())

    return apply


def append_to_body(text: str) -> Change:
    def apply(request: SignedRequest) -> None:
        request.raw += text.encode()

    return apply


def change_header(name: str, change: Callable[[str], str]) -> Change:
    """Replace a header's value by what `change` makes of it, which must differ."""

    def apply(request: SignedRequest) -> None:
        before = request.headers[name]
        request.headers[name] = change(before)
        assert request.headers[name] != before

    return apply


def set_header(name: str, value: str) -> Change:
    return change_header(name, lambda _: value)


def remove_header(name: str) -> Change:
    def apply(request: SignedRequest) -> None:
        del request.headers[name]

    return apply


def replace_in_authorization(old: str, new: str) -> Change:
    return change_header("authorization", lambda value: value.replace(old, new))


def change_signature(change: Callable[[str], str]) -> Change:
    """Change what follows `Signature=` in the Authorization header."""

    def apply(value: str) -> str:
        head, _, signature = value.partition("Signature=")
        return f"{head}Signature={change(signature)}"

    return change_header("authorization", apply)


def move_body_into_query(request: SignedRequest) -> None:
    request.query += parse_qsl(request.raw.decode(), keep_blank_values=True)
    request.raw = b""


def turn_into_get(request: SignedRequest) -> None:
    move_body_into_query(request)
    request.method = "GET"


def swap_case(text: str) -> str:
    assert text != text.swapcase()
    return text.swapcase()


def to_hex(signature: str) -> str:
    return base64.b64decode(signature, altchars=b"-_").hex()
