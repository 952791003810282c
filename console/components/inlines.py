"""Tables of related objects on an object's page."""

from __future__ import annotations

from django.db.models import Model
from django.http import HttpRequest
from unfold.admin import TabularInline

from console.components.scoped_admin import NamedTimes, ReadOnly


class ReadOnlyInline(ReadOnly, NamedTimes, TabularInline):
    """A read-only, paginated table of related objects; whoever may see the page around it may see the table."""

    extra = 0
    max_num = 0
    can_delete = False
    show_change_link = False
    per_page = 20
    hide_title = True

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Always allow: the page around the table has already checked the permission."""
        return True
