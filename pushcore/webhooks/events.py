"""Queue events: rows for the endpoints that want them, in the transaction that makes them true.

Whoever changes messages or tasks asks in its own statement whether the workspace wants the event
(`Workspace.webhook_events`) and calls nothing here where it does not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from pushcore.callbacks import sender_signals
from pushcore.channels import Channel, Platform
from pushcore.codes import statuses
from pushcore.storage import clock
from pushcore.storage.sql import statements
from pushcore.webhooks.event_types import EventType

_SQL = statements(__file__)


class MessageNews(NamedTuple):
    """What became of messages: an event, with the status and channel of all of them."""

    event: str
    status: int
    channel: int
    message_ids: Sequence[int]


class Opened(NamedTuple):
    """A message or broadcast that was opened on a device."""

    message_id: int
    device_id: int


def messages_changed(cursor: CursorWrapper, news: Sequence[MessageNews], now: datetime) -> None:
    """Queue what became of messages. One statement, whatever the number.

    Args:
        cursor: Of the transaction that changed them.
        news: What to tell. Of arrivals only those noted at `now` are told.
        now: The time of the change.
    """
    if not any(one.message_ids for one in news):
        return
    texts = {(one.status, one.channel): statuses.lookup(one.status, Channel(one.channel).label).label for one in news}
    ids = [message_id for one in news for message_id in one.message_ids]
    cursor.execute(
        _SQL["messages"],
        {
            "ids": f"{{{','.join(map(str, ids))}}}",
            "events": [one.event for one in news for _ in one.message_ids],
            "first": min(ids),
            "last": max(ids),
            "now": now,
            "arrived": EventType.MESSAGE_ARRIVED.title,
            "statuses": [status for status, _ in texts],
            "channels": [channel for _, channel in texts],
            "texts": list(texts.values()),
            **_NAMES,
        },
    )
    _wake(cursor)


def messages_arrived(cursor: CursorWrapper, message_ids: Sequence[int], now: datetime) -> None:
    """Queue that messages are on their devices, whatever their status. One statement."""
    news = MessageNews(EventType.MESSAGE_ARRIVED.title, statuses.ACKED, Channel.SELF_BUILT.value, message_ids)
    messages_changed(cursor, [news], now)


def messages_opened(opened: Sequence[Opened]) -> None:
    """Queue that messages or broadcasts were opened. One statement; none for nobody."""
    if not opened:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            _SQL["opened"],
            {
                "event": EventType.MESSAGE_OPENED.title,
                "messages": [one.message_id for one in opened],
                "devices": [one.device_id for one in opened],
                "now": clock.now(),
                **_NAMES,
            },
        )
        _wake(cursor)


def devices_changed(event: EventType, details: Mapping[int, Mapping[str, Any]]) -> None:
    """Queue an event of devices. One statement, which writes nothing where their workspaces do not want it.

    Args:
        event: What happened.
        details: By device id what the event says beside Ad-token and platform.
    """
    if not details:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            _SQL["devices"],
            {
                "event": event.title,
                "devices": list(details),
                "details": [json.dumps(one, ensure_ascii=False) for one in details.values()],
                "now": clock.now(),
                **_NAMES,
            },
        )
        _wake(cursor)


def tasks_finished(cursor: CursorWrapper, task_ids: Sequence[int], now: datetime, *, over: bool = False) -> None:
    """Queue that tasks are finished, each once. One statement; none for no task.

    Args:
        cursor: Of the transaction that finished them.
        task_ids: Tasks that may be finished: some still get messages.
        now: The time.
        over: Whether their validity is over, so that no message waits any more.
    """
    if not task_ids:
        return
    cursor.execute(
        _SQL["tasks"],
        {
            "event": EventType.TASK_FINISHED.title,
            "tasks": list(task_ids),
            "first": min(task_ids),
            "last": max(task_ids),
            "over": over,
            "now": now,
        },
    )
    _wake(cursor)


def _wake(cursor: CursorWrapper) -> None:
    if cursor.rowcount > 0:
        transaction.on_commit(sender_signals.wake_sender)


# Names of channels and platforms, which the database knows by number.
_NAMES: dict[str, Any] = {
    "platforms": [platform.value for platform in Platform],
    "platform_names": [platform.api_name for platform in Platform],
    "all_channels": [channel.value for channel in Channel],
    "channel_names": ["self_built" if channel == Channel.SELF_BUILT else channel.label for channel in Channel],
}
