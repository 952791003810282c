"""Schedules for tests, and a way to make them due."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from pushcore.models import Occurrence, PushTask
from pushcore.push.requests import (
    AnyPush,
    AudiencePush,
    BroadcastPush,
    MultiplePush,
    SimplePush,
    TargetMessage,
    TemplatePush,
)
from pushcore.schedules.times import DAILY, Cyclic, Timed

RPC: dict[str, Any] = {"source": PushTask.Source.RPC, "author": "test"}
SIMPLE = SimplePush(delivery_type=3, expired_seconds=600, title="T", content="C", target_msgkey={"ann": "k1"})
NOW = datetime(2026, 3, 1, tzinfo=UTC)
# A request of each kind.
REQUESTS: list[AnyPush] = [
    SIMPLE,
    TemplatePush(
        delivery_type=3, expired_seconds=600, template_name="hello", target_msgkey={"ann": "k1"},
        template_key_value={"name": "Ann"},
    ),
    MultiplePush(
        delivery_type=3, expired_seconds=600, template_name="hello",
        target_msg=[TargetMessage(target="ann", msgkey="k1", template_key_value={"name": "Ann"})],
    ),
    BroadcastPush(
        delivery_type=2, expired_seconds=600, template_name="hello", template_key_value={"name": "all"}, msgkey="b1",
        bind_window=(NOW, NOW + timedelta(days=1)),
    ),
    AudiencePush(condition={"platform": "ios"}, msgkey="a1", expired_seconds=600, title="T", content="C"),
]  # fmt: skip


def soon(seconds: float = 60) -> Timed:
    """Return a strategy for one time, `seconds` ahead."""
    return Timed(timezone.now() + timedelta(seconds=seconds))


def each_day(days: int = 5, **changes: Any) -> Cyclic:
    """Return a strategy for each of `days` days, from in an hour on."""
    start = (timezone.now() + timedelta(hours=1)).replace(microsecond=0)
    return replace(Cyclic(start, start + timedelta(days=days), DAILY, (), start.time()), **changes)


def make_due(*occurrences: Occurrence) -> None:
    """Move occurrences to a second ago."""
    for occurrence in occurrences:
        Occurrence.objects.filter(pk=occurrence.pk).update(at=timezone.now() - timedelta(seconds=1))
