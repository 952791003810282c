"""What changes the counts of messages: noted where it happens, in the transaction that changes them.

Two statement triggers on the messages' table (`TRIGGERS`) compare rows as they were with rows as they are. Whatever
writes messages (an accepted push, COPY, an outcome, a bind, a revocation) is therefore counted exactly once, by what
the rows say, and pushcore knows nothing of it. They note only; `rollups.fold` sums up later. Broadcasts of the
self-built channel have no rows: pushcore tells of them through a port. Events come from `intake`.

Definitions (source document, 6.2), each in its own minute:

pushed     the message has a device, and was not revoked undelivered nor refused for a dead token; its creation
accepted   the device, or the vendor's service, took it; when that became known
arrived    it is known to be on the device; when that became known
opened     the device says so, on any channel; when it happened
ignored    likewise, on the self-built channel only
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntFlag

from django.db import connection

from pushcore.channels import Channel
from pushcore.codes import statuses
from pushcore.storage import ids


class Metric(IntFlag):
    """What an entry counts; several at once where they share all else. Negative: it no longer does."""

    PUSHED = 1
    ACCEPTED = 2
    ARRIVED = 4
    OPENED = 8
    IGNORED = 16


# Minutes since 1970, as numbers: of a timestamp, and of when an id was made.
_MINUTE_OF_TIME = "floor(extract(epoch FROM {0}) / 60)::integer"
_MINUTE_OF_ID = f"((({{0}} >> {ids.SEQUENCE_BITS}) + {int(ids.EPOCH.timestamp()) * 1000}) / 60000)::integer"

_DEAD = " OR ".join(
    f"({{0}}.channel = {channel.value} AND {{0}}.status IN ({', '.join(map(str, sorted(codes)))}))"
    for channel in Channel
    if (codes := statuses.DEAD_TOKEN.get(channel.label))
)
_NOT_PUSHED = f"{statuses.NO_BIND_INFO}, {statuses.REVOKED}"


def pushed(row: str) -> str:
    """SQL: the minute the row counts as pushed in, or NULL."""
    return (
        f"CASE WHEN {row}.device_id IS NOT NULL AND {row}.status NOT IN ({_NOT_PUSHED})"
        f" AND NOT ({_DEAD.format(row)}) THEN {_MINUTE_OF_ID.format(f'{row}.id')} END"
    )


def accepted(row: str) -> str:
    """SQL: the minute the row counts as accepted in, or NULL."""
    return (
        f"CASE WHEN {row}.device_id IS NOT NULL AND {row}.status = {statuses.ACKED}"
        f" THEN {_MINUTE_OF_TIME.format(f'{row}.updated_at')} END"
    )


def arrived(row: str) -> str:
    """SQL: the minute the row counts as arrived in, or NULL."""
    return (
        f"CASE WHEN {row}.device_id IS NOT NULL AND {row}.arrived_at IS NOT NULL"
        f" THEN {_MINUTE_OF_TIME.format(f'{row}.arrived_at')} END"
    )


# Of a change: its columns, and each entry's values in their order. What all entries have in common is kept once.
COLUMNS = "metrics, minutes, tasks, channels, devices"
_SHARED = "CASE WHEN min({0}) = max({0}) THEN ARRAY[min({0})] ELSE array_agg({0}) END"
ENTRIES = (
    "SELECT coalesce(metric, metrics[1]) AS metric, coalesce(minute, minutes[1]) AS minute,"
    " coalesce(task_id, tasks[1]) AS task_id, coalesce(channel, channels[1]) AS channel, device_id FROM {changes},"
    " unnest(metrics, minutes, tasks, channels, devices) AS u(metric, minute, task_id, channel, device_id)"
)
_SELF_BUILT = Channel.SELF_BUILT.value
_NOTE = (
    f"INSERT INTO analytics_change ({COLUMNS}) SELECT"
    f" {', '.join(_SHARED.format(value) for value in ('metric', 'minute', 'task_id', 'channel'))}, array_agg(device_id)"
    " FROM ({entries}) entries HAVING count(*) > 0"
)

# Nearly all rows are inserted to wait on a device, and become acknowledged on the self-built channel: both are told by
# plain comparisons.
_WAITS = f"n.status = {statuses.WAITING} AND n.channel = {_SELF_BUILT}"
_INSERTED = f"""
SELECT {Metric.PUSHED}::smallint AS metric, {_MINUTE_OF_ID.format("n.id")} AS minute, n.task_id, n.channel, n.device_id
FROM new_rows n WHERE n.device_id IS NOT NULL AND {_WAITS}
UNION ALL
SELECT v.metric::smallint, v.minute, n.task_id, n.channel, n.device_id
FROM new_rows n CROSS JOIN LATERAL (VALUES ({Metric.PUSHED}, {pushed("n")}), ({Metric.ACCEPTED}, {accepted("n")}),
    ({Metric.ARRIVED}, {arrived("n")})) AS v(metric, minute)
WHERE n.device_id IS NOT NULL AND NOT ({_WAITS}) AND v.minute IS NOT NULL
"""

# A statement all of whose rows become acknowledged notes what they have in common as it is. That each has the device it
# had is seen by the lists: they are in one order, and where they are not, rows are compared one by one, as all others.
_ALL_ACKNOWLEDGED = f"""
  DECLARE
    ids_before bigint[]; devices_before bigint[]; ids_now bigint[]; devices_now bigint[]; task_ids bigint[];
    minute_now integer;
  BEGIN
    SELECT array_agg(o.id), array_agg(o.device_id) INTO ids_before, devices_before FROM old_rows o
    HAVING bool_and(o.status = {statuses.WAITING} AND o.channel = {_SELF_BUILT} AND o.device_id IS NOT NULL
      AND o.arrived_at IS NULL);
    IF ids_before IS NOT NULL THEN
      SELECT array_agg(n.id), array_agg(n.device_id), {_SHARED.format("n.task_id")},
        {_MINUTE_OF_TIME.format("min(n.updated_at)")}
      INTO ids_now, devices_now, task_ids, minute_now FROM new_rows n
      HAVING bool_and(n.status = {statuses.ACKED} AND n.channel = {_SELF_BUILT} AND n.arrived_at = n.updated_at)
        AND min(n.updated_at) = max(n.updated_at);
      IF ids_now = ids_before AND devices_now = devices_before THEN
        INSERT INTO analytics_change ({COLUMNS}) VALUES (
          ARRAY[{Metric.ACCEPTED | Metric.ARRIVED}::smallint], ARRAY[minute_now], task_ids,
          ARRAY[{_SELF_BUILT}::smallint], devices_now);
        RETURN NULL;
      END IF;
    END IF;
  END;"""
# Each row is in both tables. They are joined in full, for which PostgreSQL knows no nested loop: the plan is made once
# a session, by the number of rows of its first statement, and must not compare each row with each in the largest.
# Turning nested loops off would make LATERAL look so dear that versions before 18 compile every statement (jit).
_UPDATED = f"""
SELECT (v.metric * d.sign)::smallint AS metric, d.minute, n.task_id, d.channel, d.device_id
FROM new_rows n FULL JOIN old_rows o ON o.id = n.id
CROSS JOIN LATERAL (VALUES ({Metric.PUSHED}, {pushed("o")}, {pushed("n")}),
    ({Metric.ACCEPTED}, {accepted("o")}, {accepted("n")}),
    ({Metric.ARRIVED}, {arrived("o")}, {arrived("n")})) AS v(metric, was, now)
CROSS JOIN LATERAL (VALUES (-1, v.was, o.channel, o.device_id), (1, v.now, n.channel, n.device_id))
    AS d(sign, minute, channel, device_id)
WHERE d.minute IS NOT NULL
    AND (v.was, o.channel, o.device_id) IS DISTINCT FROM (v.now, n.channel, n.device_id)
    AND (o.status, o.channel, o.device_id, o.arrived_at) IS DISTINCT FROM
        (n.status, n.channel, n.device_id, n.arrived_at)
"""


def _trigger(name: str, event: str, tables: str, entries: str, first: str = "") -> str:
    return f"""
CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN{first}
  {_NOTE.format(entries=entries)};
  RETURN NULL;
END $body$;
DROP TRIGGER IF EXISTS {name} ON pushcore_message;
CREATE TRIGGER {name} AFTER {event} ON pushcore_message REFERENCING {tables}
  FOR EACH STATEMENT EXECUTE FUNCTION {name}();
"""


TRIGGERS = _trigger("analytics_message_inserted", "INSERT", "NEW TABLE AS new_rows", _INSERTED) + _trigger(
    "analytics_message_updated",
    "UPDATE",
    "OLD TABLE AS old_rows NEW TABLE AS new_rows",
    _UPDATED,
    _ALL_ACKNOWLEDGED,
)
NO_TRIGGERS = """
DROP TRIGGER IF EXISTS analytics_message_inserted ON pushcore_message;
DROP TRIGGER IF EXISTS analytics_message_updated ON pushcore_message;
DROP FUNCTION IF EXISTS analytics_message_inserted();
DROP FUNCTION IF EXISTS analytics_message_updated();
"""


def note_broadcasts(arrivals: Sequence[tuple[int, int]]) -> None:
    """Devices that acknowledged broadcasts on the self-built channel: (task id, device id). Pushed, accepted and
    arrived at once; part of the caller's transaction."""
    if not arrivals:
        return
    task_ids, device_ids = zip(*arrivals, strict=True)
    entries = (
        f"SELECT {Metric.PUSHED | Metric.ACCEPTED | Metric.ARRIVED}::smallint AS metric,"
        f" {_MINUTE_OF_TIME.format('now()')} AS minute, said.task_id, {Channel.SELF_BUILT.value}::smallint AS channel,"
        " said.device_id FROM unnest(%s::bigint[], %s::bigint[]) AS said(task_id, device_id)"
    )
    with connection.cursor() as cursor:
        cursor.execute(_NOTE.format(entries=entries), [list(task_ids), list(device_ids)])


# Of events `e`: those that are counted.
COUNTED_EVENTS = f"(e.kind = 'opened' OR (e.kind = 'ignored' AND e.channel = {Channel.SELF_BUILT.value}))"


def note_events(event_ids: Sequence[int]) -> None:
    """Events that are new; part of the caller's transaction."""
    if not event_ids:
        return
    entries = (
        f"SELECT (CASE e.kind WHEN 'opened' THEN {Metric.OPENED} ELSE {Metric.IGNORED} END)::smallint AS metric,"
        f" {_MINUTE_OF_TIME.format('e.at')} AS minute, coalesce(e.task_id, 0) AS task_id, e.channel, e.device_id"
        f" FROM analytics_messageevent e WHERE e.id = ANY(%s) AND {COUNTED_EVENTS}"
    )
    with connection.cursor() as cursor:
        cursor.execute(_NOTE.format(entries=entries), [list(event_ids)])
