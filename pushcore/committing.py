"""Committing a push: its keys, its task and its messages, in one statement.

Nearly every push brings msgkeys nobody has used: ids are made, the keys claimed and the rows written by one statement,
which is a transaction by itself. Where a key was used before, or is being used at this moment, that statement writes
nothing and the keys are claimed one way for all (`msgkeys.claim`).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from functools import cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, IntegrityError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Field, Model

from pushcore import ids
from pushcore.models import Message, PushTask
from pushcore.msgkeys import KeyedTarget, claim


def commit(task: PushTask, messages: Sequence[Message], keyed: Sequence[KeyedTarget]) -> PushTask | None:
    """Give task and messages their ids and commit them with the keys. Returns None when that is done.

    When the same request was accepted before, returns its task and writes nothing. Raises `ResultError` (INVALID_PARAM)
    for a key used by a different request. The caller's transaction, if there is one, decides about the commit.
    """
    if _commit_at_once(task, messages, keyed):
        return None
    with transaction.atomic():
        _give_ids(task, messages, ids.new_ids(1 + len(messages)))
        first = claim(task.workspace, keyed, task_id=task.pk, fingerprint=bytes(task.fingerprint), now=task.created_at)
        if first is not None:
            assert isinstance(first, PushTask)  # a schedule's fingerprint is another
            return first
        task.save(force_insert=True)
        Message.objects.bulk_create(messages)
        return None


def _commit_at_once(task: PushTask, messages: Sequence[Message], keyed: Sequence[KeyedTarget]) -> bool:
    """Whether no key was taken, and so everything is written."""
    # In one order, as `claim` has it: two pushes cannot wait for each other in a circle.
    digests = [str(digest) for digest in sorted({entry.digest(task.workspace_id) for entry in keyed})]
    sql, task_fields, message_fields = _statement()
    connection = connections[DEFAULT_DB_ALIAS]
    params: list[Any] = [digests, 1 + len(messages), task.created_at, digests]
    params += [_prepared(field, task, connection) for field in task_fields]
    params += [[_prepared(field, message, connection) for message in messages] for field in message_fields]
    try:
        # An error ends the caller's transaction, unless there is a savepoint to go back to.
        with transaction.atomic() if connection.in_atomic_block else nullcontext(), connection.cursor() as cursor:
            cursor.execute(sql, params)
            made = cursor.fetchone()
    except IntegrityError:
        return False  # somebody took a key between our look and our claim
    if made is None:
        return False
    _give_ids(task, messages, made[0])
    return True


def _give_ids(task: PushTask, messages: Sequence[Message], made: Sequence[int]) -> None:
    task.pk, *message_ids = made
    for message, message_id in zip(messages, message_ids, strict=True):
        message.pk, message.task_id = message_id, task.pk


@cache
def _statement() -> tuple[str, list[Field[Any, Any]], list[Field[Any, Any]]]:
    """The statement, and the fields of task and message it takes, in this order.

    Parameters: digests, how many ids, the moment, digests; a value for each field of the task; an array, with an
    element for each message, for each field of a message. Returns the ids, or no row.
    """
    task_fields = _fields(PushTask, but=("id",))
    message_fields = _fields(Message, but=("id", "task_id"))
    task_columns, message_columns = (
        ", ".join(str(field.column) for field in fields) for fields in (task_fields, message_fields)
    )
    values = ", ".join(f"%s::{_type(field)}" for field in task_fields)
    arrays = ", ".join(f"%s::{_type(field)}[]" for field in message_fields)
    sql = f"""
WITH unused AS MATERIALIZED (
  SELECT 1 WHERE NOT EXISTS (SELECT FROM pushcore_messagekey WHERE digest = ANY(%s::uuid[]))
), made AS MATERIALIZED (
  SELECT ARRAY(SELECT id FROM pushcore_new_ids(%s) id ORDER BY id) AS ids FROM unused
), claimed AS (
  INSERT INTO pushcore_messagekey (digest, task_id, claimed_at)
  SELECT digest, ids[1], %s FROM made, unnest(%s::uuid[]) digest
), task AS (
  INSERT INTO pushcore_pushtask (id, {task_columns}) SELECT ids[1], {values} FROM made
), messages AS (
  INSERT INTO pushcore_message (id, task_id, {message_columns})
  SELECT ids[1 + place], ids[1], {message_columns}
  FROM made, unnest({arrays}) WITH ORDINALITY AS given({message_columns}, place)
)
SELECT ids FROM made"""
    return sql, task_fields, message_fields


def _fields(model: type[Model], *, but: Sequence[str]) -> list[Field[Any, Any]]:
    return [field for field in model._meta.concrete_fields if field.column not in but]


def _type(field: Field[Any, Any]) -> str:
    """The column's type without its length: a cast to a length would cut silently."""
    return (field.db_type(connections[DEFAULT_DB_ALIAS]) or "").partition("(")[0]


def _prepared(field: Field[Any, Any], row: Model, connection: BaseDatabaseWrapper) -> Any:
    """The field's value as the ORM gives it to the database."""
    return field.get_db_prep_save(field.pre_save(row, add=True), connection)
