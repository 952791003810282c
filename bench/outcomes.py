"""`python -m bench.outcomes`: what recording 1,000 outcomes costs, without and with a webhook that wants them.

Starts PostgreSQL and Valkey in a temporary directory.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from typing import Any

from bench.servers import servers, set_up

MESSAGES = 1000


def main() -> bool:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40, help="of 1,000 messages each (default 40)")
    arguments = parser.parse_args()
    with servers(MPS_LOG_LEVEL="ERROR"):
        _measure(arguments.rounds)
    return True


def _measure(rounds: int) -> None:
    set_up()
    from pushcore.models import App, Workspace

    app = App.objects.create(app_id="bench", name="bench")
    workspace = Workspace.objects.create(app=app, workspace_id="bench")
    _report("no endpoint", [_record(workspace) for _ in range(rounds)])
    try:
        from pushcore.models import WebhookEndpoint
        from pushcore.webhooks import endpoints
    except ImportError:  # a version without webhooks, for comparison
        return
    for event in ("user.bound", "message.arrived"):
        endpoints.create(WebhookEndpoint(workspace=workspace, url="https://b.example/", event_types=[event]))
        _report(f"an endpoint for {event}", [_record(workspace) for _ in range(rounds)])


def _record(workspace: Any) -> float:
    from django.db import connection
    from django.utils import timezone

    from pushcore.delivery import outcomes
    from pushcore.models import PushTask
    from pushcore.storage import ids

    task_id, *keys = ids.new_ids(MESSAGES + 1)
    now = timezone.now()
    PushTask.objects.create(
        pk=task_id, workspace=workspace, kind="multiple", delivery_type=1, source="rpc", content={}, fingerprint=b"",
        expire_at=now, created_at=now, message_count=MESSAGES, last_message_id=keys[-1],
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO pushcore_message (id, workspace_id, task_id, delivery_type, target, msgkey, status, channel,"
            " expire_at, updated_at) SELECT key, %s, %s, 1, 't', 'k' || key, 0, 0, %s, %s FROM unnest(%s) AS k(key)",
            [workspace.pk, task_id, now, now, keys],
        )
    began = time.perf_counter()
    outcomes.record_acknowledged(keys)
    return (time.perf_counter() - began) * 1000


def _report(name: str, milliseconds: list[float]) -> None:
    ordered = sorted(milliseconds)
    print(f"{name:32} median {statistics.median(ordered):6.2f} ms, fastest {ordered[0]:6.2f} ms")


if __name__ == "__main__":
    sys.exit(not main())
