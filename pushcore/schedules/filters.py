"""What a list of scheduled pushes can be narrowed by (QueryPushSchedulerList, QueryMpsSchedulerList)."""

from __future__ import annotations

from decimal import Decimal

from django.db.models import Q, QuerySet
from django_filters import CharFilter, FilterSet, IsoDateTimeFilter, NumberFilter

from pushcore.models import Occurrence


class OccurrenceFilter(FilterSet):  # type: ignore[misc]  # django-filter has no types
    """Narrow occurrences by time of sending, kind of push, and id; absent parameters narrow nothing."""

    start = IsoDateTimeFilter(field_name="at", lookup_expr="gte")
    end = IsoDateTimeFilter(field_name="at", lookup_expr="lte")
    kind = CharFilter(field_name="schedule__kind")
    unique_id = NumberFilter(method="by_unique_id")

    def by_unique_id(self, rows: QuerySet[Occurrence], _name: str, value: Decimal) -> QuerySet[Occurrence]:
        """Select the occurrences of a schedule, or the one occurrence, with this id."""
        return rows.filter(Q(pk=int(value)) | Q(schedule_id=int(value)))
