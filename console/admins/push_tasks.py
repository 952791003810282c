"""Push tasks: every accepted push, with its counters and a way to its messages."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import action, display

from console.access import Scope
from console.columns import pretty_json, push_type
from console.confirmation import confirmation
from console.filters import CreatedFilter, KindFilter, PushTypeFilter, SourceFilter, WorkspaceFilter
from console.large_tables import LargeTableAdmin, as_id
from pushcore import revocation
from pushcore.codes.results import ResultError
from pushcore.models import PushTask


def messages_of(task_id: int) -> str:
    """The message list, narrowed to a task."""
    return f"{reverse('admin:pushcore_message_changelist')}?{urlencode({'task': task_id})}"


@admin.register(PushTask)
class PushTaskAdmin(LargeTableAdmin):
    app_path = "workspace__app"
    list_display = (
        "id",
        "name",
        "kind",
        "target_type",
        "workspace",
        "message_link",
        "success_count",
        "arrival_count",
        "created_at",
    )
    list_filter = (WorkspaceFilter, KindFilter, PushTypeFilter, SourceFilter, CreatedFilter)
    list_select_related = ("workspace__app",)
    search_help_text = "Exact task ID, or exact task name"
    fieldsets = (
        (None, {"fields": ("id", "name", "kind", "target_type", "workspace")}),
        ("Counters", {"fields": ("message_link", "success_count", "arrival_count", "last_outcome_at")}),
        ("Origin", {"fields": ("source", "author", "created_at", "expire_at", "revoked_at")}),
        ("Content", {"fields": ("content_json", "options_json")}),
    )
    readonly_fields = ("id", "target_type", "message_link", "content_json", "options_json")
    actions_detail = ("revoke",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[PushTask]:
        """Without the service's own: what tells devices of a revocation is no push of anybody."""
        return super().get_queryset(request).exclude(kind=PushTask.Kind.REVOKE)

    def find(self, rows: QuerySet[PushTask], scope: Scope, term: str) -> QuerySet[PushTask]:
        number = as_id(term)
        by_id = rows.filter(pk=number) if number is not None else rows.none()
        return by_id if by_id.exists() else rows.filter(workspace_id__in=scope.workspace_ids, name=term)

    @display(description="target type")
    def target_type(self, task: PushTask) -> SafeString:
        return push_type(task.delivery_type)

    @display(description="messages")
    def message_link(self, task: PushTask) -> SafeString:
        return format_html('<a class="text-link" href="{}">{}</a>', messages_of(task.pk), task.message_count)

    @display(description="content")
    def content_json(self, task: PushTask) -> SafeString:
        return pretty_json(task.content)

    @display(description="options for channels")
    def options_json(self, task: PushTask) -> SafeString:
        return pretty_json(task.options)

    @action(description="Revoke", url_path="revoke", icon="undo", permissions=["push"])
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        task = self.get_object(request, object_id)
        assert isinstance(task, PushTask)
        if request.method != "POST":
            return confirmation(
                request,
                self,
                task,
                title="Revoke this push?",
                consequence=f"Messages of this push: {task.message_count}. What is not delivered yet never will be; "
                "devices that have it are told to remove it. This cannot be undone.",
                button="Revoke",
            )
        try:
            revocation.revoke_task(task.workspace, task.pk)
        except ResultError as error:
            messages.error(request, f"Not revoked: {error.message} (code {error.result.code}).")
        else:
            self.log_change(request, task, "Revoked.")
            messages.success(request, "The push is revoked.")
        return HttpResponseRedirect(reverse("admin:pushcore_pushtask_change", args=[task.pk]))
