"""Lease files to loaders: one loader for each file, kept by a heartbeat and lost within seconds of a death.

The database's clock decides. A loader that was held up for longer than its lease may find that another continued; the
file's position then keeps it from making anything twice (`pushcore.file_push.load`).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

import structlog
from django.db import connection

from pushcore.models import FileImport
from pushcore.storage.outages import DatabaseFault
from pushcore.storage.sql import statements

log = structlog.get_logger(__name__)
_SQL = statements(__file__)

# Workers look for files every second, so a file continues within four seconds of its loader's death.
LEASE_SECONDS = 3.0
HEARTBEAT_SECONDS = 0.5


class _Lease(NamedTuple):
    """A file leased to this loader until a time."""

    file_id: int
    until: datetime


def any_free() -> bool:
    """Tell whether a file waits for a loader."""
    with connection.cursor() as cursor:
        cursor.execute(_SQL["any_free"])
        return bool(cursor.fetchone()[0])


@contextmanager
def taken() -> Iterator[FileImport | None]:
    """Lease the oldest file that nobody reads for the duration of the context; yield None if there is none."""
    with connection.cursor() as cursor:
        cursor.execute(_SQL["take"], {"seconds": LEASE_SECONDS})
        row = cursor.fetchone()
    if row is None:
        yield None
        return
    lease = _Lease(*row)
    heartbeat = _Heartbeat(lease)
    heartbeat.start()
    try:
        yield FileImport.objects.get(pk=lease.file_id)
    finally:
        heartbeat.stop()


class _Heartbeat(threading.Thread):
    """Renew a lease in a thread with its own connection until stopped or until the lease is lost."""

    def __init__(self, lease: _Lease) -> None:
        super().__init__(name="file-lease", daemon=True)
        self._file_id, self._until = lease
        self._stopped = threading.Event()

    def run(self) -> None:
        try:
            while not self._stopped.wait(HEARTBEAT_SECONDS):
                if not self._renew():
                    return
        finally:
            connection.close()

    def stop(self) -> None:
        """Stop renewing, and release the lease if it is still held."""
        self._stopped.set()
        self.join()
        FileImport.objects.filter(pk=self._file_id, leased_until=self._until).update(leased_until=None)

    def _renew(self) -> bool:
        """Renew the lease; return False once it is known to be lost."""
        try:
            with connection.cursor() as cursor:
                cursor.execute(_SQL["renew"], {"seconds": LEASE_SECONDS, "file": self._file_id, "until": self._until})
                row = cursor.fetchone()
        except DatabaseFault:
            log.warning("a file's lease could not be renewed", task=self._file_id)
            connection.close()
            return True
        if row is not None:
            [self._until] = row
        return row is not None
