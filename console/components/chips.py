"""Filters that stand above a list as chips: links, one of which is chosen, so that they need no script.

Any list uses them by naming a `ChipFilter` in `list_filter`. In the sheet with the other filters a chip filter is a
hidden field that keeps its value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.contrib.admin.views.main import SEARCH_VAR, ChangeList
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from pushcore.storage import clock, ids

ALL = "all"

# Values and texts (`str`, or a lazy translation).
Choices = Sequence[tuple[str, Any]]


class Chip(NamedTuple):
    """A choice of a chip filter: its text, the address that it leads to, and whether it is the one in use."""

    text: str | Promise
    address: str
    chosen: bool


class ChipFilter(SimpleListFilter):
    """Base of filters shown as chips. Subclasses give `lookups` and apply `chosen` in `queryset`.

    A value in the address that is no choice counts as none.
    """

    parameter_name: str
    template = "console/lists/kept_filter.html"
    # The choice in use when the address names none; every list with the filter has this one.
    default = ALL

    def chosen(self) -> str:
        """Return the choice in use: the one in the address, else the default."""
        value = self.value()
        return value if value in {choice for choice, _text in self.lookup_choices} else self.default

    def chips(self, changelist: ChangeList) -> Iterator[Chip]:
        """Yield the chips in the order of the choices. The address of the default names no value."""
        for value, text in self.lookup_choices:
            query = {self.parameter_name: None if value == self.default else value}
            yield Chip(text, changelist.get_query_string(query), value == self.chosen())

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Yield the parameters to keep in the form of the other filters."""
        for name, value in self.used_parameters.items():
            yield {"name": name, "value": value}


class ColumnChipFilter(ChipFilter):
    """Base of chip filters by one column with choices: subclasses set `choices_of_column`.

    The column is named by `parameter_name`.
    """

    choices_of_column: list[tuple[Any, Any]]

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Choices:
        """Offer all, then each of the column's choices."""
        return [(ALL, _("All")), *((str(value), text) for value, text in self.choices_of_column)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filter by equality with the choice."""
        chosen = self.chosen()
        return queryset if chosen == ALL else queryset.filter(**{self.parameter_name: chosen})


def is_search(request: HttpRequest, model_admin: ModelAdmin[Any]) -> bool:
    """Tell whether a list is searched, or opened by a link that narrows it (`linked_lookups`)."""
    linked: tuple[str, ...] = getattr(model_admin, "linked_lookups", ())
    return any(request.GET.get(name) for name in (SEARCH_VAR, *linked))


class CreatedFilter(ChipFilter):
    """Filter by creation time: today, yesterday, the last days, or from one day to another.

    Only for tables whose primary keys are time-ordered ids (`pushcore.storage.ids`), which serve as the index. Days
    begin in the active time zone.

    The days of a range are the parameters `created_from` and `created_until`, each optional, as 2026-01-31.
    """

    title = _("created")
    parameter_name = "created"
    from_parameter, until_parameter = "created_from", "created_until"
    parameter_names = (parameter_name, from_parameter, until_parameter)

    def __init__(
        self, request: HttpRequest, params: dict[str, Any], model: type[Model], model_admin: ModelAdmin[Any]
    ) -> None:
        super().__init__(request, params, model, model_admin)
        for name in (self.from_parameter, self.until_parameter):
            if text := params.pop(name, [""])[-1]:
                self.used_parameters[name] = text

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Choices:
        """Offer any time and the usual periods."""
        return [(ALL, _("Any time")), ("today", _("Today")), ("yesterday", _("Yesterday")), ("7", _("Last 7 days"))]

    def expected_parameters(self) -> list[str | None]:
        """Name all three parameters."""
        return list(self.parameter_names)

    @property
    def first_day(self) -> date | None:
        """The first day of the range in the address, if there is one."""
        return _day(self.used_parameters.get(self.from_parameter))

    @property
    def last_day(self) -> date | None:
        """The last day of the range in the address, if there is one."""
        return _day(self.used_parameters.get(self.until_parameter))

    @property
    def has_range(self) -> bool:
        """Whether the address names a day of a range, which then applies instead of a period."""
        return bool(self.first_day or self.last_day)

    def kept(self, changelist: ChangeList) -> list[tuple[str, str]]:
        """Return the other parameters of the address, for the hidden fields of the range's form."""
        return [
            (name, value)
            for name, values in changelist.filter_params.items()
            if name not in self.parameter_names
            for value in values
        ]

    def chips(self, changelist: ChangeList) -> Iterator[Chip]:
        """Yield the periods; none is chosen while a range applies."""
        for value, text in self.lookup_choices:
            query = dict.fromkeys(self.parameter_names) | {self.parameter_name: None if value == ALL else value}
            yield Chip(text, changelist.get_query_string(query), not self.has_range and value == self.chosen())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        """Compare primary keys with the first ids of the period's beginning and end."""
        start, end = self._days()
        if start is not None:
            queryset = queryset.filter(pk__gte=ids.first_id_at(start))
        return queryset if end is None else queryset.filter(pk__lt=ids.first_id_at(end))

    def _days(self) -> tuple[datetime | None, datetime | None]:
        """Return when the period begins and ends; None where it is open."""
        if self.has_range:
            first, last = self.first_day, self.last_day
            return _midnight(first) if first else None, _midnight(last + timedelta(days=1)) if last else None
        today = timezone.localdate(clock.now())
        match self.chosen():
            case "today":
                return _midnight(today), None
            case "yesterday":
                return _midnight(today - timedelta(days=1)), _midnight(today)
            case "7":
                return clock.now() - timedelta(days=7), None
        return None, None


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=timezone.get_current_timezone())


def _day(text: str | None) -> date | None:
    """Parse a day as browsers send it; None for any other text, and for the last day of all."""
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text or "", re.ASCII):
        return None
    try:
        day = date.fromisoformat(str(text))
    except ValueError:
        return None
    return day if day < date.max else None
