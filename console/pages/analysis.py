"""Usage analysis: the four core metrics, their course over time, and the details (source document, 6.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin import site
from django.contrib.humanize.templatetags.humanize import intcomma
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from analytics import queries
from analytics.models import Export
from analytics.queries import Granularity, Point
from console.access.rights import Right, scope_of
from console.components.status_table import status_rows
from console.locale.zones import activate, zone_of
from console.pages.analysis_form import AnalysisForm
from console.pages.workspace_shown import chosen_workspace
from pushcore.codes.statuses import Status
from pushcore.ports import CoreIndex
from pushcore.storage import clock


@dataclass(frozen=True, slots=True)
class MetricTotal:
    """A core metric over the whole period, as the page shows it.

    Attributes:
        title: The metric's name.
        value: The total, with thousands separators.
        rate: The metric's rate in per cent; empty where it has none, a dash where there is nothing to compare with.
        change: The change against the period before in per cent; empty when no comparison was asked for.
    """

    title: str
    value: str
    rate: str
    change: str


@require_safe
def analysis(request: HttpRequest) -> HttpResponse:
    """Show the report page. The address holds the whole query, so that a report can be shared as a link."""
    workspace = chosen_workspace(request, request.GET.get("workspace"))
    context = site.each_context(request) | {"title": _("Usage analysis"), "workspace": workspace}
    if workspace is None:
        return TemplateResponse(request, "console/analysis.html", context)
    activate(zone_of(workspace))
    form = AnalysisForm(request.GET, workspace=workspace)
    context |= {"form": form, "workspaces": scope_of(request).choices}
    if form.is_valid():
        context |= _report(form, compares="compare" in request.GET)
    context["may_export"] = scope_of(request).may(Right.EXPORT, workspace.app_id)
    context["exports"] = Export.objects.filter(workspace=workspace, author=request.user.get_username()).order_by("-pk")
    context["asked"] = [(name, value) for name, value in form.data.items() if name != "workspace"]
    return TemplateResponse(request, "console/analysis.html", context)


def _report(form: AnalysisForm, *, compares: bool) -> dict[str, Any]:
    """Build the part of the page's context that needs a valid form: totals, table rows and chart."""
    report, step = form.report(), form.granularity()
    now = clock.now()
    points = [point for point in queries.series(report, step) if point.at <= now]
    before = queries.series(report.before(), step) if compares else []
    total, former = _sum(points), _sum(before) if compares else None
    return {
        "totals": metric_totals(total, former),
        "rows": [(_label(point, step), point.index) for point in points],
        "chart": chart_of(points, before, step),
        "step": step,
        "compares": compares,
        "statuses": status_rows(queries.statuses_of(report), lambda one: _listed(form, one.status)),
        "statuses_of_all": report.platform is not None or report.app_version is not None,
    }


def _listed(form: AnalysisForm, status: Status) -> str:
    """Return the address of the messages of the form's days with a status, in the message list."""
    report = form.report()
    query = {
        "workspace": report.workspace.pk,
        "kind": report.kind or "all",
        "status": status.code,
        "created_from": report.start.date().isoformat(),
        "created_until": (report.end - timedelta(days=1)).date().isoformat(),
    }
    return f"{reverse('admin:pushcore_message_changelist')}?{urlencode(query)}"


def _sum(points: Sequence[Point]) -> CoreIndex:
    """Add the points up, so that the totals cannot differ from the table and the chart."""
    names = CoreIndex.__dataclass_fields__
    return CoreIndex(**{name: sum(getattr(point.index, name) for point in points) for name in names})


def metric_totals(total: CoreIndex, former: CoreIndex | None) -> list[MetricTotal]:
    """Build the four totals, compared with `former`, the totals of the period before, unless it is None."""

    def one(title: str, name: str, rate: str = "", of: str = "") -> MetricTotal:
        value = getattr(total, name)
        change = ""
        if former is not None:
            was = getattr(former, name)
            change = f"{100 * (value - was) / was:+.1f}%" if was else _("nothing before")
        shown = f"{getattr(total, rate):.2f}%" if of and getattr(total, of) else "-" if of else ""
        return MetricTotal(title, intcomma(value), shown, change)

    return [
        one(_("Pushed"), "pushed"),
        one(_("Arrived"), "arrived", "arrival_rate", of="pushed"),
        one(_("Opened"), "opened", "open_rate", of="arrived"),
        one(_("Ignored"), "ignored", "ignore_rate", of="arrived"),
    ]


def _label(point: Point, step: Granularity) -> str:
    """Format the start of a point's span, with the UTC offset where clocks show that time twice."""
    if step is Granularity.DAY:
        return date_format(point.at, "Y-m-d")
    shown = date_format(point.at, "H:i")
    return f"{shown} (UTC{point.offset})" if point.comes_twice else shown


def chart_of(points: Sequence[Point], before: Sequence[Point], step: Granularity) -> dict[str, Any]:
    """Build the data for the chart's script: labels, and a series for each metric by quantity and by rate.

    Where nothing was pushed, or nothing arrived, a rate has a gap (None).
    """
    return {
        "labels": [_label(point, step) for point in points],
        "quantity": _series(points, [(_("Pushed"), "pushed"), (_("Arrived"), "arrived"), (_("Opened"), "opened"),
                                     (_("Ignored"), "ignored")]),
        "rate": [
            _rates(points, _("Arrival rate"), "arrival_rate", of="pushed"),
            _rates(points, _("Open rate"), "open_rate", of="arrived"),
            _rates(points, _("Ignore rate"), "ignore_rate", of="arrived"),
        ],
        "before": _series(before, [(_("Pushed before"), "pushed")]) if before else [],
    }  # fmt: skip


def _series(points: Sequence[Point], metrics: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    return [{"label": label, "data": [getattr(point.index, name) for point in points]} for label, name in metrics]


def _rates(points: Sequence[Point], label: str, name: str, *, of: str) -> dict[str, Any]:
    rates = [getattr(point.index, name) if getattr(point.index, of) else None for point in points]
    return {"label": label, "data": rates}
