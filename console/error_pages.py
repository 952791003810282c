"""The console's pages for 403 and 404: what happened, which role it takes, where to go (`handler403` of the URLs)."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import ModelAdmin, site
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.views import defaults

MAX_ROLES = 10
# The permissions that pages of models ask for; an action's page asks for those of the action.
_PERMISSIONS = {"changelist": "view", "change": "view", "history": "view", "add": "add", "delete": "delete"}


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 403 and name the role that the page takes."""
    if not _is_for_a_person(request):
        return defaults.permission_denied(request, exception)
    context = {"title": _("Not allowed"), "needed": _needed(request, exception), "roles": _roles(request)}
    return _page(request, "console/forbidden.html", context, 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404; what lies outside the user's apps does not exist for them."""
    if not _is_for_a_person(request):
        return defaults.page_not_found(request, exception)
    return _page(request, "console/not_found.html", {"title": _("Not found")}, 404)


def _is_for_a_person(request: HttpRequest) -> bool:
    """Return whether somebody who is logged in to the console asked for a page of it."""
    user = getattr(request, "user", None)
    return request.path.startswith(reverse("admin:index")) and user is not None and site.has_permission(request)


def _page(request: HttpRequest, template: str, context: dict[str, Any], status: int) -> HttpResponse:
    answer = TemplateResponse(
        request, template, site.each_context(request) | {"list_url": _list_url(request)} | context, status=status
    )
    return answer.render()


def _model_admin(request: HttpRequest) -> tuple[ModelAdmin[Any], str] | None:
    """Return the admin class whose page was asked for and the last part of that page's name, None for other pages."""
    name = (request.resolver_match and request.resolver_match.url_name) or ""
    for model, found in site._registry.items():
        start = f"{model._meta.app_label}_{model._meta.model_name}_"
        if name.startswith(start):
            return found, name.removeprefix(start)
    return None


def _list_url(request: HttpRequest) -> str | None:
    """Return the list of the objects that the page is about, if the user may open it."""
    found = _model_admin(request)
    if found is None or not found[0].has_view_permission(request):
        return None
    opts = found[0].opts
    try:
        return reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist")
    except NoReverseMatch:
        return None


def _needed(request: HttpRequest, exception: Exception) -> str:
    """Say who may do what was refused."""
    from console.access.rights import MissingRightError, least_role
    from console.models import Membership

    role = least_role(exception.right) if isinstance(exception, MissingRightError) else None
    found = _model_admin(request)
    if role is None and found is not None:
        held = next((one for one in Membership.Role if _would_be_allowed(request, *found, role=one)), None)
        if held is None and not _would_be_allowed(request, *found, role=None):
            return _("Nobody may: such records are made by the service itself, or must stay.")
        if held is None:
            return _("Only superusers may, who manage the whole installation.")
        role = held
    if role is None:
        return _("Your roles do not allow it.")
    return _(
        "It takes the role %(role)s in the app, or one above it. "
        "An administrator of the app gives roles, under Members."
    ) % {"role": role.label}


def _would_be_allowed(request: HttpRequest, admin: ModelAdmin[Any], page: str, *, role: str | None) -> bool:
    """Return whether somebody with the role in every app, a superuser for None, might open the page."""
    from console.access.rights import Scope, scope_of

    action = getattr(admin, page, None)
    names = [_PERMISSIONS[page]] if page in _PERMISSIONS else getattr(action, "allowed_permissions", ())
    own = scope_of(request)
    request.console_scope = Scope(role is None, {} if role is None else {0: role})  # type: ignore[attr-defined]
    try:
        return all(getattr(admin, f"has_{name}_permission")(request) for name in names)
    finally:
        request.console_scope = own  # type: ignore[attr-defined]


def _roles(request: HttpRequest) -> list[str]:
    """Return the user's roles, each with its app."""
    from console.models import Membership

    mine = Membership.objects.filter(user=request.user.pk).select_related("app")[:MAX_ROLES]
    return [f"{one.get_role_display()} · {one.app}" for one in mine]
