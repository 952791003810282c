"""`make bench-console`: the console's lists with five million messages in the table.

Starts PostgreSQL and Valkey in a temporary directory, and inserts messages of 30 days into the partitions of these
days. Then it requests each list as an operator's browser does: as it opens, searched, filtered and on its last page.
Times are those of whole requests within the process, rendering included.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from datetime import timedelta
from typing import Any

from bench.report import report
from bench.servers import servers, set_up

REPEATS = 5
DAYS = 30


def main() -> bool:
    """Measure as the command line says; returns whether every target is met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=5_000_000, help="in the table (default 5,000,000)")
    arguments = parser.parse_args()
    with servers(MPS_LOG_LEVEL="ERROR", MPS_ALLOWED_HOSTS="*"):
        return _measure(arguments.messages)


def _measure(count: int) -> bool:
    set_up()
    workspace, task_id = _fill(count)
    browser = _operator(workspace)
    pages = {
        "messages": "pushcore/message/",
        "messages, multiple": "pushcore/message/?kind=multiple",
        "messages, all": "pushcore/message/?kind=all",
        "messages, by time": f"pushcore/message/?q={time.strftime('%Y-%m-%d')}",
        "messages, by target": "pushcore/message/?q=user-777",
        "messages, by target and ID": "pushcore/message/?q=user-777+key-777",
        "messages, failed": "pushcore/message/?status=failed",
        "messages, revoked: none is": "pushcore/message/?kind=all&status=revoked",
        "messages, of today": "pushcore/message/?created=today",
        "messages, last page": "pushcore/message/?kind=all&p=199",
        "messages of a task": f"pushcore/message/?task={task_id}",
        "push tasks": "pushcore/pushtask/",
        "push tasks, by day": f"pushcore/pushtask/?q={time.strftime('%Y-%m-%d')}",
        "push tasks, by part of a name": "pushcore/pushtask/?q=ush+99",
        "report of a task": f"pushcore/pushtask/{task_id}/change/",
        "devices": "pushcore/device/",
        "home": "",
        "query tool": "query-tool/?dimension=user&target=user-777",
    }
    figures = {name: _median(browser, f"/console/{path}") for name, path in pages.items()}
    rows = [{"page": name, "median": f"{value:,.0f} ms"} for name, value in figures.items()]
    return report("console", rows, figures, dict.fromkeys(figures, 200.0))


def _median(browser: Any, path: str) -> float:
    """Return the median milliseconds of a page; the first request, which compiles templates, is not counted."""
    times = []
    for _ in range(REPEATS + 1):
        start = time.perf_counter()
        answer = browser.get(path)
        times.append(1000 * (time.perf_counter() - start))
        assert answer.status_code == 200, (path, answer.status_code)
    return statistics.median(times[1:])


def _operator(workspace: Any) -> Any:
    from django.contrib.auth.models import User
    from django.test import Client

    from console.models import Membership

    user = User.objects.create_user("operator", is_staff=True)
    Membership.objects.create(user=user, app=workspace.app, role="operator")
    browser = Client()
    browser.force_login(user)
    return browser


def _fill(count: int) -> tuple[Any, int]:
    """Insert the messages of a hundred pushes, spread over the days; every fiftieth failed, none was revoked.

    The newest twenty pushes are multiple ones, as is every second before: a list of single messages has a million rows
    to leave out before it finds the first.
    """
    from django.db import connection
    from django.utils import timezone

    from pushcore.devices import registry
    from pushcore.devices.info import DeviceInfo
    from pushcore.models import App, Message, PushTask, Workspace
    from pushcore.storage import ids, partitions

    workspace = Workspace.objects.create(app=App.objects.create(app_id="B", name="b"), workspace_id="b")
    device_ids = [device.id for device, _ in registry.register([(workspace, DeviceInfo())] * 1000)]
    partitions.ensure()
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE pushcore_message DISABLE TRIGGER USER")
        for day in range(1, DAYS + 1):  # early in a day, the oldest push is of one day more
            for table in partitions.tables():
                partitions.create(table, now - timedelta(days=day))
        for number in range(100):
            at = now - timedelta(days=number * DAYS / 101)
            first = ids.first_id_at(at)
            is_multiple = number < 20 or number % 2
            task = PushTask.objects.create(
                id=first, workspace=workspace, kind="multiple" if is_multiple else "simple", delivery_type=3,
                source="rpc", content={"title": "T"}, fingerprint=b"", expire_at=at, created_at=at,
                name=f"push {number}", message_count=count // 100, last_message_id=first + count // 100,
            )  # fmt: skip
            cursor.execute(
                "INSERT INTO pushcore_message (id, workspace_id, task_id, delivery_type, target, msgkey, device_id,"
                " status, channel, kind, expire_at, updated_at) SELECT %s + n, %s, %s, 3, 'user-' || n %% 100000,"
                " 'key-' || n, (%s::bigint[])[1 + n %% 1000], CASE WHEN n %% 50 = 0 THEN 90000003 ELSE 2 END,"
                " CASE WHEN n %% 50 = 0 THEN 6 ELSE 0 END, %s, %s, %s FROM generate_series(1, %s) n",
                [first, workspace.pk, task.pk, device_ids, Message.Kind.of(task), at, at, count // 100],
            )
        cursor.execute("ALTER TABLE pushcore_message ENABLE TRIGGER USER")
        cursor.execute("VACUUM ANALYZE")
    return workspace, task.pk


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
