"""Setting up, and giving up, one's own second factor."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.admin import site
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from console import audit, second_factor
from console.models import SecondFactor


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def two_factor(request: HttpRequest) -> HttpResponse:
    """One page, three steps (`do`): begin shows the QR code, confirm asks for a code of it, remove for the password."""
    step = {"begin": _begin, "confirm": _confirm, "remove": _remove}.get(request.POST.get("do", ""))
    return step(request) if step else _page(request)


def _page(request: HttpRequest, **more: object) -> HttpResponse:
    confirmed = SecondFactor.objects.filter(user_id=request.user.pk, confirmed=True).first()
    context = site.each_context(request) | {"title": _("Two-factor login"), "confirmed": confirmed} | more
    return TemplateResponse(request, "console/two_factor.html", context)


def _begin(request: HttpRequest, error: str = "") -> HttpResponse:
    assert request.user.is_authenticated
    factor = SecondFactor.objects.filter(user_id=request.user.pk).first() if error else None
    factor = factor or second_factor.begin(request.user.pk)
    if factor.confirmed:
        return _page(request)
    address = second_factor.address(factor, request.user.get_username())
    return _page(request, qr_code=second_factor.qr_code(address), address=address, error=error)


def _confirm(request: HttpRequest) -> HttpResponse:
    assert request.user.is_authenticated
    codes = second_factor.confirm(request.user.pk, request.POST.get("code", ""))
    if codes is None:
        return _begin(request, error=_("That is not the present code. Try again with the next one."))
    audit.record(request, "change", request.user, {"what": "Set up two-factor login."})
    return _page(request, recovery_codes=codes)


def _remove(request: HttpRequest) -> HttpResponse:
    assert request.user.is_authenticated
    if not request.user.check_password(request.POST.get("password", "")):
        return _page(request, error=_("The password is wrong."))
    SecondFactor.objects.filter(user_id=request.user.pk).delete()
    audit.record(request, "change", request.user, {"what": "Removed their two-factor login."})
    messages.success(request, _("Two-factor login is off."))
    return HttpResponseRedirect(reverse("admin:two_factor"))
