"""What the service keeps for itself: for superusers who look into a problem."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from console.components.change_list import CappedPaginator
from console.components.scoped_admin import ReadOnly, SuperuserModelAdmin
from pushcore.models import MessageKey, Watermark


@admin.register(Watermark)
class WatermarkAdmin(ReadOnly, SuperuserModelAdmin):
    """Positions that periodic work has reached."""

    list_display = ("name", "position", "leased_until")
    fields = ("name", "position", "leased_until")


@admin.register(MessageKey)
class MessageKeyAdmin(ReadOnly, SuperuserModelAdmin):
    """Keys under which pushes were claimed, so that a repeated one is not pushed again."""

    list_display = ("digest", "day", "task_id", "claimed_at")
    fields = ("digest", "day", "task_id", "claimed_at")
    ordering = ("digest",)
    sortable_by = ()
    paginator = CappedPaginator

    def get_queryset(self, request: HttpRequest) -> QuerySet[MessageKey]:
        """Order by digest alone, whatever the request asks for."""
        return super().get_queryset(request).order_by("digest")
