"""Liveness and readiness, and where they are asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

import redis
from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.views.decorators.http import require_safe
from kombu.exceptions import OperationalError

from gateway import sink
from gateway.cluster import presence
from mps_project.celery import app as celery_app
from mps_project.observability.metrics import metrics_view
from pushcore.api import throttle
from pushcore.callbacks import sender_signals
from pushcore.storage import clock, partitions
from pushcore.storage.outages import DatabaseFault
from pushcore.storage.valkey import ValkeyRefusesError, client

# How long a worker's answer to a ping is believed, and its silence: readiness is asked often, by anybody, and a ping
# goes to every worker and waits for the first.
_ANSWER_SECONDS = 5.0
_SILENCE_SECONDS = 1.0
_PROBE_KEY = "mps:probe"
_asking = threading.Lock()
_worker_answered = False
_worker_asked_at = float("-inf")
_migrated = False


@require_safe
def healthz(_request: HttpRequest) -> HttpResponse:
    """This process answers. Asks nothing of others: a restart would not mend them."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def readyz(_request: HttpRequest) -> JsonResponse:
    """200 once database, Valkey, gateway, sink, receipts and worker answer; 503 with what is missing until then."""
    missing = _missing()
    return JsonResponse({"ready": not missing, "missing": missing}, status=503 if missing else 200)


PROBES: Mapping[str, Callable[[HttpRequest], HttpResponseBase]] = {
    "/healthz": healthz,
    "/readyz": readyz,
    "/metrics": metrics_view,
}


class ProbesMiddleware:
    """Answers the paths that machines ask by address: before anything looks at the Host header (MPS_ALLOWED_HOSTS)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        probe = PROBES.get(request.path)
        if probe is None:
            return self.get_response(request)
        response = probe(request)
        # Django writes every answer of 500 and more to the log as an error; "not ready" is an answer like another.
        response._has_been_logged = True  # type: ignore[attr-defined]
        return response


def _missing() -> list[str]:
    missing = []
    database = _database_fault()
    if database:
        missing.append(database)
    missing += _wrong_clocks({"web": clock.offset()})
    try:
        bus = client()
        throttle.keep_mark()
        bus.set(_PROBE_KEY, 1, ex=60)
        nodes = presence.live_nodes(bus)
        if not nodes:
            missing.append("gateway: no node is alive")
        missing += _wrong_clocks({f"gateway {node.node_id}": node.clock_offset_seconds for node in nodes})
        if not sink.is_alive(bus):
            missing.append("sink: not alive")
        if not sender_signals.is_alive():
            missing.append("receipts: no sender is alive")
        if not _worker_answers():
            missing.append("worker: does not answer")
    except ValkeyRefusesError as error:
        missing.append(f"Valkey: refuses to write ({str(error)[:120]})")
    except (redis.RedisError, OperationalError):
        missing.append("Valkey: does not answer")
    return missing


def _wrong_clocks(ahead: Mapping[str, float]) -> list[str]:
    """Whose clock differs too much from the database's; seconds that each is ahead, by process."""
    return [
        f"{process}: its clock is {seconds:+.0f} s off the database's"
        for process, seconds in ahead.items()
        if abs(seconds) > settings.MAX_CLOCK_OFFSET_SECONDS
    ]


def _database_fault() -> str | None:
    global _migrated
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        clock.refresh()
        if not _migrated:
            executor = MigrationExecutor(connection)
            _migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
        if _migrated:
            # Where all was away for longer than partitions are made ahead, who asks for readiness makes them.
            partitions.ensure_today()
    except DatabaseFault:
        return "database: does not answer"
    return None if _migrated else "database: migrations are not applied"


def _worker_answers() -> bool:
    """Asked by one thread at a time: the others wait for its answer."""
    global _worker_answered, _worker_asked_at
    with _asking:
        believed = _ANSWER_SECONDS if _worker_answered else _SILENCE_SECONDS
        if time.monotonic() - _worker_asked_at > believed:
            # A connection of its own: one kept in the pool may be from before Valkey was last restarted.
            with celery_app.connection_for_write() as broker:
                _worker_answered = bool(celery_app.control.ping(timeout=1.0, limit=1, connection=broker))
            _worker_asked_at = time.monotonic()
        return _worker_answered
