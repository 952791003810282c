"""The database functions that count messages agree with the status tables in the code."""

from __future__ import annotations

import itertools

import pytest
from django.db import connection

from analytics.changes import accepted_minute, arrived_minute, pushed_minute
from analytics.models import MessageEvent
from pushcore.channels import Channel
from pushcore.codes import statuses
from pushcore.storage import ids

MESSAGE = (
    "(VALUES (%s::bigint, %s::bigint, %s, %s::smallint, now(), now()))"
    " AS m(id, device_id, status, channel, updated_at, arrived_at)"
)
CODES = sorted({code for _, code in statuses.STATUSES})


def counted(device_id: int | None, status: int, channel: Channel) -> tuple[bool, bool, bool]:
    """Tell whether a message counts as pushed, accepted and arrived."""
    with connection.cursor() as cursor:
        minutes = f"{pushed_minute('m')}, {accepted_minute('m')}, {arrived_minute('m')}"
        cursor.execute(f"SELECT {minutes} FROM {MESSAGE}", [1, device_id, status, channel])
        was_pushed, was_accepted, has_arrived = (minute is not None for minute in cursor.fetchone())
        return was_pushed, was_accepted, has_arrived


@pytest.mark.django_db
@pytest.mark.parametrize("channel", Channel, ids=lambda channel: channel.label)
def test_a_message_counts_as_pushed_unless_it_ended_before_or_was_refused_for_a_dead_token(channel: Channel) -> None:
    dead = channel.description.dead_token_statuses
    not_pushed = {statuses.NO_BIND_INFO, statuses.REVOKED, statuses.HELD_BACK, statuses.NO_CONSENT} | dead
    assert {code for code in CODES if not counted(7, code, channel)[0]} == not_pushed
    assert {code for code in CODES if counted(7, code, channel)[1]} == {statuses.ACKED}


@pytest.mark.django_db
def test_a_message_without_a_device_counts_as_nothing() -> None:
    assert counted(None, statuses.ACKED, Channel.SELF_BUILT) == (False, False, False)


@pytest.mark.django_db
def test_an_event_counts_that_opened_a_message_or_ignored_one_of_the_self_built_channel() -> None:
    kinds_and_channels = list(itertools.product(MessageEvent.Kind.values, Channel.values))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT kind, channel FROM unnest(%s::text[], %s::smallint[]) AS e(kind, channel)"
            " WHERE analytics_event_counts(kind, channel)",
            [list(column) for column in zip(*kinds_and_channels, strict=True)],
        )
        found = set(cursor.fetchall())
    assert found == {("opened", channel) for channel in Channel.values} | {("ignored", Channel.SELF_BUILT.value)}


@pytest.mark.django_db
def test_the_time_of_an_id_is_when_it_was_made() -> None:
    [made] = ids.new_ids(1)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT analytics_minute_of_id(%(id)s), analytics_minute(%(at)s), pushcore_time_of_id(%(id)s)",
            {"id": made, "at": ids.created_at(made)},
        )
        of_id, of_time, time = cursor.fetchone()
    assert of_id == of_time == ids.created_at_ms(made) // 60_000
    assert time == ids.created_at(made)
