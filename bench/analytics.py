"""`make bench-analytics`: the usage analysis with many messages.

Starts PostgreSQL and Valkey in a temporary directory, and inserts the sums of 50 million messages over 90 days without
the messages (ten cells a minute); `tests/analytics/test_ledger.py` proves that sums equal their events. Measures
reports of 90 days with every filter, the export of 90 days by minute, and how many events are taken in and summed up
for each second of CPU time of this process and its database connection.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from datetime import timedelta
from typing import Any

import psutil

from bench.report import report
from bench.servers import servers, set_up

DAYS = 90
REPEATS = 7


def main() -> bool:
    """Measure as the command line says; returns whether every target is met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--million", type=int, default=50, help="pushed messages, in millions (default 50)")
    parser.add_argument("--events", type=int, default=50_000, help="events taken in (default 50000)")
    parser.add_argument("--export", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.export:
        return _export()
    with servers():
        return _measure(arguments.million * 1_000_000, arguments.events)


def _measure(messages: int, events: int) -> bool:
    set_up()
    workspace = _fill(messages)
    figures = _reports(workspace)
    slowest = max(figures.values())
    export_seconds, export_mib = _timed_export()
    taken = _intake(workspace, events)
    rows = [{"what": f"90 days, {name}", "figure": f"{value:,.0f} ms (median)"} for name, value in figures.items()]
    rows += [
        {"what": "90 days by minute to Excel", "figure": f"{export_seconds:.1f} s, {export_mib:.0f} MiB RSS"},
        {"what": "events taken in and summed up", "figure": f"{taken:,.0f} a core-second"},
    ]
    shown = {"slowest_report_ms": slowest, "export_s": export_seconds, "export_mib": export_mib}
    targets = {"slowest_report_ms": 300.0, "export_s": 20.0, "export_mib": 150.0}
    return report("analytics", rows, shown | {"events_per_core_second": taken}, targets)


def _fill(messages: int) -> Any:
    """Insert ten cells for each minute of 90 days."""
    from django.db import connection

    from pushcore.models import App, Workspace

    workspace = Workspace.objects.create(app=App.objects.create(app_id="B", name="b"), workspace_id="b")
    a_cell = messages // (DAYS * 1440 * 10)
    numbers = f"{a_cell}, {a_cell}, {a_cell * 9 // 10}, {a_cell // 5}, {a_cell // 10}"
    metrics = "pushed, accepted, arrived, opened, ignored"
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO analytics_minuterollup"
            f" (workspace_id, start, platform, app_version, channel, kind, {metrics})"
            " SELECT %s, minute, 1 + cell %% 2, (cell %% 5)::text || '.0', (ARRAY[0, 2, 4, 5, 6])[1 + cell / 2],"
            f" (ARRAY['simple', 'broadcast'])[1 + cell / 5], {numbers}"
            " FROM generate_series(date_trunc('day', now()) - %s * interval '1 day',"
            " date_trunc('day', now()) + interval '1 day' - interval '1 minute', interval '1 minute') minute,"
            " generate_series(0, 9) cell",
            [workspace.pk, DAYS - 1],
        )
        cursor.execute(
            "INSERT INTO analytics_quarterrollup"
            f" (workspace_id, start, platform, app_version, channel, kind, {metrics})"
            " SELECT workspace_id, date_bin('15 minutes', start, '2000-01-01'::timestamptz), platform, app_version,"
            " channel, kind, sum(pushed), sum(accepted), sum(arrived), sum(opened), sum(ignored)"
            " FROM analytics_minuterollup GROUP BY 1, 2, 3, 4, 5, 6"
        )
        cursor.execute("VACUUM ANALYZE analytics_minuterollup")
        cursor.execute("VACUUM ANALYZE analytics_quarterrollup")
    return workspace


def _reports(workspace: Any) -> dict[str, float]:
    """Return the median milliseconds of the queries of an analysis page, by filter."""
    from django.utils import timezone

    from analytics import queries

    now = timezone.now()
    filters: dict[str, dict[str, Any]] = {
        "all": {}, "a platform": {"platform": 1}, "a version": {"app_version": "3.0"}, "a channel": {"channel": 4},
        "a kind": {"kind": "simple"}, "all four": {"platform": 1, "app_version": "2.0", "channel": 2, "kind": "simple"},
    }  # fmt: skip
    medians = {}
    for name, narrowed in filters.items():
        asked = queries.report_of_days(workspace, now - timedelta(days=DAYS - 1), now, **narrowed)
        times = []
        for _ in range(REPEATS):
            start = time.perf_counter()
            queries.options(asked)
            queries.series(asked, queries.Granularity.DAY)
            times.append(1000 * (time.perf_counter() - start))
        medians[name] = statistics.median(times)
    return medians


def _timed_export() -> tuple[float, float]:
    """Return the seconds and the peak RSS (MiB) of a process that only exports."""
    process = subprocess.run(
        [sys.executable, "-m", "bench.analytics", "--export"], check=True, capture_output=True, text=True
    )
    seconds, mib = process.stdout.split()[-2:]
    return float(seconds), float(mib)


def _export() -> bool:
    import resource

    import django

    django.setup()
    from django.utils import timezone

    from analytics import queries
    from analytics.excel import write_excel
    from pushcore.models import Workspace

    now = timezone.now()
    asked = queries.report_of_days(Workspace.objects.get(), now - timedelta(days=DAYS - 1), now)
    start = time.perf_counter()
    write_excel(asked, queries.Granularity.MINUTE)
    print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return True


def _intake(workspace: Any, count: int) -> float:
    """Return how many events are taken in and summed up for each second of CPU time."""
    from django.db import connection
    from django.utils import timezone

    from analytics import rollups
    from analytics.intake import take
    from pushcore.devices import registry
    from pushcore.devices.info import DeviceInfo
    from pushcore.models import Message, PushTask
    from pushcore.ports import DeviceEvent
    from pushcore.storage import ids

    device_ids = [device.id for device, _ in registry.register([(workspace, DeviceInfo())] * 1000)]
    now = timezone.now()
    task = PushTask.objects.create(
        id=ids.new_ids(1)[0], workspace=workspace, kind="simple", delivery_type=1, source="rpc", content={},
        fingerprint=b"", expire_at=now, created_at=now, last_message_id=ids.HIGHEST,
    )  # fmt: skip
    message_ids = ids.new_ids(count)
    Message.objects.bulk_create(
        [
            Message(
                id=pk, workspace=workspace, task=task, delivery_type=1, target="t", msgkey="k", status=2,
                device_id=device_ids[number % 1000], expire_at=now, updated_at=now, arrived_at=now,
            )
            for number, pk in enumerate(message_ids)
        ],
        batch_size=5000,
    )  # fmt: skip
    rollups.fold()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        backend = psutil.Process(cursor.fetchone()[0])
        cursor.execute("ANALYZE pushcore_message")
    events = [
        DeviceEvent(workspace.pk, device_ids[number % 1000], pk, "opened", now) for number, pk in enumerate(message_ids)
    ]
    before = time.process_time() + sum(backend.cpu_times()[:2])
    for start in range(0, count, 1000):
        take(events[start : start + 1000])
    rollups.fold()
    return count / (time.process_time() + sum(backend.cpu_times()[:2]) - before)


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
