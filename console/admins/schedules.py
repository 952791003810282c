"""Scheduled pushes: what is sent and when, and how to cancel it."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from console.access.rights import Right, Scope
from console.components.confirmation import confirmed_action
from console.components.empty_state import EmptyState, NextStep
from console.components.filters import KindFilter, PushTypeFilter, SourceFilter, WorkspaceFilter
from console.components.inlines import ReadOnlyInline
from console.components.large_table_admin import LargeTableAdmin
from console.components.refusals import refusal
from pushcore.codes.results import ResultError
from pushcore.models import Occurrence, Schedule
from pushcore.schedules import service
from pushcore.storage import ids


class Occurrences(ReadOnlyInline):
    """Inline of a schedule's page: its times of sending."""

    model = Occurrence
    fields = ("at", "status", "task_id", "fault")
    readonly_fields = fields
    ordering = ("at",)
    verbose_name = _("time of sending")
    verbose_name_plural = _("times of sending")


@admin.register(Schedule)
class ScheduleAdmin(LargeTableAdmin):
    """Read-only list of schedules; a schedule's page has the Cancel button."""

    app_path = "workspace__app"
    empty_state = EmptyState(
        _("No scheduled push yet"),
        _("A push at a time, or again and again, waits here and can be cancelled."),
        NextStep(_("Schedule a push"), "admin:create_message", ("simple",), Right.PUSH),
    )
    list_display = ("id", "name", "title", "kind", "strategy", "workspace", "created_at")
    list_filter = (WorkspaceFilter, KindFilter, PushTypeFilter, SourceFilter)
    list_select_related = ("workspace__app",)
    search_help_text = _("Exact schedule ID")
    fieldsets = (
        (None, {"fields": ("id", "name", "workspace", "kind", "strategy", "delivery_type")}),
        (_("Content"), {"fields": ("title", "body", "template_name")}),
        (_("Origin"), {"fields": ("source", "author", "created_at")}),
    )
    inlines = (Occurrences,)
    actions_detail = ("cancel",)

    def find(self, rows: QuerySet[Schedule], scope: Scope, term: str) -> QuerySet[Schedule]:
        """Search by exact schedule ID."""
        number = ids.parse(term)
        return rows.none() if number is None else rows.filter(pk=number)

    @confirmed_action(
        description=_("Cancel schedule"),
        url_path="cancel",
        icon="event_busy",
        permissions=["push"],
        title=_("Cancel this schedule?"),
        consequence=_("What is still to be sent will not be; what was sent stays. This cannot be undone."),
    )
    def cancel(self, request: HttpRequest, schedule: Schedule) -> None:
        """Cancel the schedule, and say why where the service refuses."""
        try:
            cancelled = service.cancel(schedule.workspace, [schedule.pk], parents=True)
        except ResultError as error:
            messages.error(request, _("Not cancelled: %(why)s") % {"why": refusal(error)})
        else:
            self.log_change(request, schedule, "Cancelled.")
            messages.success(request, _("Cancelled; times of sending given up: %(count)s.") % {"count": cancelled})
