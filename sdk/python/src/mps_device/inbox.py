"""The inbox: messages of the last days, for the app's message centre."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class InboxMessage:
    """A message of the inbox.

    Attributes:
        k: Names it in `mark_read` and `delete_from_inbox`.
        msgkey: The backend's own ID.
        at: When it was pushed, in milliseconds since 1970.
        is_read: Whether it was read, of a user's on any device.
        is_users: Whether it is the bound user's, else the device's own.
        data: What it is delivered with.
    """

    k: str
    msgkey: str
    at: int
    is_read: bool
    is_users: bool
    data: Mapping[str, Any]


@dataclass(frozen=True)
class InboxPage:
    """A page, newest first.

    Attributes:
        messages: At most as many as were asked for; fewer where they are large.
        next: The cursor of the following page; empty on the last.
        unread: How many messages of the inbox are unread, 1,000 at most.
    """

    messages: list[InboxMessage]
    next: str
    unread: int

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> InboxPage:
        """Read an answer's data."""
        messages = [
            InboxMessage(one["k"], one["msgKey"], one["at"], one["read"], one["of"] == "user", one["bData"])
            for one in data["messages"]
        ]
        return cls(messages, data["next"], data["unread"])
