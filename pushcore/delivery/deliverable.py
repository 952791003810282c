"""The one place that says "this message may be delivered now", and reads the messages of which that holds.

Every way to a device passes here, so a rule added to `RULES` holds for all of them:

    a device connects, or asks again       `by_device`   (gateway, also when what waits in a session is looked at anew)
    a message is attached to a device      `by_id`       (bind, revocation's messages, a vendor's sender)
    a range of messages is walked          `by_range`    (sweeper)
    a batch is given to lanes              `allowed`     (the first attempt of a push, a file, a broadcast; all above)
    a broadcast is offered to sessions     `task_condition`

A message that may not be delivered now stays pending. A rule that comes to allow it by time alone needs something that
offers it again then: devices ask when they connect, but the sweeper walks each message once. A device's cursor
(`pushcore.delivery.pending_cursor`) passes by what is over for good, so it knows of `WAITING` and `VALID` only.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection

from pushcore.codes import statuses
from pushcore.models.pushes import DeliveryType, DeviceRules
from pushcore.ports import OutgoingMessage
from pushcore.storage import clock, ids
from pushcore.storage.sql import statements

_SQL = statements(__file__)
# Columns of the statements that read messages (`columns` there).
_MESSAGE_ID, _TASK_ID, _DEVICE_ID, _THIRD_CHANNEL, _IS_DELIVERABLE = 0, 1, 4, 6, -1


class DeliveryRule(NamedTuple):
    """A condition that a message must meet to be delivered now, in the forms its readers need.

    Attributes:
        message: SQL over the row `m` of the message, the row `d` of its device, and the time `%(now)s`.
        task: SQL over the row `t` of its task; it decides for broadcasts too, which are a task without messages.
        loaded: Returns those of messages, made or read a moment ago, that meet it at a time. What can only have been
            true then (their status, their binding) needs none; nor does what is asked of devices: messages of a task
            that has `device_rules` are read by their ids even for the first attempt (`dispatch.first_attempt`).
    """

    message: str = "true"
    task: str = "true"
    loaded: Callable[[list[OutgoingMessage], datetime], list[OutgoingMessage]] | None = None


WAITING = DeliveryRule(message=f"m.status = {statuses.WAITING}")
VALID = DeliveryRule(
    message="m.expire_at > now()",
    task="t.expire_at > now()",
    loaded=lambda messages, now: [message for message in messages if message.expire_at > now],
)
NOT_REVOKED = DeliveryRule(task="t.revoked_at IS NULL")
# A message to a user goes only to a device the user is still bound to. OFFSET 0 keeps the look-up by key: where
# statistics lag behind, the planner would take the bindings for few and compare each message with all of them.
STILL_BOUND = DeliveryRule(
    message=f"(m.delivery_type <> {DeliveryType.USER.value} OR EXISTS (SELECT FROM pushcore_binding b"
    " WHERE b.device_id = m.device_id AND b.unbound_at IS NULL AND b.user_id = m.target OFFSET 0))"
)

# A marketing message goes to no device that refused such messages; what waits for it ends as NoConsent
# (`pushcore.categories.consent`).
CONSENT = DeliveryRule(
    message=f"(m.device_rules & {DeviceRules.CONSENT.value} = 0 OR d.marketing_consent IS NOT FALSE)"
)
# Not while it is quiet where the device is. When that ends, messages are offered again
# (`pushcore.categories.quiet_hours`).
QUIET_HOURS = DeliveryRule(
    message=f"(m.device_rules & {DeviceRules.QUIET_HOURS.value} = 0 OR NOT EXISTS (" + _SQL["quiet"] + "))"
)

RULES: tuple[DeliveryRule, ...] = (WAITING, VALID, NOT_REVOKED, STILL_BOUND, CONSENT, QUIET_HOURS)


def oldest_valid_id() -> int:
    """Return the first message id that can still be valid: partitions before it need not be looked at."""
    return ids.first_id_at(clock.now() - timedelta(seconds=settings.MAX_EXPIRED_SECONDS + 60))


def task_condition() -> str:
    """Return the SQL condition that messages of a task `t` may be delivered now."""
    return " AND ".join(rule.task for rule in RULES)


def allowed(batch: Iterable[OutgoingMessage]) -> list[OutgoingMessage]:
    """Return those of the messages, made or read a moment ago, that may be delivered now."""
    now, messages = clock.now(), list(batch)
    for rule in RULES:
        if (loaded := rule.loaded) is not None:
            messages = loaded(messages, now)
    return messages


class Pending(NamedTuple):
    """What waits for devices.

    Attributes:
        messages: By device id, the messages in the order of their ids. Devices for which none waits are absent.
        third_channels: By device id, the vendor's channel that reaches the device. Devices that are gone are absent.
    """

    messages: dict[int, list[OutgoingMessage]]
    third_channels: dict[int, int | None]


class DeliverableBatch(NamedTuple):
    """Deliverable messages of a range, and the id to go on from; None where the range has no more."""

    messages: list[OutgoingMessage]
    next_id: int | None


def by_id(message_ids: Sequence[int]) -> list[OutgoingMessage]:
    """Read those of the messages that may be delivered now, oldest first. Two queries."""
    return _outgoing(_fetch("by_id", {"ids": list(message_ids)}))


def by_device(device_ids: Sequence[int], at_most: int, after: Mapping[int, int] | None = None) -> Pending:
    """Read the oldest messages that wait for each device. Two queries, whatever the number.

    Args:
        device_ids: The devices.
        at_most: How many messages of each device are read.
        after: By device id, the message id up to which they are known already.
    """
    known = after or {}
    rows = _fetch(
        "by_device",
        {
            "devices": list(device_ids),
            "known": [known.get(device_id, 0) for device_id in device_ids],
            "oldest": oldest_valid_id(),
            "at_most": at_most,
        },
    )
    waiting: dict[int, list[OutgoingMessage]] = defaultdict(list)
    for message in _outgoing(rows):
        waiting[message.device_id].append(message)
    return Pending(dict(waiting), {row[_DEVICE_ID]: row[_THIRD_CHANNEL] for row in rows})


def by_range(low: int, high: int, at_most: int) -> DeliverableBatch:
    """Read the deliverable ones of the oldest `at_most` pending messages with ids in [low, high).

    The batch is cut out of the messages by their key alone, so a walk over a task of millions reads each of them once;
    what may not be delivered is left out of it afterwards.
    """
    rows = _fetch("by_range", {"low": low, "high": high, "at_most": at_most})
    return DeliverableBatch(_outgoing(rows), rows[-1][_MESSAGE_ID] + 1 if len(rows) == at_most else None)


class _Task(NamedTuple):
    """What the messages of a task have in common: the following fields of an `OutgoingMessage`."""

    workspace_id: int
    kind: str
    expire_at: datetime
    content: dict[str, Any]
    options: dict[str, Any]


@lru_cache
def _statement(name: str, rules: tuple[DeliveryRule, ...]) -> str:
    return _SQL[name].format(
        columns=_SQL["columns"],
        device=_SQL["device"],
        waiting=WAITING.message,
        valid=VALID.message,
        message=" AND ".join(rule.message for rule in rules),
        task=" AND ".join(rule.task for rule in rules),
    )


def _fetch(name: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Run a statement of this module; its rows have the columns that it calls `columns`.

    They stay plain tuples: a walk reads millions, and named tuples, which the garbage collector tracks, cost 40 % more.
    """
    with connection.cursor() as cursor:
        cursor.execute(_statement(name, RULES), {"now": clock.now(), **params})
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _outgoing(rows: Sequence[tuple[Any, ...]]) -> list[OutgoingMessage]:
    """Make messages of the deliverable rows. What those of a task share is read once, and is one object."""
    wanted = {row[_TASK_ID] for row in rows if row[_IS_DELIVERABLE]}
    tasks = _tasks(wanted) if wanted else {}
    messages: list[OutgoingMessage] = []
    for (
        message_id, task_id, target, msgkey, device_id, platform, third_channel, third_token, sent_before,
        has_trampoline, override, expire_at, is_deliverable,
    ) in rows:  # fmt: skip
        task = tasks.get(task_id) if is_deliverable else None
        if task is None:
            continue
        if override is not None:
            task = task._replace(content=task.content | json.loads(override))
        if expire_at != task.expire_at:  # of a wave (`pushcore.audience.waves`), which ends before its task
            task = task._replace(expire_at=expire_at)
        # In the order of an OutgoingMessage: by name it takes a microsecond longer, a tenth of what a message costs.
        fields = (
            message_id, task_id, target, msgkey, device_id, platform, third_channel, third_token, *task, sent_before,
            has_trampoline,
        )  # fmt: skip
        messages.append(OutgoingMessage._make(fields))
    return messages


def _tasks(task_ids: Iterable[int]) -> dict[int, _Task]:
    """Read the tasks whose messages may be delivered now."""
    with connection.cursor() as cursor:
        cursor.execute(_statement("tasks", RULES), {"ids": list(task_ids)})
        return {
            task_id: _Task(workspace_id, kind, expire_at, json.loads(content), json.loads(options))
            for task_id, workspace_id, kind, expire_at, content, options in cursor.fetchall()
        }
