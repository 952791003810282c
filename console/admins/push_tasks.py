"""Push tasks: every accepted push with its counters and a link to its messages."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from analytics import queries
from analytics.report_files import targets_csv
from console.access import audit
from console.access.rights import Right, Scope
from console.components import progress
from console.components.columns import identifier, moment, pretty_json, push_type
from console.components.confirmation import confirmation
from console.components.filters import CreatedFilter, KindFilter, PushTypeFilter, SourceFilter, WorkspaceFilter
from console.components.large_table_admin import LargeTableAdmin
from console.components.live import socket_url
from console.components.refusals import refusal
from console.locale.zones import zone_of
from pushcore.channels import Channel
from pushcore.codes.results import ResultError
from pushcore.models import Broadcast, FileImport, PushTask
from pushcore.revocation import revocations
from pushcore.storage import ids
from pushcore.storage.timeouts import StatementTimeoutError, statement_timeout

# Counting a task of millions of messages by channel stops after this time, in milliseconds; the page says so instead.
BREAKDOWN_TIMEOUT_MS = 3000


def messages_of(task_id: int) -> str:
    """Return the address of the message list, limited to a task."""
    return f"{reverse('admin:pushcore_message_changelist')}?{urlencode({'task': task_id})}"


def live_url(request: HttpRequest) -> str:
    """Return the WebSocket address that sends the figures of tasks to the page as they change."""
    return socket_url(request, "/console/live", own_port=settings.HTTP_PORT, socket_port=settings.WS_PORT)


def _live(task: PushTask, figure: str) -> SafeString:
    return progress.live(task, figure, progress.figures_of(task)[figure])


def _started_in(term: str) -> tuple[int, int] | None:
    """Return the ids that begin and end the day or minute that a search term names, or None for any other term.

    The range includes the first id and excludes the second. Times are in the current time zone.
    """
    for form, length in (("%Y-%m-%d", timedelta(days=1)), ("%Y-%m-%d %H:%M", timedelta(minutes=1))):
        try:
            start = datetime.strptime(term, form).replace(tzinfo=timezone.get_current_timezone())
            return ids.first_id_at(start), ids.first_id_at(start + length)
        except (ValueError, OverflowError):
            continue
    return None


def _reached(tasks: Iterable[PushTask]) -> dict[int, int]:
    """Return, by task id, how many devices acknowledged each broadcast among the tasks.

    A broadcast has no rows in the message list for these devices.
    """
    broadcasts = [task.pk for task in tasks if task.kind == PushTask.Kind.BROADCAST]
    if not broadcasts:
        return {}
    return dict(Broadcast.objects.filter(task_id__in=broadcasts).values_list("task_id", "reached"))


def _breakdown(task: PushTask) -> dict[str, Any]:
    """Return the template context with a task's numbers by channel, its funnel and its failures.

    If counting takes longer than `BREAKDOWN_TIMEOUT_MS`, the context only says that the task is too large.
    """
    try:
        with statement_timeout(BREAKDOWN_TIMEOUT_MS):
            channels, failed = queries.by_channel(task), queries.failures(task)
            waiting, expired = queries.undelivered(task)
    except StatementTimeoutError:
        return {"too_large": True}
    names = ("pushed", "succeeded", "arrived", "opened")
    total = {name: sum(getattr(entry.index, name) for entry in channels) for name in names}
    labels = (_("Pushed"), _("Accepted"), _("Arrived"), _("Opened"))
    return {
        "channels": [(entry.channel.analysis_name, entry.index) for entry in channels],
        "funnel": [(label, total[name], total["pushed"] or 1) for label, name in zip(labels, names, strict=True)],
        "failures": failed,
        "waiting": waiting,
        "expired": expired,
    }


@admin.register(PushTask)
class PushTaskAdmin(LargeTableAdmin):
    """Read-only list of push tasks with live figures; a task's page adds its breakdown and the Revoke button."""

    app_path = "workspace__app"
    list_display = (
        "id",
        "short_name",
        "template",
        "kind_icon",
        "message_link",
        "successes",
        "arrivals",
        "duration",
        "started",
    )
    list_filter = (WorkspaceFilter, KindFilter, PushTypeFilter, SourceFilter, CreatedFilter)
    list_select_related = ("workspace__app",)
    search_help_text = _("Exact task ID, exact task name, or start: 2026-01-31, 2026-01-31 14:30")
    change_list_template = "console/push_tasks.html"
    change_form_template = "console/push_task.html"
    fieldsets = (
        (None, {"fields": ("id", "name", "template", "kind", "target_type", "workspace")}),
        (_("Counters"), {"fields": ("message_link", "successes", "arrivals", "duration", "last_outcome", "file")}),
        (_("Origin"), {"fields": ("source", "author", "created_at", "expire_at", "revoked_at")}),
        (_("Content"), {"fields": ("content_json", "options_json")}),
    )
    readonly_fields = (
        "id", "template", "target_type", "message_link", "successes", "arrivals", "duration", "last_outcome", "file",
        "content_json", "options_json",
    )  # fmt: skip
    actions_detail = ("duplicate", "revoke")
    actions_row = ("duplicate",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[PushTask]:
        """Leave out the tasks by which the service itself tells devices of a revocation."""
        return super().get_queryset(request).exclude(kind=PushTask.Kind.REVOKE)

    def find(self, rows: QuerySet[PushTask], scope: Scope, term: str) -> QuerySet[PushTask]:
        """Search by task ID; else by start if the term is a day or a minute; else by exact name."""
        number = ids.parse(term)
        by_id = rows.filter(pk=number) if number is not None else rows.none()
        if by_id.exists():
            return by_id
        mine = rows.filter(workspace_id__in=scope.workspace_ids)
        started = _started_in(term)
        return mine.filter(name=term) if started is None else mine.filter(pk__gte=started[0], pk__lt=started[1])

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Add the WebSocket address of the live figures."""
        return super().changelist_view(request, {**(extra_context or {}), "live_url": live_url(request)})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Add the live figures, the breakdown and, for users who may export, the download of targets."""
        context = {**(extra_context or {}), "live_url": live_url(request)}
        task = self.get_object(request, object_id)
        assert isinstance(task, PushTask)
        context |= _breakdown(task)
        if self.may(request, Right.EXPORT, task):
            context["targets_url"] = reverse("admin:pushcore_pushtask_targets", args=[task.pk])
        return super().change_view(request, object_id, form_url, context)

    def get_urls(self) -> list[URLPattern]:
        """Add the address that downloads the targets of a failure."""
        own = path(
            "<path:object_id>/targets/", self.admin_site.admin_view(self.targets), name="pushcore_pushtask_targets"
        )
        return [own, *super().get_urls()]

    def targets(self, request: HttpRequest, object_id: str) -> StreamingHttpResponse:
        """Stream as CSV the targets whose messages have the given `?channel=` and `?status=`, both as numbers.

        Raises:
            PermissionDenied: The user may not export from the task's app.
            Http404: The task is not in the user's scope, or a parameter is missing or malformed.
        """
        task = self.get_object(request, object_id)
        if task is None or not self.may(request, Right.EXPORT, task):
            raise PermissionDenied
        assert isinstance(task, PushTask)
        try:
            channel, status = Channel(int(request.GET["channel"])), int(request.GET["status"])
        except (KeyError, ValueError):
            raise Http404 from None
        audit.record(request, "export", task, {"what": "targets", "channel": channel.label, "status": status})
        lines = targets_csv(queries.failed_targets(task, channel, status))
        response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="targets-{task.pk}-{status}.csv"'
        return response

    @display(description=_("target type"))
    def target_type(self, task: PushTask) -> SafeString:
        """Show the icon and name of the target type."""
        return push_type(task.delivery_type)

    def prepare_rows(self, request: HttpRequest, rows: list[Any]) -> None:
        """Fetch how many devices acknowledged the page's broadcasts, in one query."""
        super().prepare_rows(request, rows)
        known = _reached(rows)
        for task in rows:
            task.reached = known.get(task.pk, 0)

    @display(description=_("messages"))
    def message_link(self, task: PushTask) -> SafeString:
        """Show the number of messages as a link to the message list.

        A broadcast has rows in that list only for devices reached through vendors, so it says how many these are.
        """
        number, listed = _live(task, "messages"), messages_of(task.pk)
        if task.kind != PushTask.Kind.BROADCAST:
            return format_html('<a class="text-link" href="{}">{}</a>', listed, number)
        reached: int | None = getattr(task, "reached", None)
        rows = task.message_count - (_reached([task]).get(task.pk, 0) if reached is None else reached)
        said = gettext("%(count)s of them in the message list") % {"count": intcomma(rows)}
        return format_html('{} <a class="text-link" href="{}"><small>{}</small></a>', number, listed, said)

    @display(description=_("name"))
    def short_name(self, task: PushTask) -> SafeString:
        """Show the task's name, shortened to the column's width."""
        return identifier(task.name or "-")

    @display(description=_("push type"))
    def kind_icon(self, task: PushTask) -> SafeString:
        """Show the target type's icon with the kind of push."""
        return push_type(task.delivery_type, str(PushTask.Kind(task.kind).label))

    @display(description=_("start"))
    def started(self, task: PushTask) -> SafeString:
        """Show the start in the zone of the task's workspace."""
        return moment(task.created_at, zone_of(task))

    @display(description=_("template"))
    def template(self, task: PushTask) -> str:
        """Show the template's name, or a dash for a push without one."""
        return str(task.content.get("templateCode") or "-")

    @display(description=_("successful"))
    def successes(self, task: PushTask) -> SafeString:
        """Show how many messages succeeded, kept up to date on the page."""
        return _live(task, "success")

    @display(description=_("arrivals"))
    def arrivals(self, task: PushTask) -> SafeString:
        """Show how many messages arrived, kept up to date on the page."""
        return _live(task, "arrivals")

    @display(description=_("duration"))
    def duration(self, task: PushTask) -> SafeString:
        """Show how long the push takes or took, kept up to date on the page."""
        return _live(task, "duration")

    @display(description=_("last heard of"))
    def last_outcome(self, task: PushTask) -> SafeString:
        """Show when the last outcome came in, with the time in UTC as its tooltip."""
        utc = progress.figures_of(task)["last_outcome_utc"]
        shown = progress.figures_of(task)["last_outcome"]
        return progress.live(task, "last_outcome", shown, title=utc, title_figure="last_outcome_utc")

    @display(description=_("file"))
    def file(self, task: PushTask) -> SafeString:
        """Show the progress of a multiple push's file, kept up to date on the page."""
        file = FileImport.objects.filter(pk=task.pk).first()
        return progress.live(task, "file", progress.figures_of(task, file)["file"])

    @display(description=_("content"))
    def content_json(self, task: PushTask) -> SafeString:
        """Show the content as indented JSON."""
        return pretty_json(task.content)

    @display(description=_("options for channels"))
    def options_json(self, task: PushTask) -> SafeString:
        """Show the vendor options as indented JSON."""
        return pretty_json(task.options)

    @action(description=_("Push again"), url_path="duplicate", icon="content_copy", permissions=["push"])
    def duplicate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Redirect to the form of a new push, filled in with all that is known of this one."""
        task = self.get_object(request, object_id)
        assert isinstance(task, PushTask)
        form = reverse("admin:create_message", args=[task.kind])
        return HttpResponseRedirect(f"{form}?{urlencode({'from': task.pk})}")

    @action(description=_("Revoke"), url_path="revoke", icon="undo", permissions=["push"])
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask on GET; on POST revoke the push, and say why where the service refuses."""
        task = self.get_object(request, object_id)
        assert isinstance(task, PushTask)
        if request.method != "POST":
            return confirmation(
                request,
                self,
                task,
                title=_("Revoke this push?"),
                consequence=_(
                    "Messages of this push: %(count)s. What is not delivered yet never will be; devices that have it "
                    "are told to remove it. This cannot be undone."
                )
                % {"count": task.message_count},
                button=_("Revoke"),
            )
        try:
            revocations.revoke_task(task.workspace, task.pk)
        except ResultError as error:
            messages.error(request, _("Not revoked: %(why)s") % {"why": refusal(error)})
        else:
            self.log_change(request, task, "Revoked.")
            messages.success(request, _("The push is revoked."))
        return HttpResponseRedirect(reverse("admin:pushcore_pushtask_change", args=[task.pk]))
