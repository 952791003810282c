"""Message templates, which are created, viewed and deleted (source document, 6.5).

They are never edited, because backends push by their names.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from console.access.rights import Right
from console.components.empty_state import EmptyState, NextStep
from console.components.filters import WorkspaceFilter
from console.components.refusals import refusal
from console.components.scoped_admin import ScopedModelAdmin, take_over
from pushcore.codes.results import ResultError
from pushcore.models import Template
from pushcore.push import templates
from pushcore.push.templates import TemplateDraft


class NewTemplateForm(forms.ModelForm):
    """The form of a new template, checked against the same limits as the API's templates."""

    def clean(self) -> dict[str, Any]:
        """Check a new template with `templates.check`, and show its refusal above the form."""
        given = super().clean() or {}
        if self.errors or self.instance.pk:
            return given
        try:
            templates.check(draft_of(given))
        except ResultError as error:
            raise forms.ValidationError(refusal(error)) from None
        return given


def draft_of(given: dict[str, Any]) -> TemplateDraft:
    """Return the form's cleaned data as the draft that `pushcore.push.templates` takes."""
    return TemplateDraft(
        name=given["name"],
        description=given["description"],
        title=given["title"],
        body=given["body"],
        silent=int(given["silent"]),
        style=given["style"],
        action=given["action"],
        uri=given["uri"],
        icon=given["icon"] or {},
        image=given["image"] or {},
    )


@admin.register(Template)
class TemplateAdmin(ScopedModelAdmin):
    """Admin of templates; whoever may push may also create and delete them."""

    app_path = "workspace__app"
    right_to_change = Right.PUSH
    form = NewTemplateForm
    empty_state = EmptyState(
        _("No template yet"),
        _("A template is a text with placeholders, pushed by its name to one target or to many."),
        NextStep(_("Create a template"), "admin:pushcore_template_add", right=Right.PUSH),
    )
    list_display = ("name", "workspace", "title", "placeholders", "created_at")
    list_filter = (WorkspaceFilter,)
    list_select_related = ("workspace__app",)
    search_fields = ("name",)
    search_help_text = _("Name")
    fieldsets = (
        (None, {"fields": ("workspace", "name", "description")}),
        (
            _("Message"),
            {
                "fields": ("silent", "style", "title", "body", "action", "uri"),
                "description": _("Mark what differs from push to push in title, body and URL as #placeholder#."),
            },
        ),
        (
            _("Material"),
            {
                "fields": ("icon", "image"),
                "description": format_lazy(
                    "{} {}", _("URLs by channel, as JSON:"), '{"default": "https://...", "oppo": "https://..."}'
                ),
            },
        ),
    )

    actions_detail = ("test_send",)

    @action(description=_("Test send"), url_path="test-send", icon="send", permissions=["push"])
    def test_send(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Redirect to the form of a template push, with this template chosen."""
        template = self.get_object(request, object_id)
        assert isinstance(template, Template)
        chosen = urlencode({"workspace": template.workspace_id, "template": template.name})
        return HttpResponseRedirect(f"{reverse('admin:create_message', args=['template'])}?{chosen}")

    def has_change_permission(self, request: HttpRequest, obj: Model | str | None = None) -> bool:
        """Refuse to everyone; Django then shows the template read-only."""
        return False

    def save_model(self, request: HttpRequest, obj: Template, form: forms.ModelForm, change: bool) -> None:
        """Create the template with `templates.create`, as the API does."""
        made = templates.create(obj.workspace, draft_of(form.cleaned_data))
        take_over(obj, made)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Report templates that a schedule still needs as protected, which keeps them from being deleted."""
        shown, counts, needed, protected = super().get_deleted_objects(objs, request)
        waiting = [
            _("%(template)s: needed by schedule %(id)s (%(name)s); cancel it first")
            % {"template": template, "id": schedule.pk, "name": schedule.name or schedule.title}
            for template in objs
            for schedule in templates.schedules_using(template)
        ]
        return shown, counts, needed, [*protected, *waiting]

    @display(description=_("placeholders"))
    def placeholders(self, template: Template) -> str:
        """List the names of the template's placeholders in alphabetical order."""
        return ", ".join(sorted(templates.placeholder_names(template))) or "-"
