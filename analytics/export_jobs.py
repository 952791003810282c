"""Exports of long reports and lists: requested in the console, written by a worker, downloaded, deleted after a day.

Each kind has a writer. Those of other packages register theirs (`register`).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog
from django.db.models import Q

from analytics.models import Export, ExportChunk
from analytics.queries import Granularity, Report
from analytics.report_files import ReportProgress, row_count, write_csv
from pushcore.models import Workspace
from pushcore.storage import clock
from pushcore.storage.outages import Unavailable
from pushcore.storage.wake import wake_task

log = structlog.get_logger(__name__)

KEPT = timedelta(days=1)
# A file that was requested longer ago and is not made is made by the periodic run.
PICKED_UP_AFTER = timedelta(minutes=10)
# Files that a workspace may have at a time.
MAX_KEPT = 20
CHUNK_BYTES = 1 << 20


class FileWriter(Protocol):
    """Writes the file of an export; calls `progress` with the rows written so far."""

    def __call__(self, export: Export, progress: ReportProgress, /) -> bytes:
        """Return the file. What it raises is named to who requested it."""


_writers: dict[str, FileWriter] = {}


def register(kind: Export.Kind, writer: FileWriter) -> None:
    """Have a writer make the files of a kind."""
    _writers[kind] = writer


class TooManyExportsError(Exception):
    """The workspace, or the author of lists, has `MAX_KEPT` files already; each is deleted after a day."""


def of_usage(report: Report, granularity: Granularity, file_format: str, *, author: str) -> Export:
    """Return an export of a report, to be enqueued.

    Args:
        report: What the file shows.
        granularity: The points of its details.
        file_format: One of `Export.FileFormat`.
        author: The user's name.
    """
    return Export(
        kind=Export.Kind.USAGE,
        workspace=report.workspace,
        author=author[:150],
        file_format=file_format,
        parameters=_as_json(report, granularity),
        rows=row_count(report, granularity),
    )


def enqueue(export: Export) -> Export:
    """Store an export and wake a worker that writes it.

    Raises:
        TooManyExportsError: Its workspace, or its author where it has none, has to wait, or to delete some.
    """
    of_same = Q(workspace=export.workspace) if export.workspace else Q(workspace=None, author=export.author)
    if Export.objects.filter(of_same).count() >= MAX_KEPT:
        raise TooManyExportsError(f"{MAX_KEPT} files are kept already; each goes after a day")
    export.created_at = clock.now()
    export.save(force_insert=True)
    wake_task("analytics.export", [export.pk])
    return export


def make(export_id: int) -> None:
    """Write the file of an export, unless it is written already. An error is shown to who requested it."""
    export = Export.objects.filter(pk=export_id, finished_at__isnull=True).select_related("workspace").first()
    if export is None:
        return
    try:
        data = _writers[export.kind](export, lambda done: _store_progress(export_id, done))
    except Unavailable:
        raise  # the next periodic run makes it
    except Exception as error:  # the page of exports shows it
        log.exception("export failed", export=export_id)
        Export.objects.filter(pk=export_id).update(finished_at=clock.now(), fault=type(error).__name__)
        return
    ExportChunk.objects.filter(export=export).delete()
    for number, start in enumerate(range(0, len(data), CHUNK_BYTES)):
        ExportChunk.objects.create(export=export, number=number, data=data[start : start + CHUNK_BYTES])
    Export.objects.filter(pk=export_id).update(finished_at=clock.now(), size=len(data))


def _write_usage(export: Export, progress: ReportProgress) -> bytes:
    assert export.workspace is not None
    report, granularity = _from_json(export.workspace, export.parameters)
    data = file_of(report, granularity, export.file_format, progress)
    progress(export.rows)
    return data


register(Export.Kind.USAGE, _write_usage)


def file_of(
    report: Report, granularity: Granularity, file_format: str, progress: ReportProgress = lambda done: None
) -> bytes:
    """Return the whole file. `progress` is called with the number of rows that are written."""
    if file_format == Export.FileFormat.EXCEL:
        from analytics import excel  # which loads openpyxl

        return excel.write_excel(report, granularity, progress)
    return "".join(write_csv(report, granularity)).encode()


def make_waiting(*, budget_seconds: float = 60.0) -> None:
    """Write files whose worker was not woken, or died. None is begun once the time (seconds) is spent."""
    deadline = time.monotonic() + budget_seconds
    waiting = Export.objects.filter(finished_at__isnull=True, created_at__lt=clock.now() - PICKED_UP_AFTER)
    for pk in list(waiting.order_by("pk").values_list("pk", flat=True)[:MAX_KEPT]):
        if time.monotonic() < deadline:
            make(pk)


def _store_progress(export_id: int, done: int) -> None:
    Export.objects.filter(pk=export_id).update(done=done)


def chunks_of(export: Export) -> Iterator[bytes]:
    """Yield the file, chunk by chunk."""
    numbers = list(ExportChunk.objects.filter(export=export).order_by("number").values_list("pk", flat=True))
    for pk in numbers:
        yield bytes(ExportChunk.objects.values_list("data", flat=True).get(pk=pk))


def purge() -> int:
    """Delete files that are past their time. Returns how many."""
    old = list(Export.objects.filter(created_at__lt=clock.now() - KEPT)[:100])
    for export in old:
        ExportChunk.objects.filter(export=export).delete()
        export.delete()
    return len(old)


def _as_json(report: Report, granularity: Granularity) -> dict[str, Any]:
    return {
        "start": report.start.isoformat(),
        "end": report.end.isoformat(),
        "platform": report.platform,
        "app_version": report.app_version,
        "channel": report.channel,
        "kind": report.kind,
        "granularity": granularity.value,
    }


def _from_json(workspace: Workspace, parameters: dict[str, Any]) -> tuple[Report, Granularity]:
    values = dict(parameters)
    granularity = Granularity(values.pop("granularity"))
    start, end = (datetime.fromisoformat(values.pop(name)) for name in ("start", "end"))
    return Report(workspace, start, end, **values), granularity
