"""One loader a file: whoever takes a file keeps it by a heartbeat, and one that dies loses it within seconds.

The database's clock decides. A loader that was held up for longer than its lease may find that another has gone on;
the file's position then keeps it from making anything twice (`load`).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

import structlog
from django.db import Error, connection

from pushcore.models import FileImport
from pushcore.storage.sql import statements

log = structlog.get_logger(__name__)
_SQL = statements(__file__)

# Another worker looks for files every second: a file goes on within four seconds of its loader's death.
LEASE_SECONDS = 3.0
HEARTBEAT_SECONDS = 0.5


class _Lease(NamedTuple):
    """A file that is this loader's until a time."""

    file_id: int
    until: datetime


def any_free() -> bool:
    """Whether a file waits for a loader."""
    with connection.cursor() as cursor:
        cursor.execute(_SQL["any_free"])
        return bool(cursor.fetchone()[0])


@contextmanager
def taken() -> Iterator[FileImport | None]:
    """Take the oldest file that nobody reads, and keep it while this lasts; None where there is none."""
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
    """Renews a lease, in a thread with a connection of its own, until it is stopped or the lease is another's."""

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
        """Stop renewing, and give back what is still ours."""
        self._stopped.set()
        self.join()
        FileImport.objects.filter(pk=self._file_id, leased_until=self._until).update(leased_until=None)

    def _renew(self) -> bool:
        """Whether the lease is ours as far as is known."""
        try:
            with connection.cursor() as cursor:
                cursor.execute(_SQL["renew"], {"seconds": LEASE_SECONDS, "file": self._file_id, "until": self._until})
                row = cursor.fetchone()
        except Error:
            log.warning("a file's lease could not be renewed", task=self._file_id)
            connection.close()
            return True
        if row is not None:
            [self._until] = row
        return row is not None
