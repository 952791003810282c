"""List views of the console: page rows completed in bulk, and a paginator that stops counting at a limit."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest
from unfold.views import ChangeList

from console.components.empty_state import EmptyState, empty_state_of


class ConsoleChangeList(ChangeList):
    """A change list that hands the rows of its page to the admin class's `prepare_rows`.

    Attributes:
        empty_state: What the page says while it has no rows; None as long as it has some.
    """

    result_list: Any
    empty_state: EmptyState | None = None

    def get_results(self, request: HttpRequest) -> None:
        """Fetch the rows of the page, skipping the second query when the count is 0."""
        super().get_results(request)
        # Without an index, looking for rows that the count has not found would scan the table a second time.
        rows: list[Any] = list(self.result_list) if self.result_count else []
        if not rows:
            self.empty_state = empty_state_of(request, self)
        self.model_admin.prepare_rows(request, rows)
        self.result_list = rows
        if not self.query and not self.filter_params:
            # The list is not narrowed: without this the header would show "n results" with a link to all of them.
            self.full_result_count = self.result_count


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
