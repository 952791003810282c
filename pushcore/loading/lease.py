"""Lease task loads to loaders: one loader for each, kept by a heartbeat and lost within seconds of a death.

The database's clock decides. A loader that was held up for longer than its lease may find that another continued; the
load's position then keeps it from making anything twice (`pushcore.loading.load`).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from pushcore.models import TaskLoad
from pushcore.storage import clock
from pushcore.storage.retry import run_until_stopped
from pushcore.storage.sql import statements

_SQL = statements(__file__)

# Workers look for loads every second, so one continues within four seconds of its loader's death.
LEASE_SECONDS = 3.0
HEARTBEAT_SECONDS = 0.5


class _Lease(NamedTuple):
    """A load leased to this loader until a time."""

    model: type[TaskLoad]
    load_id: int
    until: datetime


def any_free(kinds: Sequence[type[TaskLoad]]) -> bool:
    """Tell whether a load of one of these kinds waits for a loader."""
    return bool(_oldest_first(kinds))


def _oldest_first(kinds: Sequence[type[TaskLoad]]) -> list[type[TaskLoad]]:
    """Return the kinds of which a load waits, that of the oldest first: ids are made in the order of time."""
    oldest: dict[type[TaskLoad], int] = {}
    with connection.cursor() as cursor:
        for model in kinds:
            cursor.execute(_statement("oldest_free", model), {"now": clock.now()})
            [load_id] = cursor.fetchone()
            if load_id is not None:
                oldest[model] = load_id
    return sorted(oldest, key=lambda model: oldest[model])


def _statement(name: str, model: type[TaskLoad]) -> str:
    return _SQL[name].format(table=model._meta.db_table)


@contextmanager
def taken(kinds: Sequence[type[TaskLoad]]) -> Iterator[TaskLoad | None]:
    """Lease the oldest load that nobody has for the duration of the context; yield None if there is none."""
    lease = _take(kinds)
    if lease is None:
        yield None
        return
    heartbeat = _Heartbeat(lease)
    heartbeat.start()
    try:
        yield lease.model._default_manager.get(pk=lease.load_id)
    finally:
        heartbeat.stop()


def _take(kinds: Sequence[type[TaskLoad]]) -> _Lease | None:
    for model in _oldest_first(kinds):
        with connection.cursor() as cursor:
            cursor.execute(_statement("take", model), {"seconds": LEASE_SECONDS, "now": clock.now()})
            if row := cursor.fetchone():
                return _Lease(model, *row)
    return None


class _Heartbeat(threading.Thread):
    """Renew a lease in a thread with its own connection until stopped or until the lease is lost."""

    def __init__(self, lease: _Lease) -> None:
        super().__init__(name="load-lease", daemon=True)
        self._model, self._load_id, self._until = lease
        self._stopped = threading.Event()

    def run(self) -> None:
        try:
            run_until_stopped(self._beat, self._stopped, work="lease of a load", longest=HEARTBEAT_SECONDS)
        finally:
            connection.close()

    def stop(self) -> None:
        """Stop renewing, and release the lease if it is still held."""
        self._stopped.set()
        self.join()
        held = self._model._default_manager.filter(pk=self._load_id, leased_until=self._until)
        held.update(leased_until=None)

    def _beat(self) -> None:
        """Wait until the lease is to be renewed, and renew it; stop once it is known to be lost."""
        if self._stopped.wait(HEARTBEAT_SECONDS):
            return
        values: dict[str, Any] = {"seconds": LEASE_SECONDS, "load": self._load_id, "until": self._until}
        with connection.cursor() as cursor:
            cursor.execute(_statement("renew", self._model), values)
            row = cursor.fetchone()
        if row is None:
            self._stopped.set()
        else:
            [self._until] = row
