"""Queries about a single push task, answered from its messages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Sum

from analytics.queries import status_count
from pushcore.channels import Channel, Platform
from pushcore.codes import statuses
from pushcore.models import Broadcast, Message, PushTask
from pushcore.ports import CoreIndex, StatusCount
from pushcore.storage import clock
from pushcore.storage.sql import statements

_SQL = statements(__file__)
# The most targets of a status that are downloaded at once.
EXPORTED_TARGETS = 1_000_000


@dataclass(frozen=True, slots=True)
class ChannelIndex:
    """A task's numbers on one channel."""

    channel: Channel
    index: CoreIndex


def by_channel(task: PushTask, platform: Platform | None = None) -> list[ChannelIndex]:
    """Return the task's numbers by channel, of all platforms or one."""
    first, last = task.message_ids
    parameters: dict[str, Any] = {"task": task.pk, "first": first, "last": last, "acknowledged": statuses.ACKED}
    of_message = of_event = ""
    if platform is not None:
        parameters["platform"] = int(platform)
        of_message, of_event = (_SQL["on_platform"].format(row=row) for row in ("m", "e"))
    numbers: dict[int, list[int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_SQL["messages_by_channel"].format(on_platform=of_message), parameters)
        for channel, pushed, accepted, arrived in cursor.fetchall():
            numbers[channel] = [pushed, accepted, arrived, 0, 0]
        cursor.execute(_SQL["events_by_channel"].format(on_platform=of_event), parameters)
        for channel, opened, ignored in cursor.fetchall():
            numbers.setdefault(channel, [0] * 5)[3:] = [opened, ignored]
    reached = _broadcast_reached(task, platform)
    if reached:
        self_built = numbers.setdefault(Channel.SELF_BUILT, [0] * 5)
        self_built[:3] = [count + reached for count in self_built[:3]]
    return [ChannelIndex(Channel(channel), CoreIndex(*counts)) for channel, counts in sorted(numbers.items())]


def by_bucket(task: PushTask) -> dict[int, CoreIndex]:
    """Return the numbers of a push with variants by its devices' buckets (`pushcore.ab_tests.plan`)."""
    first, last = task.message_ids
    parameters: dict[str, Any] = {"task": task.pk, "first": first, "last": last, "acknowledged": statuses.ACKED}
    numbers: dict[int, list[int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_SQL["messages_by_bucket"], parameters)
        for bucket, pushed, accepted, arrived in cursor.fetchall():
            numbers[bucket] = [pushed, accepted, arrived, 0, 0]
        cursor.execute(_SQL["events_by_bucket"], parameters)
        for bucket, opened, ignored in cursor.fetchall():
            numbers.setdefault(bucket, [0] * 5)[3:] = [opened, ignored]
    return {bucket: CoreIndex(*counts) for bucket, counts in numbers.items()}


def _broadcast_reached(task: PushTask, platform: Platform | None) -> int:
    """Return how many devices acknowledged a broadcast on the self-built channel, which has no messages for them."""
    if task.kind != PushTask.Kind.BROADCAST:
        return 0
    broadcasts = Broadcast.objects.filter(task=task)
    if platform is not None:
        broadcasts = broadcasts.filter(platform=platform)
    reached: int = broadcasts.aggregate(reached=Sum("reached", default=0))["reached"]
    return reached


def targets_with_status(task: PushTask, channel: Channel, status: int) -> Iterator[tuple[str, str]]:
    """Yield target and msgkey of the task's messages that show a status on a channel, read as they are asked for.

    No more than `EXPORTED_TARGETS`, the oldest first.
    """
    messages = task.own_messages().filter(channel=channel).filter(Message.shows(status, clock.now()))
    targets = messages.order_by("pk").values_list("target", "msgkey")[:EXPORTED_TARGETS]
    yield from targets.iterator(chunk_size=2000)


def undelivered(task: PushTask) -> list[StatusCount]:
    """Return the statuses of the task's messages that are no success, with their counts, the most frequent first.

    A message whose validity has ended counts as expired, whether that is recorded yet or not.
    """
    first, last = task.message_ids
    parameters: dict[str, Any] = {
        "task": task.pk, "first": first, "last": last, "acknowledged": statuses.ACKED,
        "pending": sorted(statuses.PENDING), "expired": statuses.EXPIRED, "now": clock.now(),
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_SQL["undelivered"], parameters)
        return [status_count(*row) for row in cursor.fetchall()]
