"""Files that a worker writes: how far it is, and the file."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from analytics import export_jobs
from analytics.models import Export
from console.access.rights import Right, scope_of
from console.components import export_answers
from console.components.exported_list import may_fetch


@require_GET
def export_state(request: HttpRequest, pk: int) -> JsonResponse:
    """Answer with an export's progress: {"done", "rows", "fault", "file"}.

    "fault" is a sentence if the export failed; "file" is the file's address once it is finished.
    """
    export = _export(request, pk)
    file = reverse("admin:export_file", args=[pk]) if export.finished_at and not export.fault else ""
    # Kept is the kind of exception, for the log's readers.
    fault = _("The file could not be written. Ask for it again.") if export.fault else ""
    return JsonResponse({"done": export.done, "rows": export.rows, "fault": fault, "file": file})


@require_GET
def export_file(request: HttpRequest, pk: int) -> HttpResponse:
    """Stream a finished export; 404 while it is not finished and when it failed."""
    export = _export(request, pk)
    if export.finished_at is None or export.fault:
        raise Http404
    response = StreamingHttpResponse(export_jobs.chunks_of(export))
    response["Content-Length"] = str(export.size)
    name = f"usage-{export.workspace.workspace_id}" if export.workspace else str(export.parameters["file"])
    return export_answers.file(response, name, export.file_format)


def _export(request: HttpRequest, pk: int) -> Export:
    """Return an export that this user asked for, of what they may still export, or raise `Http404`."""
    scope = scope_of(request)
    found = Export.objects.filter(pk=pk, author=request.user.get_username()).select_related("workspace").first()
    if found is None:
        raise Http404
    allowed = may_fetch(found, scope) if found.workspace is None else scope.may(Right.EXPORT, found.workspace.app_id)
    if not allowed:
        raise Http404
    return found
