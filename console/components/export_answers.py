"""Answers to a request for a file: the file, or the address of its progress while a worker writes it."""

from __future__ import annotations

from django.http import HttpResponse, HttpResponseBase, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from analytics import export_jobs
from analytics.models import Export

TYPES = {
    Export.FileFormat.EXCEL.value: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Export.FileFormat.CSV.value: "text/csv; charset=utf-8",
}


def file(response: HttpResponseBase, name: str, file_format: str) -> HttpResponse:
    """Set the headers that make the browser save the response as a file. `name`: the file's, without its ending."""
    response["Content-Type"] = TYPES[file_format]
    response["Content-Disposition"] = f'attachment; filename="{name}.{file_format}"'
    return response  # type: ignore[return-value]


def later(export: Export) -> JsonResponse:
    """Have a worker write the file: 202 with {"state": address of its progress}, or 429 with {"error"}."""
    try:
        made = export_jobs.enqueue(export)
    except export_jobs.TooManyExportsError:
        said = _("There are %(count)s export files already. Each is deleted after a day.")
        return JsonResponse({"error": said % {"count": export_jobs.MAX_KEPT}}, status=429)
    return JsonResponse({"state": reverse("admin:export_state", args=[made.pk])}, status=202)
