"""List views of the console: page rows completed in bulk, and lists of large tables that take a bounded time."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import PAGE_VAR
from django.core.paginator import InvalidPage, Paginator
from django.http import HttpRequest
from unfold.views import ChangeList

from console.components.empty_state import EmptyState, empty_state_of
from console.components.searching_back import OLDER_THAN, FoundPaginator, SearchedPart, search_back
from pushcore.storage.timeouts import StatementTimeoutError, statement_timeout

# A statement of a list of a large table that takes longer (milliseconds) is not served by an index.
QUICK_MS = 60


class ConsoleChangeList(ChangeList):
    """A change list that hands the rows of its page to the admin class's `prepare_rows`.

    Attributes:
        empty_state: What the page says while it has no rows; None as long as it has some.
    """

    result_list: Any
    empty_state: EmptyState | None = None

    def get_results(self, request: HttpRequest) -> None:
        """Fetch the rows of the page, and complete them."""
        rows = self.fetch(request)
        if not rows:
            self.empty_state = empty_state_of(request, self)
        self.model_admin.prepare_rows(request, rows)
        self.result_list = rows
        if not self.query and not self.filter_params:
            # The list is not narrowed: without this the header would show "n results" with a link to all of them.
            self.full_result_count = self.result_count

    def fetch(self, request: HttpRequest) -> list[Any]:
        """Fetch the page's rows."""
        super().get_results(request)
        # Without an index, looking for rows that the count has not found would scan the table a second time.
        return list(self.result_list) if self.result_count else []


class LargeTableChangeList(ConsoleChangeList):
    """A change list, newest first, that searches back from there where looking at all rows takes too long.

    Attributes:
        searched: How far the search came, if that is not to the end.
    """

    searched: SearchedPart | None = None

    def fetch(self, request: HttpRequest) -> list[Any]:
        """Fetch the page's rows as usual, or by `search_back` if a statement exceeds `QUICK_MS`."""
        try:
            with statement_timeout(QUICK_MS):
                return super().fetch(request)
        except StatementTimeoutError:
            found = search_back(self.queryset, CappedPaginator.MAX_COUNT)
        self.paginator = paginator = FoundPaginator(found.keys, self.list_per_page)
        paginator.has_more = len(found.keys) == CappedPaginator.MAX_COUNT
        self.result_count, self.full_result_count = len(found.keys), None
        self.show_full_result_count, self.can_show_all, self.show_admin_actions = False, False, True
        self.multi_page = paginator.num_pages > 1
        if found.reached is not None:
            older = self.get_query_string({OLDER_THAN: found.reached}, [PAGE_VAR])
            self.searched = SearchedPart(found.looked_at, self.model_admin.made_at(found.reached), older)
        try:
            keys = paginator.page(self.page_num if self.multi_page else 1).object_list
        except InvalidPage:
            raise IncorrectLookupParameters from None
        return list(self.queryset.filter(pk__in=keys)) if keys else []


class CappedPaginator(Paginator):
    """A paginator that counts up to `MAX_COUNT` rows and no further, because a full count scans a large table.

    Rows older than those on the last page are reached by searching and filtering.
    """

    MAX_COUNT = 10_000
    template_name = "console/pagination_capped.html"

    @cached_property
    def _counted(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[: self.MAX_COUNT + 1].count())

    @cached_property
    def count(self) -> int:
        """The number of rows that can be paged through, at most `MAX_COUNT`."""
        return min(self._counted, self.MAX_COUNT)

    @property
    def has_more(self) -> bool:
        """Whether there are more rows than `MAX_COUNT`; the page then says to search or filter for older ones."""
        return self._counted > self.MAX_COUNT
