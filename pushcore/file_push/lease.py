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

from django.db import connection

from pushcore.models import FileImport
from pushcore.storage.retry import run_until_stopped
from pushcore.storage.sql import statements

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
            run_until_stopped(self._beat, self._stopped, work="lease of a file", longest=HEARTBEAT_SECONDS)
        finally:
            connection.close()

    def stop(self) -> None:
        """Stop renewing, and release the lease if it is still held."""
        self._stopped.set()
        self.join()
        FileImport.objects.filter(pk=self._file_id, leased_until=self._until).update(leased_until=None)

    def _beat(self) -> None:
        """Wait until the lease is to be renewed, and renew it; stop once it is known to be lost."""
        if self._stopped.wait(HEARTBEAT_SECONDS):
            return
        with connection.cursor() as cursor:
            cursor.execute(_SQL["renew"], {"seconds": LEASE_SECONDS, "file": self._file_id, "until": self._until})
            row = cursor.fetchone()
        if row is None:
            self._stopped.set()
        else:
            [self._until] = row
