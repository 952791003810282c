"""What is kept of a user, as a file: for the user who asks for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, StreamingHttpResponse
from django.views.decorators.http import require_POST

from console.access import audit
from console.access.rights import MissingRightError, Right, scope_of
from console.models import AuditEntry
from console.pages.create.explanations import explain
from console.pages.workspace_shown import chosen_workspace
from pushcore.api.operations.privacy import message_shown, user_shown
from pushcore.codes.results import ResultError
from pushcore.models import Workspace
from pushcore.privacy import export
from pushcore.privacy.export import KeptOfUser


@require_POST
def export_user(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """Answer with a JSON file of all that is kept of the user whose ID was posted; with 400 for a misspelled one."""
    workspace = chosen_workspace(request, request.POST.get("workspace"))
    if workspace is None or not scope_of(request).may(Right.EXPORT, workspace.app_id):
        raise MissingRightError(Right.EXPORT)
    user_id = request.POST.get("target", "")
    try:
        first = export.of_user(workspace, user_id)
    except ResultError as error:
        return HttpResponseBadRequest(str(explain(error).sentence), content_type="text/plain; charset=utf-8")
    audit.record(request, AuditEntry.Action.EXPORT, workspace, {"what": "a user's data"})
    file = StreamingHttpResponse(_pieces(workspace, user_id, first), content_type="application/json")
    file["Content-Disposition"] = f'attachment; filename="user-{workspace.workspace_id}.json"'
    return file


def _pieces(workspace: Workspace, user_id: str, page: KeptOfUser) -> Iterator[str]:
    """Yield the file page by page: a user may have more messages than fit into memory."""
    head: dict[str, Any] = {"userId": user_id.strip(), **user_shown(page)}
    yield json.dumps(head, ensure_ascii=False, indent=1)[: -len("\n}")] + ',\n "messages": ['
    separator = "\n"
    while True:
        for message in page.messages:
            yield f"{separator}  {json.dumps(message_shown(message), ensure_ascii=False)}"
            separator = ",\n"
        if page.next_message_id is None:
            break
        page = export.of_user(workspace, user_id, up_to=page.next_message_id)
    yield "\n ]\n}\n"
