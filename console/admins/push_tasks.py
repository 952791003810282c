"""Push tasks: every accepted push with its counters and a link to its messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.sections import TemplateSection

from analytics import task_queries
from analytics.report_files import targets_csv
from console.access import audit
from console.access.rights import MissingRightError, Right, Scope, scope_of
from console.components import progress, task_report
from console.components.chips import CreatedFilter
from console.components.columns import identifier, moment, moment_text, pretty_json, push_type
from console.components.confirmation import confirmed_action
from console.components.empty_state import EmptyState, NextStep
from console.components.filters import PushTypeFilter, SourceFilter, TaskKindFilter, WorkspaceFilter
from console.components.large_table_admin import LargeTableAdmin
from console.components.live import socket_url
from console.components.pasted_times import pasted_span
from console.components.refusals import refusal
from console.components.row_links import RowLink, row_links
from console.locale.zones import zone_of
from console.models import AuditEntry
from console.pages import ab_tests
from pushcore.channels import Channel
from pushcore.codes.results import ResultError
from pushcore.models import AudienceWalk, Broadcast, FileImport, PushTask
from pushcore.revocation import revocations
from pushcore.storage import ids

# A part of a name is looked for among this many of the newest tasks of the list.
SEARCHED_TASKS = 50_000


def live_url(request: HttpRequest) -> str:
    """Return the WebSocket address that sends the figures of tasks to the page as they change."""
    return socket_url(request, "/console/live", own_port=settings.HTTP_PORT, socket_port=settings.WS_PORT)


def _live(task: PushTask, figure: str) -> SafeString:
    return progress.live(task, figure, progress.figures_of(task)[figure])


def _last_outcome(task: PushTask) -> SafeString:
    """Render when the last outcome came in, with the time in UTC on hover, kept up to date on the page."""
    shown = progress.figures_of(task)
    utc = shown["last_outcome_utc"]
    return progress.live(task, "last_outcome", shown["last_outcome"], title=utc, title_figure="last_outcome_utc")


def _readings(tasks: QuerySet[PushTask], term: str) -> Iterator[QuerySet[PushTask]]:
    """Yield the tasks that a search term may mean, the likeliest reading first."""
    bulk = tasks.filter(kind__in=PushTask.BULK_KINDS)
    if started := pasted_span(term):
        first, end = (ids.first_id_at(at) for at in started)
        for some in (bulk, tasks):
            yield some.filter(pk__gte=first, pk__lt=end)
    for some in (bulk, tasks):
        yield _newest(some, SEARCHED_TASKS).filter(name__icontains=term)


def _newest(tasks: QuerySet[PushTask], count: int) -> QuerySet[PushTask]:
    """Limit tasks to the newest, by looking up where they begin along the index."""
    begin = tasks.order_by("-pk").values_list("pk", flat=True)[count - 1 : count].first()
    return tasks if begin is None else tasks.filter(pk__gte=begin)


def _reached(tasks: Iterable[PushTask]) -> dict[int, int]:
    """Return, by task id, how many devices acknowledged each broadcast among the tasks.

    A broadcast has no rows in the message list for these devices.
    """
    broadcasts = [task.pk for task in tasks if task.kind == PushTask.Kind.BROADCAST]
    if not broadcasts:
        return {}
    return dict(Broadcast.objects.filter(task_id__in=broadcasts).values_list("task_id", "reached"))


class TaskDetails(TemplateSection):
    """The details that a row of the list shows when it is expanded (source document, 6.3)."""

    template_name = "console/task_details.html"

    def get_context_data(self, request: HttpRequest, instance: PushTask) -> dict[str, Any]:
        """Collect the task's address and its figures, which stay live."""
        return {
            "task_url": reverse("admin:pushcore_pushtask_change", args=[instance.pk]),
            "kind": push_type(instance.delivery_type, str(PushTask.Kind(instance.kind).label)),
            "template": template_of(instance),
            "messages": message_link(instance),
            "successes": _live(instance, "success"),
            "arrivals": _live(instance, "arrivals"),
            "duration": _live(instance, "duration"),
        }


def template_of(task: PushTask) -> str:
    """Return the name of a task's template, or a dash for a push without one."""
    return str(task.content.get("templateCode") or "-")


def message_link(task: PushTask) -> SafeString:
    """Render the number of a task's messages as a link to the message list.

    A broadcast has rows in that list only for devices reached through vendors, so it says how many these are.
    """
    number, listed = _live(task, "messages"), f"{reverse('admin:pushcore_message_changelist')}?task={task.pk}"
    if task.kind != PushTask.Kind.BROADCAST:
        return format_html('<a class="text-link" href="{}">{}</a>', listed, number)
    reached: int | None = getattr(task, "reached", None)
    rows = task.message_count - (_reached([task]).get(task.pk, 0) if reached is None else reached)
    said = gettext("%(count)s by vendors") % {"count": intcomma(rows)}
    return format_html(
        '<span class="console-two-lines">{}<a class="text-link" href="{}"><small>{}</small></a></span>',
        number, listed, said,
    )  # fmt: skip


@admin.register(PushTask)
class PushTaskAdmin(LargeTableAdmin):
    """Read-only list of push tasks with live figures; a task's page adds its breakdown and the Revoke button."""

    app_path = "workspace__app"
    list_display = (
        "id", "short_name", "template", "kind_icon", "pushed", "successes", "arrivals", "started", "row_actions",
    )  # fmt: skip
    list_filter = (TaskKindFilter, CreatedFilter, WorkspaceFilter, PushTypeFilter, SourceFilter)
    list_select_related = ("workspace__app",)
    list_sections = (TaskDetails,)
    list_fullwidth = True
    search_help_text = _("Task ID, part of a name, or start: a day or time in any usual form")
    change_list_template = "console/push_tasks.html"
    change_form_template = "console/push_task.html"
    empty_state = EmptyState(
        _("No multiple or broadcast push yet"),
        _("Each push to many devices is listed here with its live figures. Single pushes are in the message list."),
        NextStep(_("Push to many devices"), "admin:create_message", ("multiple",), Right.PUSH),
    )
    fieldsets = (
        (
            _("Push"),
            {
                "fields": (
                    "id",
                    "name",
                    "kind",
                    "target_type",
                    "template",
                    "title",
                    "body",
                    "message_category",
                    "workspace",
                )
            },
        ),
        (_("Origin"), {"fields": ("source", "author", "created_at", "expire_at", "revoked_at")}),
        (_("Content as sent (JSON)"), {"fields": ("content_json", "options_json"), "classes": ("collapse",)}),
    )
    readonly_fields = ("id", "template", "target_type", "title", "body", "content_json", "options_json")
    actions_detail = ("duplicate", "revoke")

    def get_queryset(self, request: HttpRequest) -> QuerySet[PushTask]:
        """Leave out the tasks by which the service itself tells devices of a revocation."""
        return super().get_queryset(request).exclude(kind=PushTask.Kind.REVOKE)

    def made_at(self, key: int) -> datetime:
        """Return the time that an ID tells."""
        return ids.created_at(key)

    def find(self, rows: QuerySet[PushTask], scope: Scope, term: str) -> QuerySet[PushTask]:
        """Search by task ID; else by start, if the term is a time; else by a part of the name.

        Multiple and broadcast pushes are looked for first: the other kinds may be a thousand times as many. The first
        reading that finds anything is used.
        """
        number = ids.parse(term)
        by_id = rows.filter(pk=number) if number is not None else rows.none()
        if by_id.exists():
            return by_id
        mine = rows.filter(workspace_id__in=scope.workspace_ids)
        return next((found for found in _readings(mine, term) if found.exists()), mine.none())

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Add the WebSocket address of the live figures."""
        return super().changelist_view(request, {**(extra_context or {}), "live_url": live_url(request)})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Add the live figures and the report, whose targets are for users who may export."""
        task = self.get_object(request, object_id)
        assert isinstance(task, PushTask)
        report = task_report.report_of(task)
        context = {
            "live_url": live_url(request),
            "task": task,
            "figures": self._figures(task),
            "report": report,
            "report_html": task_report.render(
                task,
                report,
                may_export=self.may(request, Right.EXPORT, task),
                may_decide=self.may(request, Right.PUSH, task),
            ),
        }
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})

    def _figures(self, task: PushTask) -> list[tuple[str | Promise, SafeString]]:
        """Return names and values of the live figures above the report; the file's only for a push from a file."""
        file = FileImport.objects.filter(pk=task.pk).first()
        shown: list[tuple[str | Promise, SafeString]] = [
            (_("messages"), message_link(task)),
            (_("start"), self.started(task)),
            (_("duration"), _live(task, "duration")),
            (_("last heard of"), _last_outcome(task)),
        ]
        if file is not None:
            shown.append((_("file"), progress.live(task, "file", progress.figures_of(task, file)["file"])))
        walk = AudienceWalk.objects.filter(pk=task.pk).first()
        load = file or walk
        if load is not None and load.messages_per_second:
            shown.append((_("messages a second"), format_html("{}", intcomma(load.messages_per_second))))
        if load is not None and load.over_seconds:
            shown.append((_("spread over (seconds)"), format_html("{}", intcomma(load.over_seconds))))
        if load is not None and load.pace_url:
            shown.append((_("asks for its pace"), format_html("{}", urlsplit(load.pace_url).hostname or "")))
            held = progress.live(task, "held", progress.figures_of(task, load)["held"])
            shown.append((_("held by the callback since"), held))
        if walk is not None and walk.local_time is not None:
            shown.append((_("local time"), format_html("{}", f"{walk.local_time:%H:%M}")))
        if walk is not None and walk.best_time_hours is not None:
            shown.append((_("best time within (hours)"), format_html("{}", walk.best_time_hours)))
        if walk is not None and walk.has_times and walk.not_before is not None and not walk.finished_at:
            shown.append((_("next wave"), format_html("{}", moment_text(walk.not_before, zone_of(task)))))
        if walk is not None:
            found = progress.figures_of(task, walk)["audience"]
            shown.append((_("segment") if walk.segment_name else _("devices"), progress.live(task, "audience", found)))
        return shown

    def get_urls(self) -> list[URLPattern]:
        """Add the addresses that download targets and variants, and the one that decides an A/B test."""
        pages = (("targets", self.targets), ("variants", self.variants), ("decide", self.decide))
        own = [
            path(f"<path:object_id>/{name}/", self.admin_site.admin_view(page), name=f"pushcore_pushtask_{name}")
            for name, page in pages
        ]
        return [*own, *super().get_urls()]

    def _allowed(self, request: HttpRequest, object_id: str, right: Right) -> PushTask:
        """Return a task of the user's scope. Raises `MissingRightError` where the user lacks the right."""
        task = self.get_object(request, object_id)
        assert isinstance(task, PushTask)
        if not self.may(request, right, task):
            raise MissingRightError(right)
        return task

    def variants(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Download the numbers of the push's variants."""
        return ab_tests.variants_file(request, self._allowed(request, object_id, Right.EXPORT))

    def decide(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Send a variant to the rest of the audience."""
        return ab_tests.decide(self, request, self._allowed(request, object_id, Right.PUSH))

    def targets(self, request: HttpRequest, object_id: str) -> StreamingHttpResponse:
        """Stream as CSV the targets whose messages show the given `?status=` on a `?channel=`, both as numbers.

        Raises:
            MissingRightError: The user may not export from the task's app.
            Http404: The task is not in the user's scope, or a parameter is missing or malformed.
        """
        task = self._allowed(request, object_id, Right.EXPORT)
        try:
            channel, status = Channel(int(request.GET["channel"])), int(request.GET["status"])
        except (KeyError, ValueError):
            raise Http404 from None
        audit.record(
            request, AuditEntry.Action.EXPORT, task, {"what": "targets", "channel": channel.label, "status": status}
        )
        lines = targets_csv(task_queries.targets_with_status(task, channel, status))
        response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="targets-{task.pk}-{status}.csv"'
        return response

    @display(description=_("target type"))
    def target_type(self, task: PushTask) -> SafeString:
        """Show the icon and name of the target type."""
        return push_type(task.delivery_type)

    def prepare_rows(self, request: HttpRequest, rows: list[Any]) -> None:
        """Fetch how many devices acknowledged the page's broadcasts, in one query, and who may push again."""
        super().prepare_rows(request, rows)
        known, scope = _reached(rows), scope_of(request)
        for task in rows:
            task.reached = known.get(task.pk, 0)
            task.may_push = scope.may(Right.PUSH, self.app_id_of(task))

    @display(description=_("actions"))
    def row_actions(self, task: Any) -> SafeString:
        """Offer to push it again."""
        if not task.may_push:
            return row_links(())
        address = reverse("admin:pushcore_pushtask_duplicate", args=[task.pk])
        return row_links([RowLink(_("Push again"), "content_copy", address, task.name or str(task.pk))])

    @display(description=_("messages"))
    def pushed(self, task: PushTask) -> SafeString:
        """Show the number of messages as a link to the message list."""
        return message_link(task)

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
        return template_of(task)

    @display(description=_("title"))
    def title(self, task: PushTask) -> str:
        """Show the title, or a dash for a push without one."""
        return task.title or "-"

    @display(description=_("body"))
    def body(self, task: PushTask) -> str:
        """Show the text, or a dash for a push without one."""
        return str(task.content.get("content") or "-")

    @display(description=_("successful"))
    def successes(self, task: PushTask) -> SafeString:
        """Show how many messages succeeded, kept up to date on the page."""
        return _live(task, "success")

    @display(description=_("arrivals"))
    def arrivals(self, task: PushTask) -> SafeString:
        """Show how many messages arrived, kept up to date on the page."""
        return _live(task, "arrivals")

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

    @confirmed_action(
        description=_("Revoke"),
        url_path="revoke",
        icon="undo",
        permissions=["push"],
        title=_("Revoke this push?"),
        consequence=lambda task: (
            _(
                "Messages of this push: %(count)s. What is not delivered yet never will be; devices that have it "
                "are told to remove it. This cannot be undone."
            )
            % {"count": task.message_count}
        ),
    )
    def revoke(self, request: HttpRequest, task: PushTask) -> None:
        """Revoke the push, and say why where the service refuses."""
        try:
            revocations.revoke_task(task.workspace, task.pk)
        except ResultError as error:
            messages.error(request, _("Not revoked: %(why)s") % {"why": refusal(error)})
        else:
            self.log_change(request, task, "Revoked.")
            messages.success(request, _("The push is revoked."))
