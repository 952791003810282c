"""Accept pushes: where the way of every message begins.

    accept
        validate            limits, recipients, content         (nothing is written)
        PushRows            its task; its messages, once the devices of its recipients are known
        insert              claims, task and messages, in one transaction: the push is accepted
        first attempt       its messages are given to lanes; what is lost on the way, the sweeper finds

Success is answered only for what is committed. Pushes that the threads of a process accept at the same time share their
statements (`pushcore.storage.group_commit`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from django.db import IntegrityError, connection, transaction

from pushcore.broadcast import broadcasts, vendor_walk
from pushcore.delivery import dispatch
from pushcore.devices import bindings
from pushcore.models import PushTask, Workspace
from pushcore.push.insert import PushRows, insert_alone, insert_batch
from pushcore.push.requests import AnyPush
from pushcore.push.targets import resolve_all
from pushcore.push.validation import ValidatedPush, validate
from pushcore.storage.group_commit import GroupCommit

# Rows that pushes accepted at the same time write in one statement.
MAX_ROWS_TOGETHER = 1000


def accept(workspace: Workspace, request: AnyPush, *, source: PushTask.Source, author: str) -> PushTask:
    """Accept a push: check it, commit it, and make the first attempt to deliver it.

    Args:
        workspace: Whose push it is.
        request: What is pushed to whom.
        source: Which API, or the console, it came by.
        author: The AccessKey ID or the operator.

    Returns:
        The committed task. The same request again (same msgkeys and targets, within 24 hours) returns the first task
        and sends nothing.

    Raises:
        ResultError: The code of the limit that the request breaks; INVALID_PARAM for a msgkey used by another request.
    """
    rows = PushRows.of(workspace, validate(workspace, request), source=source, author=author)
    if rows.audience is None and (task := _accept_together(rows)) is not None:
        return task
    task = _insert(rows)
    if task is rows.task:
        make_first_attempt([rows])
    return task


def commit_scheduled(workspace: Workspace, push: ValidatedPush, *, source: PushTask.Source, author: str) -> PushRows:
    """Commit a push whose idempotency keys were claimed when it was scheduled, in the caller's transaction.

    The caller makes the first attempt once the transaction is committed.
    """
    rows = PushRows.of(workspace, push, source=source, author=author, claims=False)
    _insert(rows)
    return rows


def make_first_attempt(committed: Sequence[PushRows]) -> None:
    """Give the messages of committed pushes to lanes, and tell gateways of broadcasts.

    Never raises: whatever becomes of it, these pushes are accepted, and what is missed the sweeper finds.
    """
    for rows in committed:
        if rows.audience is not None:
            broadcasts.notify_gateways()
            if rows.audience.vendor_channels:
                vendor_walk.wake()
    dispatch.to_lanes([message for rows in committed for message in rows.outgoing()])
    unbound: dict[int, list[str]] = defaultdict(list)
    for rows in committed:
        unbound[rows.task.workspace_id] += rows.unbound_users()
    for workspace_id, user_ids in unbound.items():
        bindings.attach_bound_meanwhile(workspace_id, user_ids)


def _accept_together(rows: PushRows) -> PushTask | None:
    """Accept a push with those of other threads; return None where a key was used before, so that it goes alone."""
    try:
        if connection.in_atomic_block:  # the caller's transaction is not shared with other threads
            return _accept_batch([rows])[0]
        return _group_commit.submit(rows)
    except IntegrityError:  # a key was taken by somebody else at this moment
        return None


def _insert(rows: PushRows) -> PushTask:
    """Insert a push by itself; return its task, or that of the same request before."""
    rows.add_messages(resolve_all(rows.targets))
    audience = rows.audience
    if audience is None:
        return insert_alone(rows)
    with transaction.atomic():
        broadcasts.lock(rows.task.workspace)
        broadcasts.check_limit(rows.task.workspace)
        task = insert_alone(rows)
        if task is rows.task:
            broadcasts.save(task, audience)
    return task


def _accept_batch(batch: Sequence[PushRows]) -> list[PushTask | None]:
    """Commit pushes and make their first attempt; return their tasks, None where a key was used before."""
    resolved = resolve_all(target for rows in batch for target in rows.targets)
    for rows in batch:
        rows.add_messages(resolved)
    inserted = insert_batch(batch)
    make_first_attempt([rows for rows, done in zip(batch, inserted, strict=True) if done])
    return [rows.task if done else None for rows, done in zip(batch, inserted, strict=True)]


_group_commit: GroupCommit[PushRows, PushTask] = GroupCommit(
    _accept_batch, size=lambda rows: 1 + len(rows.recipients), limit=MAX_ROWS_TOGETHER
)
