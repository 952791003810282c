"""Templates: listed, created, changed in versions, deleted (source document, 6.5)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from urllib.parse import urlencode

from csp.decorators import csp_update
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from console.access.audit_changes import changes_between
from console.access.rights import MissingRightError, Right, scope_of
from console.components.columns import moment
from console.components.empty_state import EmptyState, NextStep
from console.components.filters import WorkspaceFilter
from console.components.row_links import RowLink, row_links
from console.components.scoped_admin import ScopedModelAdmin
from console.locale.zones import zone_of
from console.pages.create.explanations import explain
from console.pages.create.preview import channel_choices
from console.pages.templates import details, form_page
from console.pages.templates.explanations import EXPLANATIONS, missing_values
from console.pages.templates.forms import MATERIALS
from pushcore.codes.results import ResultError
from pushcore.models import Template, TemplateContent
from pushcore.push import template_uses, template_versions, templates
from pushcore.push.template_versions import MissingValuesError
from pushcore.storage import ids

# Fields of a version, but for who saved it and when.
_VERSIONED = tuple(
    field.name for field in TemplateContent._meta.concrete_fields if field.name not in ("saved_at", "saved_by")
)
# The preview draws the images that a template names, wherever they are.
_with_images: Any = method_decorator(csp_update({"img-src": ["https:"]}))


@admin.register(Template)
class TemplateAdmin(ScopedModelAdmin):
    """Admin of templates; whoever may push may also create, change and delete them.

    A template's page shows it; forms stand on pages of their own (`console.pages.templates.form_page`).
    """

    app_path = "workspace__app"
    right_to_change = Right.PUSH
    change_form_template = "console/template.html"
    empty_state = EmptyState(
        _("No template yet"),
        _("A template is a text with placeholders, pushed by its name to one target or to many."),
        NextStep(_("Create a template"), "admin:pushcore_template_add", right=Right.PUSH),
    )
    list_display = ("name_column", "template_id", "content", "workspace", "created_at", "row_actions")
    list_filter = (WorkspaceFilter,)
    list_select_related = ("workspace__app",)
    search_fields = ("name", "description", "title", "body")
    search_help_text = _("A part of the name, the description or the text")
    fieldsets = (
        (
            None,
            {"fields": ("name", "template_id", "workspace", "description", "message_category", "created_at", "saved")},
        ),
        (_("Message"), {"fields": ("display_type", "style", "title", "body", "placeholders", "action", "uri")}),
        (_("Icons and images"), {"fields": ("icons", "images")}),
    )
    readonly_fields = ("template_id", "saved", "display_type", "placeholders", "icons", "images")
    actions_detail = ("edit", "duplicate", "test_send")

    def get_urls(self) -> list[URLPattern]:
        """Add the addresses of the preview and of the buttons that restore versions."""
        wrap = self.admin_site.admin_view
        own = [
            path("<path:object_id>/preview/", wrap(self.preview), name="pushcore_template_preview"),
            path("<path:object_id>/restore/", wrap(self.restore), name="pushcore_template_restore"),
        ]
        return [*own, *super().get_urls()]

    def has_change_permission(self, request: HttpRequest, obj: Model | str | None = None) -> bool:
        """Refuse to everyone: Django then shows the template read-only, and "Edit" makes a new version of it."""
        return False

    @_with_images
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the form of a new template, or make it.

        Raises:
            PermissionDenied: The user may push in no workspace.
        """
        if not self.has_add_permission(request):
            raise PermissionDenied

        def saved(template: Template) -> None:
            names = ("workspace", "name", *_VERSIONED)
            request.console_changes = changes_between(None, template, names)  # type: ignore[attr-defined]
            self.log_addition(request, template, "")

        return form_page.new_template(request, self, saved)

    @_with_images
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the template with its preview, its uses and its versions."""
        template = self._template(request, object_id)
        context = {
            "template": template,
            "may_push": self.may(request, Right.PUSH, template),
            "channel_choices": channel_choices(template.workspace),
            "versions": details.versions(template),
            "schedules": details.schedules(template),
            "tasks": details.tasks(template),
            "max_shown": template_uses.MAX_SHOWN,
            "searched_tasks": f"{template_uses.SEARCHED_TASKS:,}",
        }
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})

    def preview(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Answer with the preview of the template as JSON."""
        template = self._template(request, object_id)
        if not self.may(request, Right.VIEW, template):
            raise MissingRightError(Right.VIEW)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        return JsonResponse(asdict(form_page.preview_of_template(template.workspace, template)))

    def restore(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Make the former version named by `version` the newest again.

        Raises:
            MissingRightError: The user may not push from the template's app.
        """
        template = self._template(request, object_id)
        if not self.may(request, Right.PUSH, template):
            raise MissingRightError(Right.PUSH)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        assert request.user.is_authenticated
        wanted, based_on = (ids.parse(request.POST.get(name, "")) or 0 for name in ("version", "based_on"))
        try:
            made = template_versions.restore(template, wanted, based_on=based_on, author=request.user.get_username())
        except MissingValuesError as error:
            messages.error(request, missing_values(error))
        except ResultError as error:
            messages.error(request, str(explain(error, EXPLANATIONS).sentence))
        else:
            self._note(request, made, "Restored a former version.")
            messages.success(request, _("Version %(version)s was saved.") % {"version": made.version})
        return HttpResponseRedirect(reverse("admin:pushcore_template_change", args=[template.pk]))

    @action(description=_("Edit"), url_path="edit", icon="edit", permissions=["push"])
    @_with_images
    def edit(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the form of a new version, or save it."""

        def saved(template: Template) -> None:
            self._note(request, template, "Saved a new version.")

        return form_page.edit_template(request, self, self._template(request, object_id), saved)

    @action(description=_("Duplicate"), url_path="duplicate", icon="content_copy", permissions=["push"])
    def duplicate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Redirect to the form of a new template, filled in with this one."""
        return HttpResponseRedirect(_copy_address(self._template(request, object_id)))

    @action(description=_("Test send"), url_path="test-send", icon="send", permissions=["push"])
    def test_send(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Redirect to the form of a template push, with this template chosen."""
        template = self._template(request, object_id)
        chosen = urlencode({"workspace": template.workspace_id, "template": template.name})
        return HttpResponseRedirect(f"{reverse('admin:create_message', args=['template'])}?{chosen}")

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

    def prepare_rows(self, request: HttpRequest, rows: list[Any]) -> None:
        """Note on each row whether the user may change it."""
        super().prepare_rows(request, rows)
        scope = scope_of(request)
        for template in rows:
            template.may_push = scope.may(Right.PUSH, self.app_id_of(template))

    @display(description=_("name"))
    def name_column(self, template: Template) -> SafeString:
        """Show the name and the description."""
        return format_html(
            '<span class="console-two-lines">{}<small>{}</small></span>', template.name, template.description
        )

    @display(description=_("template ID"))
    def template_id(self, template: Template) -> str:
        """Show the ID, by which the API's GetTemplate finds it too."""
        return str(template.pk)

    @display(description=_("content"))
    def content(self, template: Template) -> SafeString:
        """Show title and body."""
        return format_html('<span class="console-two-lines">{}<small>{}</small></span>', template.title, template.body)

    @display(description=_("actions"))
    def row_actions(self, template: Any) -> SafeString:
        """Offer to edit, duplicate and delete it."""
        if not template.may_push:
            return row_links(())
        edit, delete = (reverse(f"admin:pushcore_template_{do}", args=[template.pk]) for do in ("edit", "delete"))
        links = [
            RowLink(_("Edit"), "edit", edit, template.name),
            RowLink(_("Duplicate"), "content_copy", _copy_address(template), template.name),
            RowLink(_("Delete"), "delete", delete, template.name),
        ]
        return row_links(links)

    @display(description=_("newest version"))
    def saved(self, template: Template) -> SafeString:
        """Show the number of the newest version, when it was saved, and by whom."""
        return format_html(
            "{}, {} {}", template.version, moment(template.saved_at, zone_of(template)), template.saved_by
        )

    @display(description=_("Display type"))
    def display_type(self, template: Template) -> str:
        """Show whether devices display anything."""
        return gettext("Silent push") if template.silent else gettext("Show message")

    @display(description=_("placeholders"))
    def placeholders(self, template: Template) -> SafeString:
        """List the placeholders in alphabetical order."""
        names = sorted(templates.placeholder_names(template))
        shown = format_html_join(" ", "<code>#{}#</code>", ((name,) for name in names))
        return format_html('<span class="console-placeholders">{}</span>', shown) if names else SafeString("-")

    @display(description=_("icons"))
    def icons(self, template: Template) -> SafeString:
        """List the URLs of icons by channel."""
        return _materials("icon", template)

    @display(description=_("large images"))
    def images(self, template: Template) -> SafeString:
        """List the URLs of large images by channel."""
        return _materials("image", template)

    def _template(self, request: HttpRequest, object_id: str) -> Template:
        """Return the template. Raises `Http404` if it is not in the user's scope."""
        template = self.get_object(request, object_id)
        assert isinstance(template, Template)
        return template

    def _note(self, request: HttpRequest, template: Template, what: str) -> None:
        """Record a new version in the audit log, with what differs from the one before."""
        before = template_versions.former(template).first()
        assert before is not None
        request.console_changes = changes_between(before, template, _VERSIONED)  # type: ignore[attr-defined]
        self.log_change(request, template, what)


def _copy_address(template: Template) -> str:
    return f"{reverse('admin:pushcore_template_add')}?{urlencode({'from': template.pk})}"


def _materials(kind: str, template: Template) -> SafeString:
    labels = {name: label for name, label, _advice in dict(MATERIALS)[kind]}
    lines = ((labels.get(name, name), url) for name, url in getattr(template, kind).items())
    return format_html_join("", "<p>{}: {}</p>", lines) or SafeString("-")
