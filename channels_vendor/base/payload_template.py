"""Encode a body once and fill in what differs from device to device: the token and the IDs."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from json.encoder import encode_basestring
from typing import Any

from channels_vendor.base.delivery import Delivery, Notification
from channels_vendor.base.references import Reference

# Random, so that no content can hold them.
_SECRET = secrets.token_hex(16)
_NAMES = ("id", "token", "msgkey", "data", "reference", "notify")
MESSAGE_ID, TOKEN, MSGKEY, DATA, REFERENCE, NOTIFY_ID = (f"{name}-{_SECRET}" for name in _NAMES)
_MARKS = re.compile(f'"((?:{"|".join(_NAMES)})-{_SECRET})"')

# What each mark stands for.
_OWN: dict[str, Callable[[Delivery, str], str | int]] = {
    MESSAGE_ID: lambda delivery, _: str(delivery.message_id),
    TOKEN: lambda delivery, _: delivery.token,
    MSGKEY: lambda delivery, _: delivery.msgkey,
    DATA: lambda _, data: data,
    REFERENCE: lambda delivery, _: str(Reference(delivery.message_id)),
    NOTIFY_ID: lambda delivery, _: Reference(delivery.message_id).notify_id,
}

# The longest ID there is: bodies are measured with it, and with their longest msgkey, in the marks' places.
LONGEST_ID = str(2**63 - 1)
# `json.dumps` with options would make an encoder for each value.
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def encode(body: Mapping[str, Any]) -> str:
    """Return a body as compact JSON."""
    return _encode(body)


def longest_msgkeys(deliveries: Iterable[Delivery]) -> dict[Notification, str]:
    """Return for each notification the msgkey of its deliveries that takes the most bytes in JSON."""
    longest: dict[Notification, tuple[int, str]] = {}
    for _, _, _, msgkey, notification in deliveries:
        size = len(encode_basestring(msgkey).encode())
        known = longest.get(notification)
        if known is None or size > known[0]:
            longest[notification] = size, msgkey
    return {notification: msgkey for notification, (_, msgkey) in longest.items()}


def size_of(body: Mapping[str, Any]) -> int:
    """Return how many bytes a body takes when it is sent."""
    return len(_encode(body).encode())


class PayloadTemplate:
    """A JSON body with marks in it.

    A mark stands for a whole value: `DATA` for a text made for each delivery, the others for the delivery's own values.
    """

    __slots__ = ("_pieces", "_values")

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._pieces = _MARKS.split(encode(body))
        self._values = [(place, _OWN[piece]) for place, piece in enumerate(self._pieces) if piece in _OWN]

    def render(self, delivery: Delivery, data: str = "") -> bytes:
        """Return the body for one delivery, with `data` where the mark `DATA` is."""
        pieces = self._pieces.copy()
        for place, own in self._values:
            value = own(delivery, data)
            pieces[place] = encode_basestring(value) if isinstance(value, str) else str(value)
        return "".join(pieces).encode()
