"""Lists of the console: bounded counting, bounded time, and rows completed in one go."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest
from unfold.views import ChangeList


class ConsoleChangeList(ChangeList):
    """Hands a page's rows to the admin class's `prepare_rows`."""

    result_list: Any

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        # What was counted as none need not be looked for once more: where no index serves, that is another scan.
        rows: list[Any] = list(self.result_list) if self.result_count else []
        self.model_admin.prepare_rows(request, rows)
        self.result_list = rows
        if not self.query and not self.filter_params:
            # Nothing narrows the list, so the header has no "n results of all" to say.
            self.full_result_count = self.result_count


class CappedPaginator(Paginator):
    """Counts to a limit and no further: counting a large table to its end costs a scan of it.

    Older rows than the last page shows are found by searching and filtering.
    """

    MOST = 10_000
    template_name = "console/pagination_capped.html"

    @cached_property
    def _counted(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[: self.MOST + 1].count())

    @cached_property
    def count(self) -> int:
        return min(self._counted, self.MOST)

    @property
    def has_more(self) -> bool:
        return self._counted > self.MOST
