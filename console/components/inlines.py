"""Tables inside an object's page."""

from __future__ import annotations

from django.db.models import Model
from django.http import HttpRequest
from unfold.admin import TabularInline

from console.components.scoped_admin import NamedTimes, ReadOnly


class ReadOnlyInline(ReadOnly, NamedTimes, TabularInline):
    """Details of the object whose page it stands in; who sees that page sees these. A page of them at a time."""

    extra = 0
    max_num = 0
    can_delete = False
    show_change_link = False
    per_page = 20
    hide_title = True

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Allow it: the page around the table has checked."""
        return True
