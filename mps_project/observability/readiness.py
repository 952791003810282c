"""Readiness: which parts of the service do not answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

import redis
from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from kombu.exceptions import OperationalError

from gateway import sink
from gateway.cluster import presence
from mps_project.broker import BrokerRefusesError
from mps_project.celery import app as celery_app
from pushcore.api import throttle
from pushcore.callbacks import sender_signals
from pushcore.storage import clock, partitions
from pushcore.storage.outages import DatabaseFault
from pushcore.storage.valkey import ValkeyRefusesError, client

# How long an answer to a ping is kept, and the lack of one: readiness is asked often, by anybody, and a ping goes to
# every worker and waits for the first.
_ANSWER_KEPT_SECONDS = 5.0
_SILENCE_KEPT_SECONDS = 1.0
_PROBE_KEY = "mps:probe"
_ping_lock = threading.Lock()
_worker_answered = False
_worker_asked_at = float("-inf")
_migrated = False


def missing_parts() -> list[str]:
    """Ask all parts of the service; returns a line for each that does not answer, none where the service is ready.

    The first question after a long stop also sets up what calls need: the nonce epoch and today's partitions.
    """
    missing = []
    database = _database_fault()
    if database:
        missing.append(database)
    missing += describe_clock_faults({"web": clock.offset()})
    try:
        valkey = client()
        throttle.ensure_nonce_epoch()
        valkey.set(_PROBE_KEY, 1, ex=60)
        nodes = presence.live_nodes(valkey)
        if not nodes:
            missing.append("gateway: no node is alive")
        missing += describe_clock_faults({f"gateway {node.node_id}": node.clock_offset_seconds for node in nodes})
        if not sink.is_alive(valkey):
            missing.append("sink: not alive")
        if not sender_signals.is_alive():
            missing.append("receipts: no sender is alive")
        if not _worker_answers():
            missing.append("worker: does not answer")
    except (ValkeyRefusesError, BrokerRefusesError) as error:
        missing.append(f"Valkey: refuses to write ({str(error)[:120]})")
    except (redis.RedisError, OperationalError):
        missing.append("Valkey: does not answer")
    return missing


def describe_clock_faults(ahead: Mapping[str, float]) -> list[str]:
    """Return a line for each process whose clock is too many seconds ahead of the database's, or behind."""
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
            # After a stop longer than partitions are made ahead, today's is missing.
            partitions.ensure_today()
    except DatabaseFault:
        return "database: does not answer"
    return None if _migrated else "database: migrations are not applied"


def _worker_answers() -> bool:
    """Ping the workers, in one thread at a time: the others wait for its answer."""
    global _worker_answered, _worker_asked_at
    with _ping_lock:
        kept_seconds = _ANSWER_KEPT_SECONDS if _worker_answered else _SILENCE_KEPT_SECONDS
        if time.monotonic() - _worker_asked_at > kept_seconds:
            # A connection of its own: one kept in the pool may be from before Valkey was last restarted.
            with celery_app.connection_for_write() as broker:
                _worker_answered = bool(celery_app.control.ping(timeout=1.0, limit=1, connection=broker))
            _worker_asked_at = time.monotonic()
        return _worker_answered
