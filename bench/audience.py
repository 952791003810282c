"""`make bench-audience`: count the devices of an audience, a million devices in the table.

Starts PostgreSQL and Valkey in a temporary directory, inserts devices with a profile each, a user for every second one,
and a profile for every tenth user. Then it counts conditions of one to five terms, finds the first page of an audience,
and pushes to it: from before the push is accepted until a lane has its first message, with a loader that is woken at
once and all devices connected.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any
from unittest.mock import patch
from uuid import uuid4

from bench.report import report
from bench.servers import servers, set_up

REPEATS = 5
CONDITIONS: dict[str, Any] = {
    "one tag (30 %)": {"tag": "t30"},
    "tag (30 %), platform, attribute": {
        "and": [{"tag": "t30"}, {"platform": "android"}, {"attribute": "age", "gte": 40}]
    },
    "tag (1 %), not a topic (30 %), seen in a week": {
        "and": [{"tag": "t1"}, {"not": {"topic": "t30"}}, {"last_seen_within_days": 7}]
    },
    "text of topics: one and not another": "'t30' in topics && !('t1' in topics)",
    "one of three": {"or": [{"tag": "t30"}, {"topic": "t1"}, {"attribute": "city", "eq": "city7"}]},
    "a version, a platform, seen in a week": {
        "and": [{"app_version": {"gte": "3.10"}}, {"platform": "ios"}, {"last_seen_within_days": 7}]
    },
    "five terms": {
        "and": [
            {"or": [{"tag": "t30"}, {"tag": "t1"}]}, {"not": {"topic": "t1"}}, {"attribute": "city", "eq": "city7"},
            {"bound": True},
        ]
    },
}  # fmt: skip


def main() -> bool:
    """Measure as the command line says; returns whether every target is met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, default=1_000_000, help="in the table (default 1,000,000)")
    arguments = parser.parse_args()
    with servers(MPS_LOG_LEVEL="ERROR"):
        return _measure(arguments.devices)


def _measure(devices: int) -> bool:
    set_up()
    workspace_id = _fill(devices)
    from pushcore.audience import conditions, resolve

    rows, figures = [], {}
    for name, given in CONDITIONS.items():
        condition = conditions.parse(given)
        found = resolve.count(workspace_id, condition)
        figures[name] = _median(lambda condition=condition: resolve.count(workspace_id, condition))  # type: ignore[misc]
        walk = resolve.Walk(workspace_id, condition, resolve.ids_of_names(workspace_id, condition))
        first = _median(lambda walk=walk: walk.find(next(walk.pages())))  # type: ignore[misc]
        figures[f"{name}: first page"] = first
        figures[f"{name}: first message"] = out = _push(workspace_id, given)
        rows.append(
            {
                "condition": name,
                "devices": f"{found:,}",
                "counted in": f"{figures[name]:,.0f} ms",
                "first page in": f"{first:,.0f} ms",
                "first message out": f"{out:,.0f} ms",
            }
        )
    limits = {name: 2000.0 if name.endswith("first message") else 1000.0 for name in figures}
    return report("audience", rows, figures, limits)


class _FirstMessage:
    """A lane that notes when it gets its first message; then it revokes the push, which ends the walk."""

    name = "first message"

    def __init__(self) -> None:
        self.at = 0.0

    def claims(self, _outgoing: Any) -> bool:
        return True

    def send(self, batch: Any) -> None:
        self.at = self.at or time.perf_counter()
        from pushcore.models import PushTask

        PushTask.objects.filter(pk=batch[0].task_id).update(revoked_at=batch[0].expire_at)


def _push(workspace_id: int, condition: Any) -> float:
    """Return the median milliseconds from before a push is accepted until its first message is with a lane."""
    from pushcore import ports
    from pushcore.loading import load
    from pushcore.models import PushTask, Workspace
    from pushcore.push import pushes
    from pushcore.push.requests import AudiencePush

    workspace = Workspace.objects.get(pk=workspace_id)
    times = []
    for _ in range(REPEATS):
        lane = _FirstMessage()
        ports._lanes[:] = [(1, lane)]  # type: ignore[list-item]
        push = AudiencePush(
            condition=condition, msgkey=uuid4().hex, expired_seconds=600, title="Title", content="Content"
        )
        start = time.perf_counter()
        # No broker runs, and no device is connected.
        with patch("pushcore.loading.wake.wake_task"), patch("pushcore.loading.messages.online", set):
            pushes.accept(workspace, push, source=PushTask.Source.REST, author="bench")
            load.load_all()
        times.append(1000 * (lane.at - start))
    return statistics.median(times)


def _median(work: Callable[[], Any]) -> float:
    """Return the median milliseconds of a call."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


def _fill(devices: int) -> int:
    """Insert devices, bindings and profiles; return the workspace's id. Names end in the share that has them."""
    from django.db import connection

    from pushcore.audience import names
    from pushcore.audience.names import Kind
    from pushcore.models import App, Workspace

    workspace = Workspace.objects.create(app=App.objects.create(app_id="B", name="b"), workspace_id="b")
    tags = names.make(workspace.pk, Kind.TAG, ["t30", "t1"])
    topics = names.make(workspace.pk, Kind.TOPIC, ["t30", "t1"])
    shared: dict[str, Any] = {"workspace": workspace.pk, "devices": devices}
    shared |= {f"tag_{name}": row for name, row in tags.items()} | {
        f"topic_{name}": row for name, row in topics.items()
    }
    with connection.cursor() as cursor:
        for statement in _FILL:
            cursor.execute(statement, shared)
    return workspace.pk


# Of devices and users alike 30 % have t30 and 1 % have t1, independent of each other.
_FACTS = """
    array_remove(ARRAY[
        CASE WHEN random() < 0.3 THEN %(tag_t30)s END, CASE WHEN random() < 0.01 THEN %(tag_t1)s END
    ], NULL),
    array_remove(ARRAY[
        CASE WHEN random() < 0.3 THEN %(topic_t30)s END, CASE WHEN random() < 0.01 THEN %(topic_t1)s END
    ], NULL),
    jsonb_build_object('age', (random() * 80)::int, 'city', 'city' || (random() * 100)::int), now()
"""
_FILL = (
    "INSERT INTO pushcore_device (workspace_id, ad_token, secret_hash, platform, manufacturer, model, os_version,"
    " app_version, third_token, created_at, last_seen_at) SELECT %(workspace)s, 'token-' || n, 'x',"
    " CASE WHEN n %% 2 = 0 THEN 1 ELSE 2 END, 'M', 'Model ' || n %% 100, '15', '3.' || n %% 20, '', now(),"
    " now() - random() * interval '30 days' FROM generate_series(1, %(devices)s) n",
    "INSERT INTO pushcore_binding (workspace_id, device_id, user_id, bound_at) SELECT workspace_id, id, 'user-' || id,"
    " now() FROM pushcore_device WHERE id %% 2 = 0",
    "INSERT INTO pushcore_audienceprofile (workspace_id, device_id, user_id, tags, topics, attributes, updated_at)"
    f" SELECT workspace_id, id, '', {_FACTS} FROM pushcore_device",
    "INSERT INTO pushcore_audienceprofile (workspace_id, user_id, tags, topics, attributes, updated_at)"
    f" SELECT workspace_id, user_id, {_FACTS} FROM pushcore_binding WHERE id %% 10 = 0",
    "VACUUM ANALYZE",
)


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
