"""The workspace switch in the top bar. The session keeps the choice; lists and forms follow it."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from console.access.rights import CHOSEN, MissingRightError, Right, scope_of
from pushcore.storage import ids

# The most workspaces that a search offers.
MOST_FOUND = 20


@require_POST
def switch_workspace(request: HttpRequest) -> HttpResponse:
    """Choose a workspace, or all when none is named, and return to the page it was chosen on.

    It is named by its database id ("workspace"), or by a text that finds it alone ("text").
    """
    named, text = request.POST.get("workspace", ""), request.POST.get("text", "").strip()
    wanted = ids.parse(named) or 0
    if text:
        _choose_found(request, text)
    elif not named:
        request.session.pop(CHOSEN, None)
    elif scope_of(request).workspaces().filter(pk=wanted).exists():
        request.session[CHOSEN] = wanted
    else:
        raise Http404
    back = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        back = reverse("admin:index")
    return HttpResponseRedirect(back)


@require_GET
def find_workspaces(request: HttpRequest) -> JsonResponse:
    """Answer with the full IDs of the first workspaces that contain the text "q"."""
    scope = scope_of(request)
    if not scope.may(Right.VIEW):
        raise MissingRightError(Right.VIEW)
    found = scope.find_workspaces(_without_nul(request.GET.get("q", "")))
    return JsonResponse({"found": [str(workspace) for workspace in found[:MOST_FOUND]]})


def _choose_found(request: HttpRequest, text: str) -> None:
    """Choose the workspace with that full ID, else the only one that the text finds; else say that there is none."""
    found = list(scope_of(request).find_workspaces(_without_nul(text))[:MOST_FOUND])
    exact = [workspace for workspace in found if str(workspace) == text] or found
    if len(exact) == 1:
        request.session[CHOSEN] = exact[0].pk
    else:
        said = _("No workspace has “%s” in its ID.") if not exact else _("Several workspaces have “%s” in their ID.")
        messages.warning(request, said % text)


def _without_nul(text: str) -> str:
    return text.replace("\0", "")
