"""Liveness and readiness."""

from __future__ import annotations

import time

import structlog
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from kombu.exceptions import OperationalError

from gateway import presence, sink
from mps_project.celery import app as celery_app
from pushcore.bus import BusDown, client

log = structlog.get_logger(__name__)

# A worker's answer to a ping is believed this long: readiness is asked often, and a ping goes to every worker.
_WORKER_ANSWER_SECONDS = 5.0
_worker_answered_at = 0.0
_migrated = False


@require_safe
def healthz(_request: HttpRequest) -> HttpResponse:
    """This process answers. Asks nothing of others: a restart would not mend them."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def readyz(_request: HttpRequest) -> JsonResponse:
    """200 once database, fast store, gateway, sink and worker all answer; 503 with what is missing until then."""
    missing = _missing()
    return JsonResponse({"ready": not missing, "missing": missing}, status=503 if missing else 200)


def _missing() -> list[str]:
    missing = []
    database = _database_fault()
    if database:
        missing.append(database)
    try:
        bus = client()
        if not presence.live_nodes(bus):
            missing.append("gateway: no node is alive")
        if not sink.is_alive(bus):
            missing.append("sink: not alive")
        if not _worker_answers():
            missing.append("worker: does not answer")
    except (*BusDown, OperationalError):
        missing.append("fast store: does not answer")
    return missing


def _database_fault() -> str | None:
    global _migrated
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        if not _migrated:
            executor = MigrationExecutor(connection)
            _migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return "database: does not answer"
    return None if _migrated else "database: migrations are not applied"


def _worker_answers() -> bool:
    global _worker_answered_at
    if time.monotonic() - _worker_answered_at < _WORKER_ANSWER_SECONDS:
        return True
    if celery_app.control.ping(timeout=1.0, limit=1):
        _worker_answered_at = time.monotonic()
        return True
    return False
