"""Lists of tables with millions of rows: exact search along an index, and bounded time where none serves."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from console.access.rights import Scope, scope_of
from console.components.change_list import CappedPaginator, LargeTableChangeList
from console.components.scoped_admin import ReadOnly, ScopedModelAdmin
from console.components.searching_back import OLDER_THAN
from console.locale.zones import activate, zone_of
from pushcore.storage import ids
from pushcore.storage.timeouts import StatementTimeoutError, statement_timeout

# A query that no index serves is cancelled after this time, in milliseconds, before it slows the service down.
LIST_TIMEOUT_MS = 5000


class LargeTableAdmin(ReadOnly, ScopedModelAdmin):
    """Base of read-only lists, newest first, counted up to a limit. Subclasses implement `find` for the search box."""

    ordering = ("-id",)
    sortable_by = ()
    paginator = CappedPaginator
    # Django shows the search box only if this is set; `find` does the search.
    search_fields = ("pk",)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[LargeTableChangeList]:
        """Use `LargeTableChangeList`, whose time is bounded."""
        return LargeTableChangeList

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Allow also the parameter by which a search goes on with older rows."""
        return lookup == OLDER_THAN or super().lookup_allowed(lookup, value, request)

    def made_at(self, key: int) -> datetime | None:
        """Return when the row of a primary key was made; None where keys do not tell."""
        return None

    def find(self, rows: QuerySet[Any], scope: Scope, term: str) -> QuerySet[Any]:
        """Return the rows that an exact search term names; subclasses with a search box override this.

        Args:
            rows: The rows to search, already limited to the user's scope.
            scope: What the user may see, to search per workspace where the index starts with it.
            term: The search term, stripped and not empty.
        """
        raise TypeError(f"{type(self).__name__} has no search")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search by `find` instead of Django's substring match, which no index serves."""
        term = search_term.strip()
        return (self.find(queryset, scope_of(request), term) if term else queryset), False

    def zone_of_list(self, request: HttpRequest) -> ZoneInfo:
        """Return the zone of the workspace that the list is filtered by, so that its days and times are meant."""
        number = ids.parse(request.GET.get("workspace", ""))
        workspace = None if number is None else scope_of(request).workspaces().filter(pk=number).first()
        return zone_of(workspace) or super().zone_of_list(request)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list, or a 503 page that asks for a narrower query when it exceeds `LIST_TIMEOUT_MS`."""
        activate(self.zone_of_list(request))
        try:
            with statement_timeout(LIST_TIMEOUT_MS):
                return super().changelist_view(request, extra_context)
        except StatementTimeoutError:
            context = self.admin_site.each_context(request) | {
                "title": self.opts.verbose_name_plural,
                "opts": self.opts,
            }
            return TemplateResponse(request, "console/too_slow.html", context, status=503)
