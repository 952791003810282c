"""The one place where a message's status changes.

`record` takes a batch of outcomes from any lane. Statuses only go forward: a pending one (-1, 0, 1) to a final one;
the UPDATE's WHERE says so, and only rows it really changed are counted and receipted. Recording an outcome twice
therefore counts once.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

from django.db import connection, transaction
from prometheus_client import Counter as PrometheusCounter

from pushcore.callbacks import queueing
from pushcore.channels import Channel
from pushcore.codes import statuses
from pushcore.delivery import task_counters
from pushcore.delivery.task_counters import Counts
from pushcore.ports import Outcome
from pushcore.storage import clock
from pushcore.storage.sql import statements
from pushcore.webhooks import event_types
from pushcore.webhooks import events as webhook_events
from pushcore.webhooks.event_types import EventType
from pushcore.webhooks.events import MessageNews

RECORDED = PrometheusCounter("mps_outcomes_total", "Messages whose status became final.", ["channel"])

_FILE = statements(__file__)
_SQL = {
    name: _FILE[name].format(
        keys=_FILE["keys"],
        pending=", ".join(str(code) for code in sorted(statuses.PENDING)),
        waiting=statuses.WAITING,
        expired=statuses.EXPIRED,
    )
    for name in ("by_key", "any_way", "lock", "update", "arrive", "mark_sent")
}


class _FinalStatus(NamedTuple):
    """A status that ends a message, and the channel that it was reached on."""

    status: int
    channel: int

    @property
    def arrives(self) -> bool:
        """Whether it says that the message is on its device; some vendors say so later."""
        return self.status == statuses.ACKED and not Channel(self.channel).reports_arrival

    @property
    def event(self) -> str:
        """The webhook event that it is; empty for none."""
        return event_types.of_final_status(self.status, arrives=self.arrives)


class _Changed(NamedTuple):
    """Messages of a task that became final alike: a row of the statement `update`.

    Attributes:
        arrived: Of how many it became known now that they are on their devices.
        receipted: The messages, if their workspace wants receipts.
        told: The messages, if a webhook of their workspace wants the event.
    """

    task_id: int
    messages: int
    arrived: int
    receipted: list[int] | None
    told: list[int] | None


def record(outcomes: Sequence[Outcome]) -> int:
    """Write what became of messages, in one transaction: statuses, counters, receipts, webhook events.

    Of a message that is named twice the first outcome counts.

    Returns:
        How many messages changed.
    """
    first: dict[int, _FinalStatus] = {}
    for outcome in outcomes:
        first.setdefault(outcome.message_id, _FinalStatus(outcome.status, int(outcome.channel)))
    alike: dict[_FinalStatus, list[int]] = defaultdict(list)
    for message_id in sorted(first):
        alike[first[message_id]].append(message_id)
    return _record(alike)


def record_acknowledged(message_ids: Iterable[int]) -> int:
    """Do as `record` for messages that devices acknowledged on the self-built channel."""
    ordered = sorted(set(message_ids))
    return _record({_FinalStatus(statuses.ACKED, Channel.SELF_BUILT.value): ordered} if ordered else {})


def _record(alike: Mapping[_FinalStatus, list[int]]) -> int:
    """Record by outcome the messages that have it, ordered; one statement for each outcome."""
    if not alike:
        return 0
    now, changed = clock.now(), list[tuple[_FinalStatus, _Changed]]()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_SQL["by_key"])
        if len(alike) > 1:
            cursor.execute(_SQL["lock"], _keys(sorted(chain.from_iterable(alike.values()))))
        for outcome, message_ids in alike.items():
            cursor.execute(
                _SQL["update"],
                {
                    "now": now,
                    "status": outcome.status,
                    "channel": outcome.channel,
                    "arrives": outcome.arrives,
                    "event": outcome.event,
                    **_keys(message_ids),
                },
            )
            changed += [(outcome, _Changed._make(row)) for row in cursor.fetchall()]
        cursor.execute(_SQL["any_way"])
        if changed:
            task_counters.add(cursor, _counts(changed), now)
            queueing.enqueue(cursor, [message_id for _, group in changed for message_id in group.receipted or ()], now)
            news = [
                MessageNews(outcome.event, outcome.status, outcome.channel, group.told)
                for outcome, group in changed
                if group.told
            ]
            webhook_events.messages_changed(cursor, news, now)
    for outcome, group in changed:
        RECORDED.labels(Channel(outcome.channel).label).inc(group.messages)
    return sum(group.messages for _, group in changed)


def _keys(message_ids: Sequence[int]) -> dict[str, Any]:
    """Return the values of the condition `keys`; the ids are ordered.

    The array is given as text: the adapter's own, number by number, takes longer than the rest of the recorder.
    """
    return {"ids": f"{{{','.join(map(str, message_ids))}}}", "first": message_ids[0], "last": message_ids[-1]}


def _counts(changed: Sequence[tuple[_FinalStatus, _Changed]]) -> dict[int, Counts]:
    """Sum up by task. What nobody reported (expiry, what a category's rules end) leaves the time of the last one."""
    counts: dict[int, Counts] = defaultdict(Counts)
    for outcome, group in changed:
        of_task = counts[group.task_id]
        of_task.arrived += group.arrived
        of_task.final += group.messages
        if outcome.status == statuses.EXPIRED:
            of_task.expired += group.messages
        elif outcome.status == statuses.HELD_BACK:
            of_task.held_back += group.messages
        elif outcome.status == statuses.NO_CONSENT:
            of_task.no_consent += group.messages
        else:
            of_task.has_outcome = True
        if outcome.status == statuses.ACKED:
            of_task.succeeded += group.messages
    return counts


def record_arrivals(message_ids: Sequence[int]) -> int:
    """Note that messages are on their devices, whatever their status says yet.

    A message arrives once: from its acknowledgement, a vendor's delivery report or the device's own, the first counts.

    Returns:
        How many were not known to be.
    """
    if not message_ids:
        return 0
    now = clock.now()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_SQL["by_key"])
        event = EventType.MESSAGE_ARRIVED.title
        cursor.execute(_SQL["arrive"], {"now": now, "event": event, **_keys(sorted(set(message_ids)))})
        rows: list[tuple[int, int | None]] = cursor.fetchall()
        arrived = Counter(task_id for task_id, _ in rows)
        cursor.execute(_SQL["any_way"])
        if arrived:
            task_counters.add(cursor, {task_id: Counts(arrived=count) for task_id, count in arrived.items()}, now)
            webhook_events.messages_arrived(cursor, [told for _, told in rows if told is not None], now)
    return arrived.total()


def mark_sent(message_ids: Sequence[int]) -> None:
    """Note messages written to a connection that ended before they were acknowledged (the repeat says DUP)."""
    if message_ids:
        with connection.cursor() as cursor:
            cursor.execute(_SQL["mark_sent"], {"now": clock.now(), "ids": list(message_ids)})
