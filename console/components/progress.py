"""Progress figures of push tasks, as the task list and the task page show them and as the WebSocket updates them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import QuerySet
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from console.components.columns import in_utc, moment_text
from console.locale.zones import zone_of
from pushcore.models import AudienceWalk, FileImport, PushTask, TaskLoad

FIGURES = (
    "messages",
    "success",
    "arrivals",
    "duration",
    "last_outcome",
    "last_outcome_utc",
    "file",
    "audience",
    "held",
)


def duration(task: PushTask) -> str:
    """Format the time from the push to its last known outcome as hours:minutes:seconds."""
    end = task.last_outcome_at or task.created_at
    return str(timedelta(seconds=round((end - task.created_at).total_seconds())))


def figures_of(task: PushTask, load: TaskLoad | None = None) -> dict[str, str]:
    """Return a task's figures as display text, keyed by the names in `FIGURES`; `load` makes its messages."""
    return {
        "messages": intcomma(task.message_count),
        "success": intcomma(task.success_count),
        "arrivals": intcomma(task.arrival_count),
        "duration": duration(task),
        "last_outcome": moment_text(task.last_outcome_at, zone_of(task)),
        "last_outcome_utc": in_utc(task.last_outcome_at),
        "file": _file(load if isinstance(load, FileImport) else None),
        "audience": _audience(load if isinstance(load, AudienceWalk) else None),
        "held": moment_text(load.held_since if load else None, zone_of(task)),
    }


def _file(file: FileImport | None) -> str:
    """Describe how much of a multiple push's file has been processed; "-" for a task without a file."""
    if file is None:
        return "-"
    read = 1 if file.finished_at else file.position / max(1, file.size)
    return _("%(read)s read: %(pushed)s records pushed, %(left_out)s left out") % {
        "read": f"{read:.0%}",
        "pushed": intcomma(file.accepted),
        "left_out": intcomma(file.rejected),
    }


def _audience(walk: AudienceWalk | None) -> str:
    """Describe whom an audience push goes to, and how many were found; "-" for any other task."""
    if walk is None:
        return "-"
    found = _("%(count)s devices found") if walk.finished_at else _("%(count)s devices found so far")
    words = found % {"count": intcomma(walk.found)}
    return f"{walk.segment_name}: {words}" if walk.segment_name else words


def figures_by_id(tasks: QuerySet[PushTask], task_ids: Collection[int]) -> dict[str, dict[str, str]]:
    """Return the figures of several tasks, keyed by task id as text. Runs three queries.

    Args:
        tasks: The tasks the user may see.
        task_ids: The tasks asked for; those not among `tasks` are left out.
    """
    loads: dict[int, TaskLoad] = {
        **FileImport.objects.in_bulk(list(task_ids)),
        **AudienceWalk.objects.in_bulk(list(task_ids)),
    }
    wanted = tasks.filter(pk__in=task_ids).select_related("workspace").defer("content", "options", "fingerprint")
    return {str(task.pk): figures_of(task, loads.get(task.pk)) for task in wanted}


def live(task: PushTask, figure: str, value: Any, *, title: str = "", title_figure: str = "") -> SafeString:
    """Render a figure so that the page's script keeps it up to date.

    Args:
        task: The task the figure belongs to.
        figure: The figure's name, one of `FIGURES`.
        value: The value to show at first.
        title: The text shown on hover.
        title_figure: The figure that keeps the hover text up to date.
    """
    return format_html(
        '<span data-live="{0}:{1}" data-live-title="{0}:{2}" title="{3}">{4}</span>',
        task.pk, figure, title_figure or "-", title, value,
    )  # fmt: skip
