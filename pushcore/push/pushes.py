"""Accept pushes: where the way of every message begins.

    accept
        validate            limits, recipients, content         (nothing is written)
        NewPush             its task; its messages, once the devices of its recipients are known
        insert              claims, task and messages, in one transaction: the push is accepted
        first attempt       its messages are given to lanes; what is lost on the way, the sweeper finds

Success is answered only for what is committed. Pushes that the threads of a process accept at the same time share their
statements (`pushcore.storage.group_commit`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from django.db import IntegrityError, connection, transaction

from pushcore.audience import walks
from pushcore.broadcast import broadcasts, vendor_walk
from pushcore.codes.results import ResultCode, ResultError
from pushcore.delivery import dispatch
from pushcore.devices import bindings
from pushcore.loading.wake import wake_loader
from pushcore.models import PushTask, Workspace
from pushcore.push.insert import insert_alone, insert_batch
from pushcore.push.new_push import NewPush
from pushcore.push.requests import AnyPush
from pushcore.push.targets import ResolvedTarget, Target, of_other_platforms, resolve_all
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
        ResultError: The code of the limit that the request breaks; INVALID_PARAM for a msgkey used by another request;
            DELIVERY_TYPE_NOT_SUPPORTED for a device of another platform.
    """
    push = NewPush.of(workspace, validate(workspace, request), source=source, author=author)
    if push.names_targets and (accepted := _accept_together(push)) is not None:
        if isinstance(accepted, ResultError):
            raise accepted
        return accepted
    task = _insert(push)
    if task is push.task:
        make_first_attempt([push])
    return task


def commit_scheduled(
    workspace: Workspace, validated: ValidatedPush, *, source: PushTask.Source, author: str
) -> NewPush:
    """Commit a push whose idempotency keys were claimed when it was scheduled, in the caller's transaction.

    The caller makes the first attempt once the transaction is committed.
    """
    push = NewPush.of(workspace, validated, source=source, author=author, claims=False)
    _insert(push)
    return push


def make_first_attempt(committed: Sequence[NewPush]) -> None:
    """Give the messages of committed pushes to lanes, tell gateways of broadcasts, and have audiences walked.

    Never raises: whatever becomes of it, these pushes are accepted, and what is missed the sweeper finds.
    """
    for push in committed:
        if push.audience is not None:
            broadcasts.notify_gateways()
            if push.audience.is_walked:
                vendor_walk.wake()
        if push.condition is not None:
            wake_loader()
    for has_category in (False, True):
        pushes = [push for push in committed if bool(push.task.message_category) is has_category]
        if pushes:
            messages = [message for push in pushes for message in push.outgoing()]
            dispatch.first_attempt(messages, has_category=has_category)
    unbound: dict[int, list[str]] = defaultdict(list)
    for push in committed:
        unbound[push.task.workspace_id] += push.unbound_users()
    for workspace_id, user_ids in unbound.items():
        bindings.attach_bound_meanwhile(workspace_id, user_ids)


def _accept_together(push: NewPush) -> PushTask | ResultError | None:
    """Accept a push with those of other threads, or return why it is refused.

    Returns None where a key was used before, so that it goes alone.
    """
    try:
        if connection.in_atomic_block:  # the caller's transaction is not shared with other threads
            return _accept_batch([push])[0]
        return _group_commit.submit(push)
    except IntegrityError:  # a key was taken by somebody else at this moment
        return None


def _insert(push: NewPush) -> PushTask:
    """Insert a push by itself; return its task, or that of the same request before."""
    resolved = resolve_all(push.targets)
    check_platforms(push, resolved)
    push.add_messages(resolved)
    if push.names_targets:
        return insert_alone(push)
    audience, condition = push.audience, push.condition
    with transaction.atomic():
        if condition is not None:
            walks.check_limit(push.task.workspace, condition)
            task = insert_alone(push)
            if task is push.task:
                walks.save(task, condition)
            return task
        assert audience is not None
        broadcasts.lock(push.task.workspace)
        broadcasts.check_limit(push.task.workspace)
        task = insert_alone(push)
        if task is push.task:
            broadcasts.save(task, audience)
    return task


def _accept_batch(batch: Sequence[NewPush]) -> list[PushTask | ResultError | None]:
    """Commit pushes and make their first attempt.

    Returns:
        Of each push its task, or why it is refused; None where a key was used before.
    """
    resolved = resolve_all(target for push in batch for target in push.targets)
    refused = _wrong_platforms(batch, resolved)
    accepted = [push for number, push in enumerate(batch) if number not in refused]
    for push in accepted:
        push.add_messages(resolved)
    inserted = dict(zip(map(id, accepted), insert_batch(accepted), strict=True)) if accepted else {}
    make_first_attempt([push for push in accepted if inserted[id(push)]])
    return [refused.get(number) or (push.task if inserted[id(push)] else None) for number, push in enumerate(batch)]


def check_platforms(push: NewPush, resolved: Mapping[Target, Sequence[ResolvedTarget]]) -> None:
    """Refuse a push to a device of another platform than its delivery type says.

    Raises:
        ResultError: DELIVERY_TYPE_NOT_SUPPORTED, naming the device's own type.
    """
    if refusal := _wrong_platforms([push], resolved).get(0):
        raise refusal


def _wrong_platforms(
    batch: Sequence[NewPush], resolved: Mapping[Target, Sequence[ResolvedTarget]]
) -> dict[int, ResultError]:
    """Return the refusals of pushes to devices of another platform than their delivery type says, by their places.

    Such a device would never get the message. Only targets that nobody has met are asked for.
    """
    unmet = {target for push in batch for target in push.targets if target not in resolved}
    others = of_other_platforms(unmet) if unmet else {}
    return {
        number: ResultError(
            ResultCode.DELIVERY_TYPE_NOT_SUPPORTED,
            f"the device {wrong.name} is of deliveryType {others[wrong].value}",
            parameter="platform",
        )
        for number, push in enumerate(batch)
        if (wrong := next((target for target in push.targets if target in others), None)) is not None
    }


_group_commit: GroupCommit[NewPush, PushTask | ResultError] = GroupCommit(
    _accept_batch, size=lambda push: 1 + len(push.recipients), limit=MAX_ROWS_TOGETHER
)
