"""Long reports as files: asked for, made by a worker, fetched, forgotten after a day."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import structlog

from analytics.export import Progress, row_count, write_csv, write_excel
from analytics.models import Export, ExportPiece
from analytics.queries import Report, Step
from pushcore.models import Workspace
from pushcore.storage import clock
from pushcore.storage.outages import Unavailable
from pushcore.storage.wake import wake_task

log = structlog.get_logger(__name__)

KEPT = timedelta(days=1)
# A file not made by then is made by the periodic run.
PATIENCE = timedelta(minutes=10)
# Of a workspace, that are not fetched and forgotten yet.
MAX_KEPT = 20
PIECE = 1 << 20


class TooManyExportsError(Exception):
    """The workspace has so many files already; they go after a day."""


def ask(report: Report, step: Step, form: str, *, author: str) -> Export:
    """Have a file made in the background. Raises `TooManyExportsError`."""
    if Export.objects.filter(workspace=report.workspace).count() >= MAX_KEPT:
        raise TooManyExportsError(f"{MAX_KEPT} files are kept already; each goes after a day")
    export = Export.objects.create(
        workspace=report.workspace,
        author=author[:150],
        form=form,
        asked=_as_json(report, step),
        rows=row_count(report, step),
        created_at=clock.now(),
    )
    wake_task("analytics.export", [export.pk])
    return export


def make(export_id: int) -> None:
    """Make the file, unless it is made or being made by somebody else who is at it."""
    export = Export.objects.filter(pk=export_id, finished_at__isnull=True).select_related("workspace").first()
    if export is None:
        return
    report, step = _from_json(export.workspace, export.asked)
    try:
        data = file_of(report, step, export.form, lambda done: _tell(export_id, done))
    except Unavailable:
        raise  # the next periodic run makes it
    except Exception as error:  # what is wrong is shown to who asked
        log.exception("export failed", export=export_id)
        Export.objects.filter(pk=export_id).update(finished_at=clock.now(), fault=type(error).__name__)
        return
    ExportPiece.objects.filter(export=export).delete()
    for number, start in enumerate(range(0, len(data), PIECE)):
        ExportPiece.objects.create(export=export, number=number, data=data[start : start + PIECE])
    Export.objects.filter(pk=export_id).update(finished_at=clock.now(), done=export.rows, size=len(data))


def file_of(report: Report, step: Step, form: str, progress: Progress = lambda done: None) -> bytes:
    """The whole file."""
    if form == Export.Form.EXCEL:
        return write_excel(report, step, progress)
    return "".join(write_csv(report, step)).encode()


def make_waiting(*, budget_seconds: float = 60.0) -> None:
    """Make files whose worker was not woken, or died; none is begun once the time is spent."""
    deadline = time.monotonic() + budget_seconds
    waiting = Export.objects.filter(finished_at__isnull=True, created_at__lt=clock.now() - PATIENCE)
    for pk in list(waiting.order_by("pk").values_list("pk", flat=True)[:MAX_KEPT]):
        if time.monotonic() < deadline:
            make(pk)


def _tell(export_id: int, done: int) -> None:
    Export.objects.filter(pk=export_id).update(done=done)


def pieces_of(export: Export) -> Iterator[bytes]:
    """The file, piece by piece."""
    numbers = list(ExportPiece.objects.filter(export=export).order_by("number").values_list("pk", flat=True))
    for pk in numbers:
        yield bytes(ExportPiece.objects.values_list("data", flat=True).get(pk=pk))


def purge() -> int:
    """Forget files past their time; returns how many."""
    old = list(Export.objects.filter(created_at__lt=clock.now() - KEPT)[:100])
    for export in old:
        ExportPiece.objects.filter(export=export).delete()
        export.delete()
    return len(old)


def _as_json(report: Report, step: Step) -> dict[str, Any]:
    return {
        "start": report.start.isoformat(),
        "end": report.end.isoformat(),
        "platform": report.platform,
        "app_version": report.app_version,
        "channel": report.channel,
        "kind": report.kind,
        "step": step.value,
    }


def _from_json(workspace: Workspace, asked: dict[str, Any]) -> tuple[Report, Step]:
    values = dict(asked)
    step = Step(values.pop("step"))
    start, end = (datetime.fromisoformat(values.pop(name)) for name in ("start", "end"))
    return Report(workspace, start, end, **values), step
