"""Committing pushes: keys, tasks and messages of one push or many, in one statement.

Nearly every push brings msgkeys nobody has used. For those one statement makes the ids, claims the keys and writes the
rows, and is a transaction by itself. A push with a key that was used before is left out of it, and claims its keys one
way for all (`commit_alone`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Field, Model

from pushcore.models import Message, PushTask
from pushcore.push.idempotency import KeyedTarget, claim, days_of
from pushcore.storage import ids


@dataclass(frozen=True, slots=True)
class Push:
    """The rows of a push, without ids yet, and the keys it claims."""

    task: PushTask
    messages: Sequence[Message]
    keyed: Sequence[KeyedTarget]

    @property
    def size(self) -> int:
        """How many ids it needs."""
        return 1 + len(self.messages)

    def give_ids(self, made: Sequence[int]) -> None:
        self.task.pk, *message_ids = made
        self.task.last_message_id = made[-1]
        for message, message_id in zip(self.messages, message_ids, strict=True):
            message.pk, message.task_id = message_id, self.task.pk

    def mark_stored(self) -> None:
        """Tell the rows that they are in the database, as `save` does."""
        for row in (self.task, *self.messages):
            row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS


def commit_together(pushes: Sequence[Push]) -> list[bool]:
    """Commit those of the pushes whose keys nobody has used; says which. They have their ids then.

    A caller's transaction, if there is one, decides about the commit. Raises `DatabaseFault`, and nothing is written:
    `IntegrityError` where a key is taken at this moment by somebody else.
    """
    sql, params = _statement(), _parameters(pushes)
    connection = connections[DEFAULT_DB_ALIAS]
    # An error ends the caller's transaction, unless there is a savepoint to go back to.
    with transaction.atomic() if connection.in_atomic_block else nullcontext(), connection.cursor() as cursor:
        cursor.execute(sql, params)
        made, used = cursor.fetchone()
    start = 0
    for number, push in enumerate(pushes):
        if number not in used:
            push.give_ids(made[start : start + push.size])
            push.mark_stored()
        start += push.size
    return [number not in used for number in range(len(pushes))]


def commit_alone(push: Push) -> PushTask | None:
    """Commit the push; returns None when that is done.

    When the same request was accepted before, returns its task and writes nothing. Raises `ResultError` (INVALID_PARAM)
    for a key used by a different request.
    """
    task = push.task
    with transaction.atomic():
        push.give_ids(ids.new_ids(push.size))
        first = claim(task.workspace, push.keyed, task_id=task.pk, fingerprint=task.fingerprint, now=task.created_at)  # type: ignore[arg-type]
        if first is not None:
            assert isinstance(first, PushTask)  # a schedule's fingerprint is another
            return first
        task.save(force_insert=True)
        Message.objects.bulk_create(push.messages)
        return None


def _parameters(pushes: Sequence[Push]) -> list[Any]:
    """Arrays, in the statement's order. Places in the array of ids count from 1, pushes from 0."""
    claims: list[tuple[str, date, int, int, datetime]] = []
    task_places: list[tuple[int, int]] = []
    message_places: list[tuple[int, int, int]] = []
    place = 1
    for number, push in enumerate(pushes):
        digests = {entry.digest(push.task.workspace_id) for entry in push.keyed}
        at = push.task.created_at
        claims += [(str(digest), day, number, place, at) for digest in digests for day in days_of(at)]
        task_places.append((place, place + push.size - 1))
        message_places += [(number, place + 1 + own, place) for own in range(len(push.messages))]
        place += push.size
    # In one order, as `claim` has it: two statements cannot wait for each other in a circle.
    claims.sort()
    connection = connections[DEFAULT_DB_ALIAS]
    messages = [message for push in pushes for message in push.messages]
    return [
        place - 1,
        *_columns(claims),
        # The days whose claims are looked at: theirs, and the day before.
        min(days := [claim[1] for claim in claims]) - timedelta(days=1),
        max(days),
        *_columns(task_places),
        *([take(push.task, connection) for push in pushes] for take in _takers(PushTask)),
        *_columns(message_places),
        *([take(message, connection) for message in messages] for take in _takers(Message)),
    ]


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


_OWN = {PushTask: ("id", "last_message_id"), Message: ("id", "task_id")}


@cache
def _fields(model: type[Model]) -> list[Field[Any, Any]]:
    """The fields whose values the rows bring; the ids are made by the statement."""
    return [field for field in model._meta.concrete_fields if field.column not in _OWN[model]]


@cache
def _takers(model: type[Model]) -> list[Callable[[Model, BaseDatabaseWrapper], Any]]:
    """For each field: what gives its value of a row as the ORM gives it to the database."""

    def taker(field: Field[Any, Any]) -> Callable[[Model, BaseDatabaseWrapper], Any]:
        return lambda row, connection: field.get_db_prep_save(field.pre_save(row, add=True), connection)

    return [taker(field) for field in _fields(model)]


def _type(field: Field[Any, Any]) -> str:
    """The column's type without its length: a cast to a length would cut silently."""
    return (field.db_type(connections[DEFAULT_DB_ALIAS]) or "").partition("(")[0]


@cache
def _statement() -> str:
    """Answers all ids that were made, and the numbers of the pushes that were left out."""
    task_columns, message_columns = (
        ", ".join(str(field.column) for field in _fields(model)) for model in (PushTask, Message)
    )
    task_arrays, message_arrays = (
        ", ".join(f"%s::{_type(field)}[]" for field in _fields(model)) for model in (PushTask, Message)
    )
    return f"""
WITH made AS MATERIALIZED (
  SELECT ARRAY(SELECT id FROM pushcore_new_ids(%s) id ORDER BY id) AS ids
), wanted AS MATERIALIZED (
  SELECT * FROM unnest(%s::uuid[], %s::date[], %s::int[], %s::int[], %s::timestamptz[])
    AS wanted(digest, day, push, place, at)
), used AS MATERIALIZED (
  SELECT DISTINCT push FROM wanted
  WHERE EXISTS (SELECT FROM pushcore_messagekey k WHERE k.digest = wanted.digest AND k.day BETWEEN %s AND %s OFFSET 0)
), claimed AS (
  INSERT INTO pushcore_messagekey (digest, day, task_id, claimed_at)
  SELECT digest, day, ids[place], at FROM made, wanted WHERE push NOT IN (SELECT push FROM used)
), tasks AS (
  INSERT INTO pushcore_pushtask (id, last_message_id, {task_columns})
  SELECT ids[place], ids[last_place], {task_columns}
  FROM made, unnest(%s::int[], %s::int[], {task_arrays})
    WITH ORDINALITY AS given(place, last_place, {task_columns}, number)
  WHERE number - 1 NOT IN (SELECT push FROM used)
), messages AS (
  INSERT INTO pushcore_message (id, task_id, {message_columns})
  SELECT ids[place], ids[task_place], {message_columns}
  FROM made, unnest(%s::int[], %s::int[], %s::int[], {message_arrays})
    AS given(push, place, task_place, {message_columns})
  WHERE push NOT IN (SELECT push FROM used)
)
SELECT ids, ARRAY(SELECT push FROM used) FROM made"""
