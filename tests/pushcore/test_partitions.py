"""Ids, and daily partitions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta

import psycopg2
import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from mps_project.observability import readiness
from pushcore.models import Message, PushTask
from pushcore.storage import ids, partitions


@pytest.fixture(scope="module", autouse=True)
def _todays_partitions(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Have today's partitions: the run may have begun the day before."""
    with django_db_blocker.unblock():
        partitions.ensure()
        partitions.drop_expired()


def insert(message_id: int) -> None:
    now = timezone.now()
    Message.objects.create(
        id=message_id,
        workspace_id=1,
        task_id=1,
        delivery_type=1,
        target="t",
        msgkey="k",
        expire_at=now,
        updated_at=now,
    )


def table_of(message_id: int) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM pushcore_message WHERE id = %s", [message_id])
        return str(cursor.fetchone()[0])


@pytest.mark.django_db
def test_ids_are_unique_ascending_and_tell_their_time() -> None:
    before = timezone.now()
    made = ids.new_ids(5000)
    assert made == sorted(set(made))
    assert abs((ids.created_at(made[0]) - before).total_seconds()) < 60
    assert max(made) < 2**63


def test_the_first_id_of_a_moment_bounds_its_ids() -> None:
    moment = datetime(2026, 5, 1, 12, 30, tzinfo=UTC)
    assert ids.created_at(ids.first_id_at(moment)) == moment
    assert ids.first_id_at(moment) - 1 < ids.first_id_at(moment)
    assert ids.created_at(ids.first_id_at(moment) - 1) < moment


@pytest.mark.django_db
def test_partitions_exist_for_today_and_a_week_ahead() -> None:
    today = datetime.now(tz=UTC)
    for table in partitions.tables():
        expected = [f"{table.name}_{today + timedelta(days=n):%Y%m%d}" for n in range(-1, 8)]
        assert set(expected) <= set(partitions.existing(table.name))
        assert partitions.coverage()[table.name] == (7, 0)
    assert partitions.ensure() == []


def midnight(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def old_partition() -> str:
    """Return a partition past its retention, with a message."""
    old = timezone.now() - timedelta(days=40)
    partitions.create(partitions.MESSAGES, midnight(old))
    insert(ids.first_id_at(old) + 1)
    return table_of(ids.first_id_at(old) + 1)


@pytest.mark.django_db(transaction=True)
def test_partitions_past_the_retention_are_dropped_and_no_others() -> None:
    kept = timezone.now() - timedelta(days=29)
    partitions.create(partitions.MESSAGES, midnight(kept))
    insert(ids.first_id_at(kept) + 1)
    old = old_partition()
    assert partitions.coverage()["pushcore_message"].overdue == 1
    assert partitions.drop_expired() == [old]
    assert partitions.coverage()["pushcore_message"].overdue == 0
    assert [message.pk for message in Message.objects.all()] == [ids.first_id_at(kept) + 1]


@pytest.mark.django_db
def test_a_readiness_check_after_weeks_creates_the_days_partitions(
    send: Callable[..., PushTask], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker creates them too, but may start later."""
    monkeypatch.setattr(partitions, "_ensured", None)
    today = midnight(timezone.now())
    with connection.cursor() as cursor:
        for table in partitions.tables():
            cursor.execute(f"DROP TABLE {table.partition(today)}")
    readiness.missing_parts()
    assert send({"alice": "k"}).message_count == 1


@contextmanager
def reader() -> Iterator[psycopg2.extensions.connection]:
    """Open a transaction that has read all messages and does not end, as pg_dump does."""
    connecting = connection.get_connection_params() | {"cursor_factory": None}
    with closing(psycopg2.connect(**connecting)) as reading:
        with reading.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pushcore_message")
        yield reading


def being_detached(name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT inhdetachpending FROM pg_inherits WHERE inhrelid = to_regclass(%s)", [name])
        return bool((cursor.fetchone() or [False])[0])


@pytest.mark.django_db(transaction=True)
def test_pushes_continue_while_a_drop_waits_for_a_long_reader(send: Callable[..., PushTask]) -> None:
    old = old_partition()
    with reader() as reading, ThreadPoolExecutor(1) as pool:
        dropping = pool.submit(_drop_in_thread)
        while not being_detached(old):
            assert not dropping.done()
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '2s'")
        assert send({"alice": "k"}).message_count == 1
        assert not dropping.done()
        reading.rollback()
        assert dropping.result() == [old]
    assert Message.objects.count() == 1


def _drop_in_thread() -> list[str]:
    try:
        return partitions.drop_expired()
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_a_partition_that_is_read_for_too_long_is_dropped_by_a_later_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitions, "LOCK_TIMEOUT_MS", 50)
    old = old_partition()
    with reader():
        # An autovacuum may have the lock it begins with.
        while not being_detached(old):
            assert partitions.drop_expired() == []
        assert partitions.drop_expired() == []
    assert partitions.drop_expired() == [old]


@pytest.mark.django_db(transaction=True)
def test_a_partition_detached_by_a_process_that_died_is_dropped() -> None:
    old = old_partition()
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE pushcore_message DETACH PARTITION {old}")
    assert partitions.drop_expired() == [old]
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)", [old])
        assert cursor.fetchone() == (None,)
