"""Search a large table from its newest row back, a bounded part at a time.

A filter that matches few rows of many, and that no index serves, would read the whole table. Instead ever older rows
are looked at until the time is spent; the list says how far that was, and the next request goes on from there.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Lookup, QuerySet
from django.db.models.expressions import Col

# Rows looked at by the first statement, and by one at most: twice as many each time.
FIRST_STEP, LONGEST_STEP = 25_000, 100_000
# No further step is begun after this time, in seconds.
BUDGET = 0.05
# The parameter of the address by which a search goes on: a lookup, which Django applies by itself.
OLDER_THAN = "id__lt"
_BOUNDS = frozenset({"gt", "gte", "lt", "lte", "range"})


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found.

    Attributes:
        keys: Primary keys of matching rows, the newest first.
        looked_at: Among how many rows they are.
        reached: The oldest row that was looked at; None if there is no older one, or enough were found.
    """

    keys: list[int]
    looked_at: int
    reached: int | None


@dataclass(frozen=True, slots=True)
class SearchedPart:
    """What a list says of a search that has not come to the table's end.

    Attributes:
        looked_at: How many rows were looked at.
        back_to: When the oldest of them was made; None where its key does not tell.
        older: The address that goes on with older rows.
    """

    looked_at: int
    back_to: datetime | None
    older: str


def search_back(rows: QuerySet[Any], at_most: int) -> Found:
    """Search a table by primary key from its newest row back, as far as the time allows.

    Args:
        rows: The rows wanted. Bounds of the primary key among their conditions say where the search begins and ends.
        at_most: How many are looked for.
    """
    keys, looked_at, deadline = list[int](), 0, time.monotonic() + BUDGET
    for part in parts_from_newest(rows):
        keys += part.rows.values_list("pk", flat=True)[: at_most - len(keys)]
        looked_at += part.size
        if part.oldest is not None and len(keys) < at_most and time.monotonic() >= deadline:
            return Found(keys, looked_at, part.oldest)
        if len(keys) == at_most:
            break
    return Found(keys, looked_at, None)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a table.

    Attributes:
        rows: The rows wanted, the newest first.
        size: Among how many rows of the table they are.
        oldest: The oldest of these; None in the last part.
    """

    rows: QuerySet[Any]
    size: int
    oldest: int | None


def parts_from_newest(rows: QuerySet[Any]) -> Iterator[Part]:
    """Divide a table, from its newest row back, into parts that a statement reads in a moment; see `search_back`."""
    left, step = _between_bounds(rows), FIRST_STEP
    while True:
        oldest = left.order_by("-pk").values_list("pk", flat=True)[step - 1 : step].first()
        wanted = rows if oldest is None else rows.filter(pk__gte=oldest)
        yield Part(wanted.order_by("-pk"), step, oldest)
        if oldest is None:
            return
        rows, left, step = rows.filter(pk__lt=oldest), left.filter(pk__lt=oldest), min(2 * step, LONGEST_STEP)


def _between_bounds(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Return all of the table's rows between the bounds that `rows` sets to the primary key."""
    between: QuerySet[Any] = rows.model._default_manager.all()
    for condition in rows.query.where.children:
        if not isinstance(condition, Lookup) or not isinstance(condition.lhs, Col):
            continue
        if condition.lhs.target.primary_key and condition.lookup_name in _BOUNDS:
            between.query.where.add(condition, "AND")
    return between


class FoundPaginator(Paginator):
    """Pages through the primary keys that a search found."""

    template_name = "console/pagination_capped.html"
    has_more = False
