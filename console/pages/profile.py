"""The page of one's own account: roles, two-factor login, and the sessions, each of which can be ended."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.admin import site
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from console.access import audit, login_sessions
from console.components.columns import moment
from console.models import AuditEntry, Membership, SecondFactor
from pushcore.storage import ids

MAX_SHOWN = 50
OTHERS = "others"


@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """Show the page; by POST end the session named by `end` (its number), or all others."""
    user = request.user
    assert isinstance(user, User)
    if request.method == "POST":
        return _end(request, user)
    sessions = [
        (one, login_sessions.name_of(one.browser), moment(one.started_at), moment(one.last_seen_at))
        for one in login_sessions.sessions_of(user)[:MAX_SHOWN]
    ]
    context = site.each_context(request) | {
        "title": _("Profile"),
        "sessions": sessions,
        "current": request.session.session_key,
        "roles": Membership.objects.filter(user=user).select_related("app")[:MAX_SHOWN],
        "two_factor_is_on": SecondFactor.objects.filter(user=user, confirmed=True).exists(),
    }
    return TemplateResponse(request, "console/profile.html", context)


def _end(request: HttpRequest, user: User) -> HttpResponse:
    """End one of the user's other sessions, or all of them; the one at hand ends by logging out."""
    others = login_sessions.sessions_of(user).exclude(session=request.session.session_key)
    wanted = request.POST.get("end", "")
    if wanted != OTHERS:
        others = others.filter(pk=ids.parse(wanted) or 0)
        if not others.exists():
            raise Http404
    ended = login_sessions.end(others)
    audit.record(request, AuditEntry.Action.CHANGE, user, {"what": "Ended sessions of their own.", "sessions": ended})
    messages.success(request, _("Ended. It takes a login to go on there."))
    return HttpResponseRedirect(reverse("admin:profile"))
