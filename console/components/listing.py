"""The rows of a list as its page shows them, as plain text in the columns of the page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from itertools import chain, islice
from typing import Any

from django.contrib.admin import ModelAdmin
from django.contrib.admin.utils import label_for_field, lookup_field
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from django.utils import timezone, translation
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext

from console.access.rights import Scope
from console.components.change_list import LargeTableChangeList
from console.components.searching_back import parts_from_newest

Cell = str | int | float | None

# Rows that are completed at a time (`prepare_rows`).
_AT_ONCE = 500
_WITHOUT_CONTENT = frozenset({"br", "img", "input", "hr", "wbr"})


class Listing:
    """A list as a user sees it.

    Attributes:
        title: What is listed.
        columns: The columns' names.
        count: How many rows there are; None where that would take long to say.
    """

    def __init__(self, model_admin: Any, request: HttpRequest) -> None:
        self._admin, self._request = model_admin, request
        self._changes = model_admin.get_changelist_instance(request)
        self._names = [name for name in self._changes.list_display if name not in model_admin.not_exported]
        self.title = capfirst(str(model_admin.opts.verbose_name_plural))
        self.columns = [capfirst(str(label_for_field(name, model_admin.model, model_admin))) for name in self._names]
        is_more = getattr(self._changes, "searched", None) or getattr(self._changes.paginator, "has_more", False)
        self.count: int | None = None if is_more else self._changes.result_count

    def rows(self, at_most: int) -> Iterator[list[Cell]]:
        """Yield the cells of each row, in the list's order."""
        objects = islice(self._objects(), at_most)
        while some := list(islice(objects, _AT_ONCE)):
            self._admin.prepare_rows(self._request, some)
            for obj in some:
                yield [_cell(name, obj, self._admin) for name in self._names]

    def _objects(self) -> Iterator[Any]:
        rows: QuerySet[Any] = self._changes.queryset
        parts: Iterable[QuerySet[Any]] = [rows]
        if isinstance(self._changes, LargeTableChangeList):
            parts = (part.rows for part in parts_from_newest(rows))
        return chain.from_iterable(part.iterator(chunk_size=_AT_ONCE) for part in parts)


@contextmanager
def open_listing(model_admin: Any, user: Any, scope: Scope, query: str, language: str) -> Iterator[Listing]:
    """Open a list as its page does, for the time of the context.

    Args:
        model_admin: The list's admin class.
        user: Who looks at it.
        scope: What they may see.
        query: The search and the filters, as in the address.
        language: The language of what is shown.
    """
    request = HttpRequest()
    request.method, request.user, request.GET = "GET", user, QueryDict(query)
    request.console_scope = scope  # type: ignore[attr-defined]
    with translation.override(language), timezone.override(model_admin.zone_of_list(request)):
        yield Listing(model_admin, request)


def _cell(name: Any, obj: Any, model_admin: ModelAdmin[Any]) -> Cell:
    """Return what a column shows of an object."""
    try:
        field, _attribute, value = lookup_field(name, obj, model_admin)
    except ObjectDoesNotExist:
        return ""
    if field is not None and field.flatchoices:
        value = dict(field.flatchoices).get(value, value)
    if isinstance(value, bool):
        return gettext("Yes") if value else gettext("No")
    if value is None or isinstance(value, int | float):
        return value
    return text_of(value) if isinstance(value, SafeString) else str(value)


def text_of(html: str) -> str:
    """Return the text of HTML as a reader sees it: without icons and what else is hidden from screen readers."""
    reader = _TextReader()
    reader.feed(html)
    reader.close()
    return " ".join("".join(reader.texts).split())


class _TextReader(HTMLParser):
    """Collects the texts of HTML.

    Attributes:
        texts: The texts.
    """

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin to leave out what is hidden; texts of different elements are different words."""
        self.texts.append(" ")
        if tag not in _WITHOUT_CONTENT and (self._hidden or ("aria-hidden", "true") in attrs):
            self._hidden += 1

    def handle_endtag(self, tag: str) -> None:
        """End to leave out what is hidden."""
        self.texts.append(" ")
        if self._hidden and tag not in _WITHOUT_CONTENT:
            self._hidden -= 1

    def handle_data(self, data: str) -> None:
        """Keep a text that is shown."""
        if not self._hidden:
            self.texts.append(data)
