"""Base admin classes of the console: what a user sees, is offered and may change is limited to their apps.

An admin class declares where its app is found (`app_path`). Lists, forms, choices, autocompletion, actions, history and
deletion then cover only objects of apps the user is a member of. Any other object answers 404, as if it did not exist.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.admin import AdminSite, ShowFacets
from django.contrib.admin.models import LogEntry
from django.contrib.admin.widgets import AutocompleteSelect, RelatedFieldWidgetWrapper
from django.core.exceptions import FieldDoesNotExist
from django.db.models import DateTimeField, Field, ForeignKey, ManyToManyField, Model, QuerySet, URLField
from django.forms import ModelChoiceField, ModelMultipleChoiceField
from django.http import Http404, HttpRequest
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import override
from unfold.admin import ModelAdmin

from console.access import audit
from console.access.audit_changes import FieldChange, changes_of, values_of
from console.access.rights import Right, Scope, scope_of
from console.components.change_list import ConsoleChangeList
from console.components.columns import moment
from console.components.empty_state import EmptyState
from console.components.exported_list import ExportedList
from console.locale.zones import activate, zone_of
from console.models import AuditEntry
from pushcore.models import App, Workspace


def take_over(obj: Model, made: Model) -> None:
    """Give a form's unsaved object the values of the row that a service has made for it.

    The admin then treats the object as saved.
    """
    for field in made._meta.concrete_fields:
        setattr(obj, field.attname, getattr(made, field.attname))
    obj._state.adding = False


class NamedTimes:
    """Mixin for an admin class or an inline that shows times with the name of their zone (`console.locale.zones`).

    It replaces the names of read-only time columns by functions that render them.
    """

    model: type[Model]

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Replace the list's time columns."""
        return self.with_times(super().get_list_display(request))  # type: ignore[misc]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[Any, ...]:
        """Replace the page's read-only times, which must match the fieldsets' entries."""
        return tuple(self.with_times(super().get_readonly_fields(request, obj)))  # type: ignore[misc]

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        """Replace the times within each fieldset."""
        found = super().get_fieldsets(request, obj)  # type: ignore[misc]
        return [(name, options | {"fields": self.with_times(options["fields"])}) for name, options in found]

    def with_times(self, names: Iterable[Any]) -> list[Any]:
        """Return the names, with those of time columns replaced by functions that render them."""
        return [self._shown_time(name) or name for name in names]

    def _shown_time(self, name: Any) -> Callable[[Any], SafeString] | None:
        """Return the function that renders the time column of that name, or None for any other name."""
        try:
            field = self.model._meta.get_field(name) if isinstance(name, str) else None
        except FieldDoesNotExist:
            return None
        return time_column(field) if isinstance(field, DateTimeField) else None


@cache
def time_column(field: Field[Any, Any]) -> Callable[[Any], SafeString]:
    """Return a function that renders a time field in a list or on a page.

    It is cached because Django compares read-only fields with fieldset entries: the same field needs the same function.
    """

    def show(obj: Any) -> SafeString:
        return moment(getattr(obj, field.attname), zone_of(obj))

    show.__name__ = field.name
    show.short_description = field.verbose_name  # type: ignore[attr-defined]
    show.admin_order_field = field.name  # type: ignore[attr-defined]
    return show


# A form lists this many choices of a relation; where there are more, they are searched.
MOST_LISTED = 20


def is_long(choices: QuerySet[Any]) -> bool:
    """Tell whether there are more choices than a form lists."""
    return choices.order_by().values_list("pk")[: MOST_LISTED + 1].count() > MOST_LISTED


class PlainRelations:
    """Mixin for an admin class or an inline that shows relations as plain choices, searched where there are many.

    It removes the buttons that would add or change the related object in a window of its own.
    """

    admin_site: AdminSite

    def formfield_for_foreignkey(self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        """Let a long list of choices be searched (`FormChoices`)."""
        related: Any = db_field.related_model
        if "widget" not in kwargs and is_long(kwargs.get("queryset", related._default_manager.all())):
            kwargs["widget"] = AutocompleteSelect(db_field, self.admin_site)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc]

    def formfield_for_dbfield(self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        """Unwrap the widget of a relation from Django's add and change buttons."""
        formfield = super().formfield_for_dbfield(db_field, request, **kwargs)  # type: ignore[misc]
        if formfield is not None and isinstance(formfield.widget, RelatedFieldWidgetWrapper):
            formfield.widget = formfield.widget.widget
        return formfield


class ConsoleModelAdmin(ExportedList, NamedTimes, PlainRelations, ModelAdmin):
    """Base of all admin classes of the console, whether limited to apps or not."""

    class Media:
        js = ("console/export.js",)

    actions = None
    formfield_overrides = {URLField: {"assume_scheme": "https"}}
    list_per_page = 50
    list_filter_submit = True
    show_full_result_count = False
    # Chips for the filters that are shown so (`console.components.chips`).
    list_before_template = "console/lists/chips.html"
    # How far a search came that had no index, and the export.
    list_after_template = "console/lists/after.html"
    # What the list says while it shows nothing; each admin class has its own.
    empty_state: EmptyState
    # Counts beside the choices of a filter would scan the table once a choice.
    show_facets = ShowFacets.NEVER
    # Query parameters, besides those of the filters, that links from other pages use to narrow the list.
    linked_lookups: tuple[str, ...] = ()

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ConsoleChangeList]:
        """Use `ConsoleChangeList`, which calls `prepare_rows`."""
        return ConsoleChangeList

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Leave the workspace out for those who have one alone, but as the first column, which leads to the page."""
        first, *others = super().get_list_display(request)
        has_one = len(scope_of(request).choices) == 1
        return [first, *(name for name in others if not (has_one and name == "workspace"))]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Show the object's page with all times in the zone of its workspace."""
        if object_id is not None:
            activate(zone_of(self.get_object(request, object_id)))
        return super().changeform_view(request, object_id, form_url, extra_context)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Offer the history of changes only where somebody may change something."""
        context["show_history"] = not isinstance(self, ReadOnly)
        return super().render_change_form(request, context, *args, **kwargs)

    def zone_of_list(self, request: HttpRequest) -> ZoneInfo:
        """Return the zone that the list is shown in, where its rows belong to no workspace."""
        return scope_of(request).zone

    def prepare_rows(self, request: HttpRequest, rows: list[Any]) -> None:
        """Complete the rows of a list page in bulk; a hook for subclasses.

        `ConsoleChangeList` calls it once a page. Subclasses set attributes on the rows whose values come from elsewhere
        than the table, so that columns need no query a row.
        """

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Model:
        """Return the object or answer 404.

        Django would redirect with a message instead, which tells a guessed id apart from a malformed one.

        Raises:
            Http404: There is no such object in the user's scope.
        """
        found: Model | None = super().get_object(request, object_id, from_field)
        if found is None:
            raise Http404
        return found

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        """Keep what the form changed for the audit log: Django's message names the fields alone."""
        request.console_changes = changes_of(form, added=add)  # type: ignore[attr-defined]
        return super().construct_change_message(request, form, formsets, add)

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> LogEntry:
        """Record the addition in the audit log as well."""
        self._record(request, AuditEntry.Action.ADD, obj, message, self._changes(request))
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> LogEntry:
        """Record the change in the audit log as well."""
        self._record(request, AuditEntry.Action.CHANGE, obj, message, self._changes(request))
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> list[LogEntry]:
        """Record each deletion in the audit log as well, with what the object held."""
        for obj in queryset:
            self._record(request, AuditEntry.Action.DELETE, obj, "", values_of(obj))
        return super().log_deletions(request, queryset)

    def _changes(self, request: HttpRequest) -> list[FieldChange]:
        """Return what `construct_change_message` found in a form, once."""
        changes: list[FieldChange] = request.__dict__.pop("console_changes", [])
        return changes

    def _record(self, request: HttpRequest, action: str, obj: Model, message: Any, changes: list[FieldChange]) -> None:
        """Write to the audit log in English."""
        with override("en"):
            text = str(message)
            if not isinstance(message, str | Promise):
                text = LogEntry(change_message=json.dumps(message)).get_change_message()
        audit.record(request, action, obj, {"what": text} if text else {}, changes)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Allow only the query parameters that filters and `linked_lookups` use.

        Django would allow lookups on any column, including encrypted ones, whose values could then be guessed.
        """
        names = set(self.linked_lookups)
        for entry in self.list_filter:
            names.update(getattr(entry, "parameter_names", (getattr(entry, "parameter_name", entry),)))
        return lookup in names


class ScopedModelAdmin(ConsoleModelAdmin):
    """Base of admin classes whose objects belong to an app.

    Attributes:
        app_path: The lookup that leads from the model to its app, such as `workspace__app`; `pk` for the app itself.
        right_to_change: The right that adding, changing and deleting require.
    """

    app_path: str
    right_to_change = Right.CONFIGURE

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Limit the rows to the user's apps; superusers see all."""
        rows: QuerySet[Any] = super().get_queryset(request)
        scope = scope_of(request)
        return rows if scope.superuser else self.limit_to_scope(rows, scope)

    def limit_to_scope(self, rows: QuerySet[Any], scope: Scope) -> QuerySet[Any]:
        """Return the rows of the user's apps; subclasses override it to follow an index or to require another right."""
        return rows.filter(**{f"{self.app_path}__in": scope.app_ids()})

    def app_id_of(self, obj: Model) -> int:
        """Return the database id of the app that an object belongs to."""
        place: Any = obj
        for step in self.app_path.split("__"):
            place = getattr(place, step)
        return place.pk if isinstance(place, App) else place

    def may(self, request: HttpRequest, right: Right, obj: Model | str | None = None) -> bool:
        """Return whether the user holds a right.

        Args:
            request: The user's request.
            right: The right asked for.
            obj: The object it is needed for, or its id; None asks whether the user holds the right in any app.

        Raises:
            Http404: `obj` is an id that is not in the user's scope.
        """
        scope = scope_of(request)
        if scope.superuser or obj is None:
            return scope.may(right)
        return scope.may(right, self.app_id_of(self.get_object(request, obj) if isinstance(obj, str) else obj))

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Require the right to view in any app."""
        return self.may(request, Right.VIEW)

    def has_view_permission(self, request: HttpRequest, obj: Model | str | None = None) -> bool:
        """Require the right to view in the object's app."""
        return self.may(request, Right.VIEW, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Require `right_to_change` in any app; the form then offers only apps where it is held."""
        return self.may(request, self.right_to_change)

    def has_change_permission(self, request: HttpRequest, obj: Model | str | None = None) -> bool:
        """Require `right_to_change` in the object's app."""
        return self.may(request, self.right_to_change, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Model | str | None = None) -> bool:
        """Require `right_to_change` in the object's app."""
        return self.may(request, self.right_to_change, obj)

    def has_push_permission(self, request: HttpRequest, obj: Model | str | None = None) -> bool:
        """Require the right to push; for actions declared with `permissions=["push"]`."""
        return self.may(request, Right.PUSH, obj)

    def has_configure_permission(self, request: HttpRequest, obj: Model | str | None = None) -> bool:
        """Require the right to configure; for actions declared with `permissions=["configure"]`."""
        return self.may(request, Right.CONFIGURE, obj)

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> ModelChoiceField[Any] | None:
        """Limit the choices to `choices_of`, and start with the workspace in view, if it is alone."""
        kwargs.setdefault("queryset", self.choices_of(db_field, request))
        if db_field.related_model is Workspace:
            kwargs.setdefault("initial", scope_of(request).only)
        field: ModelChoiceField[Any] | None = super().formfield_for_foreignkey(db_field, request, **kwargs)
        return field

    def formfield_for_manytomany(
        self, db_field: ManyToManyField[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> ModelMultipleChoiceField[Any] | None:
        """Limit the choices to `choices_of`."""
        kwargs.setdefault("queryset", self.choices_of(db_field, request))
        field: ModelMultipleChoiceField[Any] | None = super().formfield_for_manytomany(db_field, request, **kwargs)
        return field

    def choices_of(
        self, db_field: ForeignKey[Any, Any] | ManyToManyField[Any, Any], request: HttpRequest
    ) -> QuerySet[Any]:
        """Return the objects a form may offer for a relation.

        Only apps and workspaces are known here: a relation to any other model offers nothing unless a subclass says
        otherwise.
        """
        scope = scope_of(request)
        related: Any = db_field.related_model
        if related is App:
            return scope.apps(self.right_to_change)
        if related is Workspace:
            return scope.workspaces(self.right_to_change)
        nothing: QuerySet[Any] = related._default_manager.none()
        return nothing


class ReadOnly:
    """Mixin for an admin class or an inline whose objects only the service itself creates and changes."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Refuse to everyone, superusers included."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | str | None = None) -> bool:
        """Refuse to everyone, superusers included; Django then shows the object read-only."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | str | None = None) -> bool:
        """Refuse to everyone, superusers included."""
        return False


class SuperuserModelAdmin(ConsoleModelAdmin):
    """Base of admin classes about the whole installation; to anybody but superusers their objects do not exist."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return no rows unless the user is a superuser, so that any object answers 404."""
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows if scope_of(request).superuser else rows.none()

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Require a superuser; to others the model is not listed at all."""
        return scope_of(request).superuser

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Require a superuser."""
        return scope_of(request).superuser

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Require a superuser."""
        return scope_of(request).superuser

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Require a superuser."""
        return scope_of(request).superuser

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Require a superuser."""
        return scope_of(request).superuser
