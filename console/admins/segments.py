"""Segments: conditions under a name, which pushes go to (docs/audiences.md)."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse, reverse_lazy
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from console.access.rights import Right, scope_of
from console.components.empty_state import EmptyState, NextStep
from console.components.filters import WorkspaceFilter
from console.components.message_status import channel_title
from console.components.refusals import refusal
from console.components.row_links import RowLink, row_links
from console.components.scoped_admin import ScopedModelAdmin
from console.pages.segment_count import MAX_TEXT, form_of
from pushcore.audience import segments
from pushcore.audience.conditions import SELF_BUILT
from pushcore.channels import Platform, third_channels
from pushcore.codes.results import ResultError
from pushcore.models import Segment, Workspace


class ConditionField(forms.CharField):
    """A condition as JSON or text, read into its JSON form by the segment's form."""

    widget = UnfoldAdminTextareaWidget

    def prepare_value(self, value: Any) -> Any:
        """Show a condition that is kept as indented JSON, and what was typed as it is."""
        return json.dumps(value, indent=2, ensure_ascii=False) if isinstance(value, dict) else value


class SegmentForm(forms.ModelForm):
    """The form of a segment. Its workspace and its name stay as they were: schedules know it by them."""

    condition = ConditionField(
        label=_("Condition"),
        max_length=MAX_TEXT,
        widget=UnfoldAdminTextareaWidget(
            attrs={
                "rows": 8, "spellcheck": "false", "autocomplete": "off", "class": "console-condition",
                "data-count-url": reverse_lazy("admin:count_segment"),
            }
        ),
        help_text=_("Written as JSON or as text, as the API takes it; the rows above write it too."),
    )  # fmt: skip
    description = forms.CharField(
        label=_("Description"), max_length=segments.MAX_DESCRIPTION, required=False, widget=UnfoldAdminTextInputWidget()
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "condition" not in self.fields:
            return
        # What the rows of the page's script offer.
        channels = [(SELF_BUILT, gettext("Self-built channel"))]
        channels += [(channel.label, channel_title(channel)) for channel in third_channels()]
        self.fields["condition"].widget.attrs |= {
            "data-platforms": json.dumps([(platform.api_name, str(platform.label)) for platform in Platform]),
            "data-channels": json.dumps(channels),
            "data-workspace": self.instance.workspace_id or "",
        }

    def clean_name(self) -> str:
        """Spell the name as the API does."""
        try:
            return segments.clean_name(self.cleaned_data["name"])
        except ResultError as error:
            raise ValidationError(refusal(error)) from None

    def clean(self) -> dict[str, Any]:
        """Read the condition, and refuse more segments than a workspace may have."""
        given = super().clean() or {}
        workspace: Workspace | None = given.get("workspace") or getattr(self.instance, "workspace", None)
        if workspace is None or "condition" not in given:
            return given
        try:
            given["condition"] = segments.checked_form(workspace, form_of(given["condition"]))
        except ResultError as error:
            self.add_error("condition", refusal(error))
        except ValueError as error:
            self.add_error("condition", str(error))
        if self.instance.pk is None and segments.of_workspace(workspace).count() >= segments.MAX_SEGMENTS:
            message = _("A workspace has %(most)s segments at most. Delete one first.")
            raise ValidationError(message, params={"most": segments.MAX_SEGMENTS})
        return given


@admin.register(Segment)
class SegmentAdmin(ScopedModelAdmin):
    """Admin of segments; whoever may push may also create, change and delete them."""

    class Media:
        js = ("console/condition_rows.js", "console/segments.js")

    app_path = "workspace__app"
    right_to_change = Right.PUSH
    form = SegmentForm
    empty_state = EmptyState(
        _("No segment yet"),
        _("A segment is a condition on devices under a name: pushes and schedules go to those who meet it."),
        NextStep(_("Create a segment"), "admin:pushcore_segment_add", right=Right.PUSH),
    )
    list_display = ("name_column", "shown_condition", "workspace", "saved_at", "row_actions")
    list_filter = (WorkspaceFilter,)
    list_select_related = ("workspace__app",)
    search_fields = ("name", "description")
    search_help_text = _("A part of the name or the description")
    ordering = ("name", "pk")

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        """Show when a segment was changed, and by whom, once there is one."""
        asked = ["workspace", "name", "description", "condition"]
        return asked if obj is None else [*asked, "saved_at", "saved_by"]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[Any, ...]:
        """Keep workspace and name of a segment as they were."""
        kept = [] if obj is None else ["workspace", "name", "saved_at", "saved_by"]
        return tuple(self.with_times([*super().get_readonly_fields(request, obj), *kept]))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Note who saved it, and when."""
        segments.note_saved(obj, request.user.get_username())
        super().save_model(request, obj, form, change)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Report segments that a schedule still needs as protected, which keeps them from being deleted."""
        shown, counts, needed, protected = super().get_deleted_objects(objs, request)
        waiting = [
            _("%(segment)s: needed by schedule %(id)s (%(name)s); cancel it first")
            % {"segment": segment, "id": schedule.pk, "name": schedule.name or schedule.title}
            for segment in objs
            for schedule in segments.waiting_schedules(segment)[:10]
        ]
        return shown, counts, needed, [*protected, *waiting]

    def prepare_rows(self, request: HttpRequest, rows: list[Any]) -> None:
        """Note on each row whether the user may push to it."""
        super().prepare_rows(request, rows)
        scope = scope_of(request)
        for segment in rows:
            segment.may_push = scope.may(Right.PUSH, self.app_id_of(segment))

    @display(description=_("name"), ordering="name")
    def name_column(self, segment: Segment) -> SafeString:
        """Show the name and the description."""
        return format_html(
            '<span class="console-two-lines">{}<small>{}</small></span>', segment.name, segment.description
        )

    @display(description=_("condition"))
    def shown_condition(self, segment: Segment) -> SafeString:
        """Show the condition as JSON, shortened to the column's width; hovering shows all of it."""
        text = json.dumps(segment.condition, ensure_ascii=False)
        return format_html('<span class="console-id" title="{}">{}</span>', text, text)

    @display(description=_("actions"))
    def row_actions(self, segment: Any) -> SafeString:
        """Offer to push to it, and to delete it."""
        if not segment.may_push:
            return row_links(())
        chosen = urlencode({"workspace": segment.workspace_id, "segment": segment.name})
        create = f"{reverse('admin:create_message', args=['audience'])}?{chosen}"
        delete = reverse("admin:pushcore_segment_delete", args=[segment.pk])
        return row_links(
            [
                RowLink(_("Push to a segment"), "send", create, segment.name),
                RowLink(_("Delete"), "delete", delete, segment.name),
            ]
        )
