"""How many devices meet a condition that is being written: what the form of a segment shows beside it."""

from __future__ import annotations

import json
from typing import Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from console.components.refusals import refusal
from console.pages.create.scope import workspace_or_404
from pushcore.audience import conditions, resolve
from pushcore.codes.results import ResultError
from pushcore.storage.timeouts import StatementTimeoutError

# Longer than any condition.
MAX_TEXT = 32_768
TIMEOUT_MS = 3000


def form_of(text: str) -> dict[str, Any] | str:
    """Return the condition that somebody typed: an object where it begins as one, else text (`'vip' in tags`).

    Raises:
        ValueError: It begins as a JSON object, and is none; the message says where it ends to be one.
    """
    if not text.lstrip().startswith("{"):
        return text.strip()
    try:
        form: dict[str, Any] = json.loads(text[:MAX_TEXT])
    except RecursionError:
        raise ValueError(_("It is nested too deeply.")) from None
    except json.JSONDecodeError as error:
        place = {"line": error.lineno, "column": error.colno}
        raise ValueError(_("This is no JSON: line %(line)s, column %(column)s.") % place) from None
    return form


@require_POST
def count_segment(request: HttpRequest) -> JsonResponse:
    """Answer {"text": ...} with the number of devices of `workspace` that meet `condition`, {"error": ...} without.

    Raises:
        Http404: The user may not push in the workspace.
    """
    workspace = workspace_or_404(request, request.POST.get("workspace", ""))
    try:
        condition = conditions.parse(form_of(request.POST.get("condition", "")[:MAX_TEXT]))
        devices = resolve.count(workspace.pk, condition, timeout_ms=TIMEOUT_MS)
    except ValueError as error:
        return JsonResponse({"error": str(error)})
    except ResultError as error:
        return JsonResponse({"error": refusal(error)})
    except StatementTimeoutError:
        return JsonResponse({"text": _("They could not be counted in time.")})
    return JsonResponse({"text": _("Devices that meet it now: %(count)s.") % {"count": intcomma(devices)}})
