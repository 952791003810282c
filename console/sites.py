"""The console's admin site: login, home, every registered page, and the console's own pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial, wraps
from typing import Any, cast

from django.apps import AppConfig
from django.contrib.auth.decorators import login_not_required
from django.core.checks import CheckMessage
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from unfold.sites import UnfoldAdminSite

from console.theme import settings as theme


class ConsoleSite(UnfoldAdminSite):
    """The admin site in place of Django's `admin.site` (see `console.apps`), mounted with `admin.site.urls`."""

    index_template = "console/home.html"
    index_title = _("Home")

    def get_urls(self) -> list[URLPattern]:
        """Put the routes of `console.pages` before the admin's own, which end in a catch-all.

        All are loaded here: of the service's processes, only the web process shows them.
        """
        import console.admins  # noqa: F401 - registers its classes
        from console.pages import ROUTES
        from console.pages.invitation import Invitation
        from console.pages.login import LoginCode

        own: list[URLPattern] = [path(route.path, self.admin_view(route.view), name=route.name) for route in ROUTES]
        # Who comes here is not logged in yet, so these pages are not wrapped in `admin_view`.
        before = [
            path("invitation/<str:uidb64>/<str:token>/", Invitation.as_view(), name="invitation"),
            path("login/code/", LoginCode.as_view(), name="login_code"),
        ]
        return [*own, *before, *super().get_urls()]

    def check(self, app_configs: Iterable[AppConfig] | None) -> list[CheckMessage]:
        """Load the admin classes before Django checks them."""
        import console.admins  # noqa: F401 - registers its classes

        return super().check(app_configs)

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Callable[..., Any]:
        """Show a page's times in the zone of the workspaces in view; a page about one of them changes that itself."""
        from console.access import login_sessions
        from console.access.rights import scope_of
        from console.locale import zones

        @wraps(view)
        def in_zone(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            login_sessions.note(request)
            zones.activate(scope_of(request).zone)
            return view(request, *args, **kwargs)

        wrapped: Callable[..., Any] = super().admin_view(in_zone, cacheable)
        return wrapped

    @method_decorator(never_cache)
    @method_decorator(login_not_required)
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show or take the first step of logging in, in place of Django's, which knows one step alone."""
        from console.pages.login import Login

        if request.method == "GET" and self.has_permission(request):
            return HttpResponseRedirect(reverse("admin:index"))
        return cast(HttpResponse, Login.as_view(extra_context=extra_context)(request))

    def autocomplete_view(self, request: HttpRequest) -> HttpResponse:
        """Answer a form that searches among the choices of a relation, within what it would accept."""
        from console.pages.form_choices import FormChoices

        return cast(HttpResponse, FormChoices.as_view(admin_site=self)(request))

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Add what the workspace switch shows, for those who are logged in."""
        from console.access.rights import scope_of

        context: dict[str, Any] = super().each_context(request)
        if not request.user.is_authenticated:
            return context
        scope = scope_of(request)
        context |= {"workspace_choices": scope.choices, "workspace_chosen": scope.chosen}
        if scope.has_more_choices:
            context["workspace_searched"] = scope.workspaces().filter(pk=scope.chosen or 0).first() or ""
        return context

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> Any:
        """Return the models by app, looked up only where a page shows them: the sidebar has entries of its own."""
        return SimpleLazyObject(partial(super().get_app_list, request, app_label))

    def get_sidebar_list(self, request: HttpRequest) -> list[dict[str, Any]]:
        """Return the sidebar's groups, each entry with its address, and whether it is shown and is the page's.

        Unfold's makes a class for each permission that it asks, and looks an address up wherever it is used: a tenth of
        a page's time.
        """
        return [group | {"items": [self._entry(request, one) for one in group["items"]]} for group in theme.NAVIGATION]

    def _entry(self, request: HttpRequest, entry: dict[str, Any]) -> dict[str, Any]:
        link = str(entry["link"])
        is_active = entry["active"](request) if "active" in entry else self._get_is_active(request, link)
        is_shown = "permission" not in entry or entry["permission"](request)
        return entry | {"link": link, "active": is_active, "has_permission": is_shown}

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Let users change their password, and record in the audit log that they did."""
        from console.access import audit
        from console.models import AuditEntry

        answer = super().password_change(request, extra_context)
        if request.method == "POST" and answer.status_code == 302:
            assert request.user.is_authenticated
            audit.record(request, AuditEntry.Action.CHANGE, request.user, {"what": "Changed their own password."})
        return answer

    def search(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Answer 404: Unfold's search across models knows no scope and no bounds.

        Raises:
            Http404: Always.
        """
        raise Http404
