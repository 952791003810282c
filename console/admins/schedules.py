"""Scheduled pushes: what is sent and when, what became of it, and how to cancel it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from console.access.rights import Right, Scope, scope_of
from console.components.columns import moment, push_type
from console.components.confirmation import confirmed_action
from console.components.empty_state import EmptyState, NextStep
from console.components.filters import KindFilter, PushTypeFilter, SourceFilter, WorkspaceFilter
from console.components.inlines import ReadOnlyInline
from console.components.large_table_admin import LargeTableAdmin
from console.components.refusals import kept_refusal, refusal
from console.components.row_links import RowLink, row_links, to_action
from console.components.schedule_state import occurrence_label, state_label, task_link
from console.locale.zones import zone_of
from pushcore.codes.results import ResultError
from pushcore.models import Occurrence, PushTask, Schedule, Segment, Template
from pushcore.schedules import service
from pushcore.schedules.progress import progress_of
from pushcore.storage import ids


def nothing_to_cancel(request: HttpRequest, schedule: Any) -> Promise | None:
    """Return why a schedule cannot be cancelled; None where it can."""
    return None if schedule.progress.waiting else _("Not cancelled: nothing of it is still to be sent.")


class Occurrences(ReadOnlyInline):
    """Inline of a schedule's page: its times of sending."""

    model = Occurrence
    fields = ("at", "state", "task", "why")
    readonly_fields = fields
    ordering = ("at",)
    verbose_name = _("time of sending")
    verbose_name_plural = _("times of sending")

    @display(description=_("state"))
    def state(self, occurrence: Occurrence) -> SafeString:
        """Show what became of it, as a coloured label."""
        return occurrence_label(Occurrence.Status(occurrence.status))

    @display(description=_("push task"))
    def task(self, occurrence: Occurrence) -> SafeString:
        """Link to the push task that it became."""
        return task_link(occurrence)

    @display(description=_("why"))
    def why(self, occurrence: Occurrence) -> str:
        """Show why it failed."""
        return kept_refusal(occurrence.fault) or "-"


@admin.register(Schedule)
class ScheduleAdmin(LargeTableAdmin):
    """Read-only list of schedules; each can be cancelled in its row and on its page."""

    app_path = "workspace__app"
    empty_state = EmptyState(
        _("No scheduled push yet"),
        _("A push at a time, or again and again, waits here and can be cancelled."),
        NextStep(_("Schedule a push"), "admin:create_message", ("simple",), Right.PUSH),
    )
    list_display = ("name_column", "state", "next_run", "last_run", "kind_column", "workspace", "row_actions")
    list_filter = (WorkspaceFilter, KindFilter, PushTypeFilter, SourceFilter)
    list_select_related = ("workspace__app",)
    search_help_text = _("Exact schedule ID")
    fieldsets = (
        (None, {"fields": ("id", "name", "workspace", "kind", "strategy", "delivery_type", "segment")}),
        (_("Progress"), {"fields": ("state", "next_run", "last_run")}),
        (_("Content"), {"fields": ("title", "body", "template")}),
        (_("Origin"), {"fields": ("source", "author", "created_at")}),
    )
    readonly_fields = ("state", "next_run", "last_run", "template", "segment")
    inlines = (Occurrences,)
    actions_list = ("calendar",)
    actions_detail = ("cancel",)

    def find(self, rows: QuerySet[Schedule], scope: Scope, term: str) -> QuerySet[Schedule]:
        """Search by exact schedule ID."""
        number = ids.parse(term)
        return rows.none() if number is None else rows.filter(pk=number)

    def prepare_rows(self, request: HttpRequest, rows: list[Any]) -> None:
        """Look up how far the page's schedules have come, and which of them the user may cancel."""
        super().prepare_rows(request, rows)
        known, scope = progress_of([schedule.pk for schedule in rows]), scope_of(request)
        for schedule in rows:
            schedule.progress = known[schedule.pk]
            may_push = scope.may(Right.PUSH, self.app_id_of(schedule))
            schedule.can_cancel = may_push and schedule.progress.waiting > 0

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Return the schedule with its progress."""
        schedule: Any = super().get_object(request, object_id, from_field)
        schedule.progress = progress_of([schedule.pk])[schedule.pk]
        return schedule

    @display(description=_("name"))
    def name_column(self, schedule: Schedule) -> SafeString:
        """Show the name and title."""
        title = format_html("<small>{}</small>", schedule.title) if schedule.name else ""
        return format_html('<span class="console-two-lines">{}{}</span>', schedule.name or schedule.title, title)

    @display(description=_("state"))
    def state(self, schedule: Any) -> SafeString:
        """Show the state in words, and of a repeated push how many of its times have been sent."""
        return state_label(schedule.progress)

    @display(description=_("next run"))
    def next_run(self, schedule: Any) -> SafeString:
        """Show when it is sent next."""
        return moment(schedule.progress.next_at, zone_of(schedule))

    @display(description=_("last run"))
    def last_run(self, schedule: Any) -> SafeString:
        """Show when it was sent last, with a link to the push task, or what came in between."""
        last: Occurrence | None = schedule.progress.last
        if last is None:
            return SafeString("-")
        executed = last.status == Occurrence.Status.EXECUTED
        result = task_link(last) if executed else occurrence_label(Occurrence.Status(last.status))
        return format_html('<span class="console-run">{} {}</span>', moment(last.at, zone_of(schedule)), result)

    @display(description=_("kind"))
    def kind_column(self, schedule: Schedule) -> SafeString:
        """Show the kind of push, with the icon of its targets."""
        return push_type(schedule.delivery_type, str(PushTask.Kind(schedule.kind).label))

    @display(description=_("template"))
    def template(self, schedule: Schedule) -> SafeString:
        """Link to the template, whose newest version is sent; by its name alone if it was deleted."""
        if not schedule.template_name:
            return SafeString("-")
        named = Template.objects.filter(workspace=schedule.workspace_id, name=schedule.template_name).first()
        if named is None:
            return format_html("{}", schedule.template_name)
        address = reverse("admin:pushcore_template_change", args=[named.pk])
        return format_html('<a class="text-link" href="{}">{}</a>', address, named.name)

    @display(description=_("segment"))
    def segment(self, schedule: Schedule) -> SafeString:
        """Link to the segment that it goes to, as it is then; a dash for other pushes."""
        name = schedule.request.get("segment_name")
        if not name:
            return SafeString("-")
        # It cannot be deleted while the schedule waits.
        named = Segment.objects.filter(workspace=schedule.workspace_id, name=name).first()
        if named is None:
            return format_html("{}", name)
        address = reverse("admin:pushcore_segment_change", args=[named.pk])
        return format_html('<a class="text-link" href="{}">{}</a>', address, named.name)

    @display(description=_("actions"))
    def row_actions(self, schedule: Any) -> SafeString:
        """Offer to cancel what is still to be sent."""
        if not schedule.can_cancel:
            return row_links(())
        address = reverse("admin:pushcore_schedule_cancel", args=[schedule.pk])
        subject = schedule.name or schedule.title
        return row_links([RowLink(_("Cancel schedule"), "event_busy", to_action(address), subject)])

    @action(description=_("Calendar"), url_path="calendar", icon="calendar_month")
    def calendar(self, request: HttpRequest) -> HttpResponseRedirect:
        """Redirect to the calendar of what is sent when."""
        return HttpResponseRedirect(reverse("admin:schedule_calendar"))

    @confirmed_action(
        description=_("Cancel schedule"),
        url_path="cancel",
        icon="event_busy",
        permissions=["push"],
        title=_("Cancel this schedule?"),
        refusal=nothing_to_cancel,
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
