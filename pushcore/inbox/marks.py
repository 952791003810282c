"""Mark messages of an inbox as read, or delete them from it."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

from pushcore.inbox import pages
from pushcore.inbox.owners import InboxOwner
from pushcore.models import Message, PushTask
from pushcore.models.pushes import DeliveryType
from pushcore.storage import clock, ids
from pushcore.storage.sql import statements

_SQL = statements(__file__)

# Messages that one call names at most. All unread ones are the newest `pages.MAX_UNREAD`.
MAX_NAMED = 100


def mark_read(owner: InboxOwner, message_ids: Sequence[int] | None) -> int:
    """Mark messages as read; None: all. What is not in the inbox is left out. Two statements.

    Returns:
        How many are in the inbox.
    """
    return _mark(owner, message_ids, deleted=False)


def delete(owner: InboxOwner, message_ids: Sequence[int]) -> int:
    """Delete messages from the inbox; they stay what they are elsewhere. Two statements.

    Returns:
        How many were in the inbox.
    """
    return _mark(owner, message_ids, deleted=True)


def hide(messages: Sequence[Message]) -> None:
    """Take revoked messages of one workspace out of inboxes."""
    tasks = PushTask.objects.filter(pk__in={message.task_id for message in messages}, inbox=True)
    shown = set(tasks.values_list("pk", flat=True))
    hidden = sorted((message.pk, _owner_of(message)) for message in messages if message.task_id in shown)
    if hidden:
        _write(messages[0].workspace_id, hidden, deleted=True)


def _owner_of(message: Message) -> str:
    owner = InboxOwner(message.workspace_id, message.device_id, message.target)
    return owner.of_user if message.delivery_type == DeliveryType.USER else owner.of_device


def _write(workspace_id: int, marks: Sequence[tuple[int, str]], *, deleted: bool) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            _SQL["mark"],
            {
                "workspace": workspace_id,
                "owners": [owner for _, owner in marks],
                "messages": [message_id for message_id, _ in marks],
                "now": clock.now(),
                "deleted": deleted,
            },
        )


def _mark(owner: InboxOwner, message_ids: Sequence[int] | None, *, deleted: bool) -> int:
    names = None if message_ids is None else sorted(set(message_ids))
    if names == []:
        return 0
    values = pages.parameters(owner) | {"before": ids.HIGHEST, "at_most": pages.MAX_UNREAD, "names": names}
    if names:
        # Only what lies between them is looked at.
        values |= {"oldest": max(values["oldest"], names[0]), "before": names[-1] + 1}
    with connection.cursor() as cursor:
        cursor.execute(pages.NAMED, values)
        found = sorted(cursor.fetchall())
    if found:
        owners = [(message_id, owner.of_user if is_users else owner.of_device) for message_id, is_users in found]
        _write(owner.workspace_id, owners, deleted=deleted)
    return len(found)
