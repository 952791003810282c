"""Export of the usage analysis as a file: immediate for a short report, in the background for a long one."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from analytics import export_jobs
from analytics.models import Export
from analytics.queries import Granularity
from analytics.report_files import row_count
from console.access import audit
from console.access.rights import MissingRightError, Right, scope_of
from console.pages.analysis import chosen_workspace
from console.pages.analysis_form import AnalysisForm
from pushcore.models import Workspace

# Reports of up to this many rows are written within the request, longer ones in the background.
MAX_IMMEDIATE_ROWS = 2_000
_TYPES = {
    Export.Form.EXCEL.value: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Export.Form.CSV.value: "text/csv; charset=utf-8",
}


@require_POST
def ask_export(request: HttpRequest) -> HttpResponse:
    """Answer with the file, or with 202 and {"state": address of its progress} for a long report.

    A query that is not valid gets 400, and too many running exports get 429, both with {"error"}. Every export is
    recorded in the audit log before it starts.
    """
    workspace = chosen_workspace(request, request.POST.get("workspace"))
    if workspace is None or not scope_of(request).may(Right.EXPORT, workspace.app_id):
        raise MissingRightError(Right.EXPORT)
    form = AnalysisForm(request.POST, workspace=workspace)
    kind = request.POST.get("form", Export.Form.EXCEL)
    if kind not in _TYPES or not form.is_valid():
        return JsonResponse({"error": form.errors.as_text() or _("Choose Excel or CSV.")}, status=400)
    report = form.report()
    granularity = Granularity.MINUTE if request.POST.get("minutes") == "1" else form.granularity()
    audit.record(
        request, "export", workspace, {"what": "usage analysis", "form": kind, "rows": row_count(report, granularity)}
    )
    if row_count(report, granularity) <= MAX_IMMEDIATE_ROWS:
        return _file(HttpResponse(export_jobs.file_of(report, granularity, kind)), workspace, kind)
    try:
        made = export_jobs.request(report, granularity, kind, author=request.user.get_username())
    except export_jobs.TooManyExportsError:
        said = _("This workspace has %(count)s export files already. Each is deleted after a day.")
        return JsonResponse({"error": said % {"count": export_jobs.MAX_KEPT}}, status=429)
    return JsonResponse({"state": reverse("admin:analysis_export_state", args=[made.pk])}, status=202)


@require_GET
def export_state(request: HttpRequest, pk: int) -> JsonResponse:
    """Answer with an export's progress: {"done", "rows", "fault", "file": address once it is finished}."""
    export = _export(request, pk)
    file = reverse("admin:analysis_export_file", args=[pk]) if export.finished_at and not export.fault else ""
    return JsonResponse({"done": export.done, "rows": export.rows, "fault": export.fault, "file": file})


@require_GET
def export_file(request: HttpRequest, pk: int) -> HttpResponse:
    """Stream a finished background export; 404 while it is not finished and when it failed."""
    export = _export(request, pk)
    if export.finished_at is None or export.fault:
        raise Http404
    response = StreamingHttpResponse(export_jobs.pieces_of(export))
    response["Content-Length"] = str(export.size)
    return _file(response, export.workspace, export.form)


def _export(request: HttpRequest, pk: int) -> Export:
    """Return an export that this user asked for, in a workspace where they may still export, or raise `Http404`."""
    found = Export.objects.filter(
        pk=pk, author=request.user.get_username(), workspace__in=scope_of(request).workspaces(Right.EXPORT)
    ).first()
    if found is None:
        raise Http404
    return found


def _file(response: HttpResponseBase, workspace: Workspace, form: str) -> HttpResponse:
    """Set the headers that make the browser save the response as a file."""
    response["Content-Type"] = _TYPES[form]
    response["Content-Disposition"] = f'attachment; filename="usage-{workspace.workspace_id}.{form}"'
    return response  # type: ignore[return-value]
