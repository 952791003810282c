"""A target and msgkey are accepted once within 24 hours, across midnight and the partitions of days."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from pushcore.codes.results import ResultError
from pushcore.models import Message, MessageKey, PushTask, Workspace
from pushcore.push import idempotency, insert
from pushcore.push.idempotency import IdempotencyKey
from pushcore.push.new_push import NewPush
from pushcore.storage import partitions
from tests.support.threads import at_once

MIDNIGHT = timezone.now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
HOURS = [0.0, 0.5, 12.0, 22.9, 23.0, 23.9, 23.9999]
SECOND = timedelta(seconds=1)


@pytest.fixture(scope="module", autouse=True)
def _partitions_around_midnight(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Have the partitions around `MIDNIGHT`: if it is yesterday's by now, another test may have dropped them."""
    with django_db_blocker.unblock():
        partitions.ensure(now=MIDNIGHT)


def a_push(workspace: Workspace, at: datetime, *msgkeys: str, fingerprint: bytes = b"f") -> NewPush:
    """Return a push to one user with each msgkey, accepted at a time."""
    task = PushTask(
        workspace=workspace, kind="simple", delivery_type=3, source="rpc", content={}, fingerprint=fingerprint,
        expire_at=at, created_at=at,
    )  # fmt: skip
    messages = [
        Message(workspace=workspace, delivery_type=3, target="ann", msgkey=key, status=1, expire_at=at, updated_at=at)
        for key in msgkeys
    ]
    return NewPush(task, [IdempotencyKey("ann", key) for key in msgkeys], messages=messages)


def commit(push: NewPush) -> int:
    """Commit a push as the service does; returns the id of its task, or of the first task with its keys."""
    try:
        [done] = insert.insert_batch([push])
    except IntegrityError:
        done = False
    task = push.task if done else insert.insert_alone(push)
    return int(task.pk)


def claim_of_a_file(at: datetime, *keys: str, task_id: int = 7) -> set[str]:
    return idempotency.claim_digests(list(keys), task_id=task_id, now=at)


def digests(count: int) -> list[str]:
    return [f"{number:032x}" for number in range(count)]


@pytest.mark.django_db
@pytest.mark.parametrize("hour", HOURS)
def test_the_same_request_within_24_hours_is_the_first_one_whatever_the_hour(workspace: Workspace, hour: float) -> None:
    at = MIDNIGHT + timedelta(hours=hour)
    first = commit(a_push(workspace, at, "k1", "k2"))
    for later in (timedelta(0), SECOND, timedelta(hours=1), timedelta(hours=23, minutes=59)):
        assert commit(a_push(workspace, at + later, "k1", "k2")) == first
        with pytest.raises(ResultError, match="'k2'"):
            commit(a_push(workspace, at + later, "k2", "k3", fingerprint=b"other"))
    assert PushTask.objects.count() == 1
    assert set(MessageKey.objects.values_list("task_id", flat=True)) == {first}


@pytest.mark.django_db
@pytest.mark.parametrize("hour", HOURS)
def test_a_msgkey_is_free_again_after_24_hours_whatever_the_hour(workspace: Workspace, hour: float) -> None:
    at = MIDNIGHT + timedelta(hours=hour)
    first = commit(a_push(workspace, at, "k1"))
    second = commit(a_push(workspace, at + timedelta(hours=24) + SECOND, "k1"))
    assert second != first
    # And taken again by then.
    assert commit(a_push(workspace, at + timedelta(hours=47), "k1")) == second


@pytest.mark.django_db
@pytest.mark.parametrize("hour", HOURS)
def test_a_line_of_a_file_is_made_once_within_24_hours_whatever_the_hour(hour: float) -> None:
    at = MIDNIGHT + timedelta(hours=hour)
    assert claim_of_a_file(at, *digests(3)) == set()
    for later in (SECOND, timedelta(hours=1), timedelta(hours=23, minutes=59)):
        assert claim_of_a_file(at + later, *digests(4)[1:], task_id=8) >= set(digests(3)[1:])
    assert claim_of_a_file(at + timedelta(hours=24) + SECOND, *digests(3), task_id=9) == set()


@contextmanager
def in_a_thread() -> Iterator[ThreadPoolExecutor]:
    """Yield a pool of one thread, and close that thread's database connection."""
    with ThreadPoolExecutor(1) as pool:
        yield pool
        pool.submit(lambda: connection.close()).result()


def wait_for_a_waiter() -> None:
    """Wait until a transaction waits for another."""
    deadline = time.monotonic() + 30
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'")
            if cursor.fetchone()[0]:
                return
    raise AssertionError("nobody waits")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("order", [1, -1])
def test_requests_on_both_sides_of_midnight_at_once_are_one(workspace: Workspace, order: int) -> None:
    """One is not committed when the other, of the next day by its clock, arrives; and the other way round."""
    before, after = [MIDNIGHT - timedelta(milliseconds=1), MIDNIGHT + timedelta(milliseconds=1)][::order]
    with in_a_thread() as pool:
        with transaction.atomic():
            first = commit(a_push(workspace, before, "k1", "k2"))
            second = pool.submit(commit, a_push(workspace, after, "k1", "k2"))
            wait_for_a_waiter()
        assert second.result() == first
    assert PushTask.objects.count() == 1
    assert set(MessageKey.objects.values_list("task_id", flat=True)) == {first}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("order", [1, -1])
def test_files_on_both_sides_of_midnight_at_once_make_a_line_once(order: int) -> None:
    before, after = [MIDNIGHT - timedelta(milliseconds=1), MIDNIGHT + timedelta(milliseconds=1)][::order]
    with in_a_thread() as pool:
        with transaction.atomic():
            assert claim_of_a_file(before, *digests(5), task_id=1) == set()
            second = pool.submit(_in_transaction, after, digests(7)[3:], 2)
            wait_for_a_waiter()
        assert second.result() == set(digests(5)[3:])


def _in_transaction(at: datetime, keys: Sequence[str], task_id: int) -> set[str]:
    with transaction.atomic():
        return claim_of_a_file(at, *keys, task_id=task_id)


@pytest.mark.django_db(transaction=True)
def test_of_many_requests_around_midnight_each_msgkey_goes_to_one(workspace: Workspace) -> None:
    """Eight threads have clocks on both sides of midnight, and do not deadlock."""

    def accept(number: int) -> list[int]:
        start = MIDNIGHT + timedelta(milliseconds=(number - 4) * 10)
        return [
            commit(a_push(workspace, start + timedelta(milliseconds=key), f"a{key}", f"b{key}", f"c{key}"))
            for key in range(20)
        ]

    owners = at_once(8, accept)
    assert all(made == owners[0] for made in owners)
    assert (PushTask.objects.count(), Message.objects.count()) == (20, 60)


@pytest.mark.django_db(transaction=True)
def test_claims_are_dropped_with_their_day_once_no_request_may_meet_them() -> None:
    claim_of_a_file(MIDNIGHT + timedelta(hours=12), *digests(1))
    for days, left in ((1, 1), (2, 0)):
        partitions.ensure(now=MIDNIGHT + timedelta(days=days))
        partitions.drop_expired(now=MIDNIGHT + timedelta(days=days, hours=23))
        assert MessageKey.objects.count() == left
    partitions.ensure(now=MIDNIGHT)
