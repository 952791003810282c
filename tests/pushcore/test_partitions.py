"""Ids and daily partitions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from pushcore import ids, partitions, retention
from pushcore.models import Message, MessageKey, Workspace


def insert(message_id: int, workspace: Workspace) -> None:
    now = timezone.now()
    Message.objects.create(
        id=message_id,
        workspace=workspace,
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
def test_partitions_stand_ready_for_today_and_three_days_more() -> None:
    today = datetime.now(tz=UTC)
    expected = [f"pushcore_message_{today + timedelta(days=n):%Y%m%d}" for n in range(4)]
    assert set(expected) <= set(partitions.existing())
    assert partitions.ensure() == []


@pytest.mark.django_db
def test_a_message_of_a_day_without_partition_is_kept_and_moves_when_there_is_one(workspace: Workspace) -> None:
    far = timezone.now() + timedelta(days=10)
    message_id = ids.first_id_at(far) + 7
    insert(message_id, workspace)
    assert partitions.rows_in_default() == 1
    partitions.ensure(now=far)
    assert partitions.rows_in_default() == 0
    assert table_of(message_id) == f"pushcore_message_{far.astimezone(UTC):%Y%m%d}"


@pytest.mark.django_db
def test_partitions_past_the_retention_are_dropped_and_no_others(workspace: Workspace) -> None:
    old, kept = timezone.now() - timedelta(days=31), timezone.now() - timedelta(days=29)
    partitions.ensure(now=old)
    insert(ids.first_id_at(old) + 1, workspace)
    insert(ids.first_id_at(kept) + 1, workspace)
    dropped = partitions.drop_expired()
    assert f"pushcore_message_{old.astimezone(UTC):%Y%m%d}" in dropped
    assert [message.pk for message in Message.objects.all()] == [ids.first_id_at(kept) + 1]


@pytest.mark.django_db
def test_expired_msgkey_claims_are_purged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "STEP", 2)
    stale = timezone.now() - timedelta(hours=25)
    for n in range(5):
        MessageKey.objects.create(digest=f"00000000-0000-0000-0000-00000000000{n}", task_id=1, claimed_at=stale)
    MessageKey.objects.create(digest="00000000-0000-0000-0000-000000000009", task_id=1, claimed_at=timezone.now())
    assert retention.purge() == 5
    assert MessageKey.objects.count() == 1
