"""One loader a file: whoever takes a file keeps it by a heartbeat, and one that dies loses it within seconds.

The database's clock decides. A loader that was held up for longer than its lease may find that another has gone on;
the file's position then keeps it from making anything twice (`load`).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import structlog
from django.db import Error, connection

from pushcore.models import FileImport

log = structlog.get_logger(__name__)

# Another worker looks for files every second: a file goes on within four seconds of its loader's death.
LEASE_SECONDS = 3.0
HEARTBEAT_SECONDS = 0.5

_OPEN = "accepted_at IS NOT NULL AND finished_at IS NULL AND (leased_until IS NULL OR leased_until < now())"
_UNTIL = "clock_timestamp() + %s * interval '1 second'"


def any_free() -> bool:
    """Whether a file waits for a loader."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT EXISTS (SELECT FROM pushcore_fileimport WHERE {_OPEN})")
        return bool(cursor.fetchone()[0])


@contextmanager
def taken() -> Iterator[FileImport | None]:
    """Take the oldest file that nobody reads, and keep it while this lasts; None where there is none."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE pushcore_fileimport SET leased_until = {_UNTIL} WHERE id = ("
            f" SELECT id FROM pushcore_fileimport WHERE {_OPEN} ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)"
            " RETURNING id, leased_until",
            [LEASE_SECONDS],
        )
        row = cursor.fetchone()
    if row is None:
        yield None
        return
    heartbeat = _Heartbeat(*row)
    heartbeat.start()
    try:
        yield FileImport.objects.get(pk=row[0])
    finally:
        heartbeat.stop()


class _Heartbeat(threading.Thread):
    """Renews a lease, in a thread with a connection of its own, until it is stopped or the lease is another's."""

    def __init__(self, file_id: int, until: datetime) -> None:
        super().__init__(name="file-lease", daemon=True)
        self._file_id, self._until = file_id, until
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
                cursor.execute(
                    f"UPDATE pushcore_fileimport SET leased_until = {_UNTIL} WHERE id = %s AND leased_until = %s"
                    " RETURNING leased_until",
                    [LEASE_SECONDS, self._file_id, self._until],
                )
                row = cursor.fetchone()
        except Error:
            log.warning("a file's lease could not be renewed", task=self._file_id)
            connection.close()
            return True
        if row is not None:
            [self._until] = row
        return row is not None
