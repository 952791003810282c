"""The page where users set up or remove their own second factor."""

from __future__ import annotations

import time

from django.contrib import messages
from django.contrib.admin import site
from django.contrib.auth import authenticate
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from console.access import audit, second_factor
from console.models import AuditEntry, SecondFactor

# Session key: the time (Unix seconds) until which a code is accepted, after the password has been checked.
PROVEN_UNTIL = "console.two_factor.proven_until"
PROVEN_SECONDS = 600


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def two_factor(request: HttpRequest) -> HttpResponse:
    """Show the page, or take one of its steps, named by `do`.

    "begin" shows the QR code, "confirm" checks a code from the authenticator app, "remove" turns the second factor off.
    Begin and remove require the password, so that a session left open or stolen can neither lock its owner out nor keep
    a stranger's access.
    """
    step = {"begin": _begin, "confirm": _confirm, "remove": _remove}.get(request.POST.get("do", ""))
    return step(request) if step else _page(request)


def _page(request: HttpRequest, **more: object) -> HttpResponse:
    """Render the page with `more` added to its context."""
    confirmed = SecondFactor.objects.filter(user_id=request.user.pk, confirmed=True).first()
    context = site.each_context(request) | {"title": _("Two-factor login"), "confirmed": confirmed} | more
    return TemplateResponse(request, "console/two_factor.html", context)


def _begin(request: HttpRequest) -> HttpResponse:
    """Check the password, remember that for `PROVEN_SECONDS`, and show the key."""
    assert request.user.is_authenticated
    if not _password_is_right(request):
        return _page(request, error=_("The password is wrong."))
    request.session[PROVEN_UNTIL] = time.time() + PROVEN_SECONDS
    return _show_key(request, second_factor.begin(request.user.pk))


def _show_key(request: HttpRequest, factor: SecondFactor, error: str = "") -> HttpResponse:
    """Show the key as a QR code and an address, unless the factor is already confirmed."""
    if factor.confirmed:
        return _page(request)
    address = second_factor.address(factor, request.user.get_username())
    return _page(request, qr_code=second_factor.qr_code(address), address=address, error=error)


def _confirm(request: HttpRequest) -> HttpResponse:
    """Turn the second factor on if the code is right, and show the recovery codes this once."""
    assert request.user.is_authenticated
    factor = SecondFactor.objects.filter(user_id=request.user.pk).first()
    if factor is None or time.time() > request.session.get(PROVEN_UNTIL, 0):
        return _page(request, error=_("Begin again: that took too long."))
    codes = second_factor.confirm(request.user.pk, request.POST.get("code", ""))
    if codes is None:
        return _show_key(request, factor, error=_("That is not the present code. Try again with the next one."))
    del request.session[PROVEN_UNTIL]
    audit.record(request, AuditEntry.Action.CHANGE, request.user, {"what": "Set up two-factor login."})
    return _page(request, recovery_codes=codes)


def _remove(request: HttpRequest) -> HttpResponse:
    """Check the password and delete the second factor."""
    assert request.user.is_authenticated
    if not _password_is_right(request):
        return _page(request, error=_("The password is wrong."))
    SecondFactor.objects.filter(user_id=request.user.pk).delete()
    audit.record(request, AuditEntry.Action.CHANGE, request.user, {"what": "Removed their two-factor login."})
    messages.success(request, _("Two-factor login is off."))
    return HttpResponseRedirect(reverse("admin:two_factor"))


def _password_is_right(request: HttpRequest) -> bool:
    """Check the user's password; wrong ones count as failed logins and lock out like them."""
    given = {"username": request.user.get_username(), "password": request.POST.get("password", "")}
    return authenticate(request, **given) is not None
