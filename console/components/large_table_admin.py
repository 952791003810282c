"""Lists of tables that grow by the million: exact search along an index, and an end to slow questions."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from console.access.rights import Scope, scope_of
from console.components.change_list import CappedPaginator
from console.components.scoped_admin import ReadOnly, ScopedModelAdmin
from pushcore.storage.timeouts import StatementTimeoutError, statement_timeout

# A question the indexes cannot answer is given up after this, in milliseconds, before it slows down the service.
LIST_TIMEOUT_MS = 5000


class LargeTableAdmin(ReadOnly, ScopedModelAdmin):
    """Read only, newest first, never counted to the end. Subclasses implement `find` for the search box."""

    ordering = ("-id",)
    sortable_by = ()
    paginator = CappedPaginator
    # Set so that the search box is shown; `find` decides what a search means.
    search_fields = ("pk",)

    def find(self, rows: QuerySet[Any], scope: Scope, term: str) -> QuerySet[Any]:
        """The rows an exact search term names."""
        raise TypeError(f"{type(self).__name__} has no search")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        return (self.find(queryset, scope_of(request), term) if term else queryset), False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        try:
            with statement_timeout(LIST_TIMEOUT_MS):
                return super().changelist_view(request, extra_context)
        except StatementTimeoutError:
            context = self.admin_site.each_context(request) | {
                "title": self.opts.verbose_name_plural,
                "opts": self.opts,
            }
            return TemplateResponse(request, "console/too_slow.html", context, status=503)
