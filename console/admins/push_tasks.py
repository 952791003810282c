"""Push tasks: every accepted push, with its counters and a way to its messages."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from console.access import Scope
from console.columns import pretty_json, push_type
from console.filters import CreatedFilter, KindFilter, PushTypeFilter, SourceFilter, WorkspaceFilter
from console.large_tables import LargeTableAdmin, as_id
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
