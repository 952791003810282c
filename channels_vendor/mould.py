"""Bodies that differ only in the token and the ids are encoded once and filled in for each device."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from channels_vendor.contract import Delivery

# Random, so that no content can hold them.
_SECRET = secrets.token_hex(16)
MESSAGE_ID, TOKEN, MSGKEY, DATA = (f"{name}-{_SECRET}" for name in ("id", "token", "msgkey", "data"))
_MARKS = re.compile(f'"((?:id|token|msgkey|data)-{_SECRET})"')

ELLIPSIS = "…"


def encode(body: Mapping[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


class Mould:
    """A JSON body with marks in it: `MESSAGE_ID`, `TOKEN` and `MSGKEY` stand for a delivery's own values, `DATA` for
    text that is made for it."""

    __slots__ = ("_pieces",)

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._pieces = _MARKS.split(encode(body))

    def fill(self, delivery: Delivery, data: str = "") -> bytes:
        own = {MESSAGE_ID: f'"{delivery.message_id}"'}
        if TOKEN in self._pieces:
            own[TOKEN] = json.dumps(delivery.token)
        if MSGKEY in self._pieces:
            own[MSGKEY] = json.dumps(delivery.msgkey, ensure_ascii=False)
        if DATA in self._pieces:
            own[DATA] = json.dumps(data, ensure_ascii=False)
        return "".join([own.get(piece, piece) for piece in self._pieces]).encode()


def shorten(text: str, size: Callable[[str], int], most: int) -> str | None:
    """The longest beginning of `text` with which `size` is at most `most`, marked as cut; None where none is."""
    if size(text) <= most:
        return text
    low, high = -1, len(text) - 1
    while low < high:
        middle = (low + high + 1) // 2
        if size(text[:middle] + ELLIPSIS) <= most:
            low = middle
        else:
            high = middle - 1
    return None if low < 0 else text[:low] + ELLIPSIS
