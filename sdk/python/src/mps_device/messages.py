"""What the service sends to devices, and what devices report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

OPENED, IGNORED = "opened", "ignored"
# The longest validity, for what brings no times.
LONGEST_VALIDITY_SECONDS = 7 * 86_400.0


@dataclass(frozen=True)
class Message:
    """A push message.

    Attributes:
        k: The message's key on this device. Reports name it.
        data: The whole content (`bData`), as described in PROTOCOL.md.
        repeat: Whether it may have been handed to the handler before: the handler failed, or the connection was lost
            before the acknowledgement arrived.
        seconds_left: For how long it was valid when it arrived; None if that is not known.
    """

    k: str
    data: Mapping[str, Any] = field(default_factory=dict)
    repeat: bool = False
    seconds_left: float | None = None

    @property
    def title(self) -> str:
        """The title; empty for a silent message without one."""
        return str(self.data.get("title") or "")

    @property
    def content(self) -> str:
        """The text below the title."""
        return str(self.data.get("content") or "")

    @property
    def url(self) -> str:
        """What a tap opens; empty for the app's start page."""
        return str(self.data.get("url") or "")

    @property
    def params(self) -> Mapping[str, Any]:
        """The backend's own fields (extended parameters)."""
        params = self.data.get("params")
        return params if isinstance(params, dict) else {}

    @property
    def msg_key(self) -> str:
        """The backend's name of the message."""
        return str(self.data.get("msgKey") or "")

    @property
    def silent(self) -> bool:
        """Whether nothing is to be shown."""
        return bool(self.data.get("silent"))

    @property
    def task_id(self) -> str:
        """The push task; equal to `k` where the message is a broadcast."""
        return str(self.data.get("taskId") or "")

    @property
    def validity(self) -> float:
        """For how many seconds the message is valid, from when it was made."""
        made, ends = self.data.get("createdAt"), self.data.get("expireAt")
        if isinstance(made, int) and isinstance(ends, int):
            return max(0.0, (ends - made) / 1000)
        return LONGEST_VALIDITY_SECONDS

    @property
    def revokes(self) -> str:
        """The key of the message that this one revokes; empty for an ordinary message."""
        return str(self.data.get("revokes") or "")


def decode_message(payload: bytes, *, repeat: bool = False, seconds_left: float | None = None) -> Message:
    """Decode a payload of the inbox.

    Args:
        payload: The JSON `{"k", "bData"}`.
        repeat: Whether it may have come before (MQTT's DUP).
        seconds_left: Its Message Expiry Interval.

    Raises:
        ValueError: It is no such JSON.
    """
    values = json.loads(payload)
    if not isinstance(values, dict) or not isinstance(values.get("bData"), dict) or not values.get("k"):
        raise ValueError("not a message of this service")
    return Message(str(values["k"]), values["bData"], repeat, seconds_left)
