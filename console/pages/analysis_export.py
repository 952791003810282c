"""Export of the usage analysis as a file: immediate for a short report, in the background for a long one."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from analytics import export_jobs
from analytics.models import Export
from analytics.queries import Granularity
from analytics.report_files import row_count
from console.access import audit
from console.access.rights import MissingRightError, Right, scope_of
from console.components import export_answers
from console.models import AuditEntry
from console.pages.analysis_form import AnalysisForm
from console.pages.workspace_shown import chosen_workspace

# Reports of up to this many rows are written within the request, longer ones in the background.
MAX_IMMEDIATE_ROWS = 2_000


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
    file_format = request.POST.get("form", Export.FileFormat.EXCEL)
    if file_format not in export_answers.TYPES or not form.is_valid():
        return JsonResponse({"error": form.errors.as_text() or _("Choose Excel or CSV.")}, status=400)
    report = form.report()
    granularity = Granularity.MINUTE if request.POST.get("minutes") == "1" else form.granularity()
    audit.record(
        request,
        AuditEntry.Action.EXPORT,
        workspace,
        {"what": "usage analysis", "format": file_format, "rows": row_count(report, granularity)},
    )
    if row_count(report, granularity) <= MAX_IMMEDIATE_ROWS:
        file = HttpResponse(export_jobs.file_of(report, granularity, file_format))
        return export_answers.file(file, f"usage-{workspace.workspace_id}", file_format)
    return export_answers.later(
        export_jobs.of_usage(report, granularity, file_format, author=request.user.get_username())
    )
