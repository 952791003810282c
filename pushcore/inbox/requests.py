"""Read what a device or a backend asks of an inbox, and answer it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pushcore.codes.results import ResultCode, ResultError
from pushcore.inbox import marks, pages
from pushcore.inbox.owners import InboxOwner
from pushcore.inbox.pages import Entry
from pushcore.storage import ids

ALL = "all"
# Bytes of a page's messages as JSON: with what is around them they fit the 16 KiB that every device takes in a packet.
MAX_PAGE_BYTES = 14_336
# What is around them.
_AROUND = 2_048


def serve(owner: InboxOwner, payload: Mapping[str, Any], *, room: int = 0) -> dict[str, Any]:
    """Serve a device's request: marks first, then a page.

    Args:
        owner: Whose inbox.
        payload: `read` (a list of `k`, or "all"), `delete` (a list of `k`), `before` (a cursor), `limit`; a limit of 0
            asks for no page. All are optional. A page ends before `MAX_PAGE_BYTES`; it has one message at least.
        room: Bytes of the largest packet that the device takes; 0 for no limit of its own.

    Returns:
        `messages`, `next` (the cursor, "" on the last page) and `unread`.

    Raises:
        ResultError: INVALID_PARAM.
    """
    change(owner, read=payload.get("read"), delete=payload.get("delete"))
    before, limit = cursor_of(payload.get("before")), limit_of(payload.get("limit"))
    page = pages.read(owner, before=before, limit=limit) if limit else pages.InboxPage([], None)
    messages = [described(entry) | {"bData": entry.content} for entry in page.entries]
    fitting = _fitting(messages, min(MAX_PAGE_BYTES, room - _AROUND) if room else MAX_PAGE_BYTES)
    # The cursor is the last message of a page.
    following = page.next if len(fitting) == len(messages) else fitting[-1]["k"]
    return {
        "messages": fitting,
        "next": str(following or ""),
        "unread": pages.count_unread(owner),
    }


def change(owner: InboxOwner, *, read: Any, delete: Any) -> None:
    """Mark as read, and delete. What is not in the inbox is left out.

    Raises:
        ResultError: INVALID_PARAM.
    """
    if read == ALL:
        marks.mark_read(owner, None)
    elif read:
        marks.mark_read(owner, _named("read", read))
    if delete:
        marks.delete(owner, _named("delete", delete))


def described(entry: Entry) -> dict[str, Any]:
    """Return what both APIs say of a message beside its content; times are in milliseconds since 1970."""
    return {
        "k": str(entry.id),
        "msgKey": entry.msgkey,
        "at": ids.created_at_ms(entry.id),
        "read": entry.read_at is not None,
        "of": "user" if entry.is_users else "device",
    }


def cursor_of(value: Any) -> int | None:
    """Read a cursor; None for the first page."""
    if value in (None, ""):
        return None
    if isinstance(value, bool) or not isinstance(value, str | int) or not (cursor := ids.parse(str(value))):
        raise ResultError(ResultCode.INVALID_PARAM, "before is no cursor")
    return cursor


def limit_of(value: Any) -> int:
    """Read a limit."""
    if value is None:
        return pages.DEFAULT_LIMIT
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= pages.MAX_LIMIT:
        raise ResultError(ResultCode.INVALID_PARAM, f"limit is 0 to {pages.MAX_LIMIT}")
    return value


def _fitting(messages: list[dict[str, Any]], room: int) -> list[dict[str, Any]]:
    """Return the first messages, as many as fit, and one at least."""
    size = 0
    for number, message in enumerate(messages):
        size += len(json.dumps(message)) + len(", ")
        if number and size > room:
            return messages[:number]
    return messages


def _named(name: str, value: Any) -> Sequence[int]:
    if not isinstance(value, list) or len(value) > marks.MAX_NAMED:
        raise ResultError(ResultCode.INVALID_PARAM, f"{name} is a list of at most {marks.MAX_NAMED} message IDs")
    numbers = [ids.parse(str(one)) for one in value]
    if not all(numbers):
        raise ResultError(ResultCode.INVALID_PARAM, f"{name} holds what is no message ID")
    return [number for number in numbers if number]
