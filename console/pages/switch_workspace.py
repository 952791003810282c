"""The workspace switch in the top bar. The session keeps the choice; lists and forms follow it."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from console.access.rights import CHOSEN, scope_of
from pushcore.storage import ids


@require_POST
def switch_workspace(request: HttpRequest) -> HttpResponse:
    """Choose a workspace, or all when none is named, and return to the page it was chosen on."""
    named = request.POST.get("workspace", "")
    wanted = ids.parse(named) or 0
    if not named:
        request.session.pop(CHOSEN, None)
    elif scope_of(request).workspaces().filter(pk=wanted).exists():
        request.session[CHOSEN] = wanted
    else:
        raise Http404
    back = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        back = reverse("admin:index")
    return HttpResponseRedirect(back)
