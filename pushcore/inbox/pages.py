"""Read an inbox page by page, newest first, and count what is unread."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection

from pushcore.codes import statuses
from pushcore.inbox.owners import InboxOwner
from pushcore.models.pushes import DeliveryType
from pushcore.storage import clock, ids
from pushcore.storage.sql import statements

_FILE = statements(__file__)
_SQL = {name: _FILE[name].format(entries=_FILE["entries"]) for name in ("page", "unread", "named")}

PAGE, NAMED = _SQL["page"], _SQL["named"]

DEFAULT_LIMIT, MAX_LIMIT = 20, 50
# More unread messages are counted as so many.
MAX_UNREAD = 1000
# They were kept from the user on purpose.
HIDDEN = (statuses.REVOKED, statuses.HELD_BACK, statuses.NO_CONSENT)


class Entry(NamedTuple):
    """A message of an inbox: a row of the statement `page`.

    Attributes:
        content: What devices get of it as `bData`.
        is_users: Whether it is in the inbox of the user, else in that of the device.
    """

    id: int
    msgkey: str
    content: dict[str, Any]
    read_at: datetime | None
    is_users: bool


@dataclass(frozen=True, slots=True)
class InboxPage:
    """A page; `next` is the cursor of the following one, None on the last."""

    entries: list[Entry]
    next: int | None


def read(owner: InboxOwner, *, before: int | None = None, limit: int = DEFAULT_LIMIT) -> InboxPage:
    """Read a page.

    Args:
        owner: Whose inbox.
        before: The cursor: only older messages; None for the newest.
        limit: How many at most.
    """
    with connection.cursor() as cursor:
        cursor.execute(_SQL["page"], parameters(owner) | {"before": before or ids.HIGHEST, "at_most": limit + 1})
        entries = [
            Entry(key, msgkey, json.loads(content), read_at, is_users)
            for key, msgkey, content, read_at, is_users in cursor.fetchall()
        ]
    more = len(entries) > limit
    return InboxPage(entries[:limit], entries[limit - 1].id if more else None)


def count_unread(owner: InboxOwner) -> int:
    """Count what is unread, `MAX_UNREAD` at most: the number for a badge."""
    with connection.cursor() as cursor:
        cursor.execute(_SQL["unread"], parameters(owner) | {"before": ids.HIGHEST, "at_most": MAX_UNREAD})
        return int(cursor.fetchone()[0])


def parameters(owner: InboxOwner) -> dict[str, Any]:
    """Return the values of the statement's part `entries`."""
    return {
        "workspace": owner.workspace_id,
        "device": owner.device_id,
        "user": owner.user_id,
        "of_device": owner.of_device,
        "of_user": owner.of_user,
        "to_users": DeliveryType.USER.value,
        "oldest": ids.first_id_at(clock.now() - timedelta(days=settings.INBOX_DAYS)),
        "hidden": list(HIDDEN),
    }
