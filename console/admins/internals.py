"""Internal tables of the service, shown read-only to superusers who investigate a problem."""

from __future__ import annotations

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import Http404, HttpRequest
from django.utils.translation import gettext_lazy as _

from console.components.change_list import CappedPaginator
from console.components.empty_state import EmptyState
from console.components.scoped_admin import ReadOnly, SuperuserModelAdmin
from pushcore.models import MessageKey, Watermark

WRITTEN_BY_THE_SERVICE = EmptyState(_("Nothing here yet"), _("The service itself writes this table as it works."))


@admin.register(Watermark)
class WatermarkAdmin(ReadOnly, SuperuserModelAdmin):
    """Read-only list of the positions that periodic work has reached, and until when a worker has leased them."""

    empty_state = WRITTEN_BY_THE_SERVICE
    list_display = ("name", "position", "leased_until")
    fields = ("name", "position", "leased_until")


@admin.register(MessageKey)
class MessageKeyAdmin(ReadOnly, SuperuserModelAdmin):
    """Read-only list of claimed message keys, which keep a repeated request from delivering twice."""

    empty_state = WRITTEN_BY_THE_SERVICE
    list_display = ("digest", "day", "task_id", "claimed_at")
    fields = ("digest", "day", "task_id", "claimed_at")
    # A digest says nothing to anybody who does not have the key that it was made of.
    is_exported = False
    ordering = ("digest",)
    sortable_by = ()
    paginator = CappedPaginator

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Model:
        """Return the newest claim of a digest or answer 404.

        A claim made in a day's last hour has a row for the next day too (`pushcore.push.idempotency`).
        """
        try:
            newest: Model | None = self.get_queryset(request).filter(digest=object_id).order_by("day").last()
        except ValidationError:
            newest = None
        if newest is None:
            raise Http404
        return newest
