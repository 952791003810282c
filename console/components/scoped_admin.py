"""The base of every page of the console: what is shown, offered and changed is limited to the user's apps.

An admin class declares where its app is found (`app_path`); lists, forms, choices, autocompletion, actions, history
and deletion then know only objects of apps the user is a member of. Any other object answers 404, as if it did not
exist.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from django.contrib.admin import ShowFacets
from django.contrib.admin.models import LogEntry
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import FieldDoesNotExist
from django.db.models import DateTimeField, Field, ForeignKey, ManyToManyField, Model, QuerySet, URLField
from django.forms import ModelChoiceField, ModelMultipleChoiceField
from django.http import Http404, HttpRequest
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import override
from unfold.admin import ModelAdmin

from console.access import audit
from console.access.rights import Right, Scope, scope_of
from console.components.change_list import ConsoleChangeList
from console.components.columns import moment
from console.locale.zones import activate, zone_of
from console.models import AuditEntry
from pushcore.models import App, Workspace


class NamedTimes:
    """Mixin for an admin class or an inline: shows times with the name of their zone (`console.locale.zones`).

    Names of read-only time columns are replaced by functions that render them.
    """

    model: type[Model]

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        return self.with_times(super().get_list_display(request))  # type: ignore[misc]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[Any, ...]:
        return tuple(self.with_times(super().get_readonly_fields(request, obj)))  # type: ignore[misc]

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        found = super().get_fieldsets(request, obj)  # type: ignore[misc]
        return [(name, options | {"fields": self.with_times(options["fields"])}) for name, options in found]

    def with_times(self, names: Iterable[Any]) -> list[Any]:
        """The names, those of times replaced by what shows them."""
        return [self._shown_time(name) or name for name in names]

    def _shown_time(self, name: Any) -> Callable[[Any], SafeString] | None:
        """What shows the column of that name; None where it is no time."""
        try:
            field = self.model._meta.get_field(name) if isinstance(name, str) else None
        except FieldDoesNotExist:
            return None
        return time_column(field) if isinstance(field, DateTimeField) else None


@cache
def time_column(field: Field[Any, Any]) -> Callable[[Any], SafeString]:
    """A column of a list, or a field of a page, that shows a time; the same function for the same field."""

    def show(obj: Any) -> SafeString:
        return moment(getattr(obj, field.attname), zone_of(obj))

    show.__name__ = field.name
    show.short_description = field.verbose_name  # type: ignore[attr-defined]
    show.admin_order_field = field.name  # type: ignore[attr-defined]
    return show


class PlainRelations:
    """Mixed in before an admin class or a table in it: relations are chosen, without the buttons that add or change
    what they point to in windows of their own."""

    def formfield_for_dbfield(self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        formfield = super().formfield_for_dbfield(db_field, request, **kwargs)  # type: ignore[misc]
        if formfield is not None and isinstance(formfield.widget, RelatedFieldWidgetWrapper):
            formfield.widget = formfield.widget.widget
        return formfield


class ConsoleModelAdmin(NamedTimes, PlainRelations, ModelAdmin):
    """What all pages share, scoped or not."""

    actions = None
    formfield_overrides = {URLField: {"assume_scheme": "https"}}
    list_per_page = 50
    list_filter_submit = True
    show_full_result_count = False
    # Counts beside each filter's choice would scan the table once for each.
    show_facets = ShowFacets.NEVER
    # Query parameters a list may be narrowed by beside its filters, for links from other pages.
    linked_lookups: tuple[str, ...] = ()

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ConsoleChangeList]:
        return ConsoleChangeList

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """An object's page, and all that stands on it, is in the zone of its workspace."""
        if object_id is not None:
            activate(zone_of(self.get_object(request, object_id)))
        return super().changeform_view(request, object_id, form_url, extra_context)

    def prepare_rows(self, request: HttpRequest, rows: list[Any]) -> None:
        """Add to a page's rows what is not in their table, for all of them at once."""

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Model:
        """The object, or 404: Django's redirect with a message would tell guesses from typing errors."""
        found: Model | None = super().get_object(request, object_id, from_field)
        if found is None:
            raise Http404
        return found

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> LogEntry:
        self._record(request, AuditEntry.Action.ADD, obj, message)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> LogEntry:
        self._record(request, AuditEntry.Action.CHANGE, obj, message)
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> list[LogEntry]:
        for obj in queryset:
            self._record(request, AuditEntry.Action.DELETE, obj, "")
        return super().log_deletions(request, queryset)

    def _record(self, request: HttpRequest, action: str, obj: Model, message: Any) -> None:
        """Into the audit log, in English: Django's message names the fields that changed, never what they hold."""
        with override("en"):
            text = str(message)
            if not isinstance(message, str | Promise):
                text = LogEntry(change_message=json.dumps(message)).get_change_message()
        audit.record(request, action, obj, {"what": text} if text else {})

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Only what filters and links use: Django would allow any lookup on any column, sealed ones included."""
        names = {getattr(entry, "parameter_name", entry) for entry in self.list_filter}
        return lookup in names or lookup in self.linked_lookups


class ScopedModelAdmin(ConsoleModelAdmin):
    """A page whose objects belong to an app.

    `app_path` leads from the model to its app (`workspace__app`), or is `pk` for the app itself. `right_to_change` is
    what adding, changing and deleting take.
    """

    app_path: str
    right_to_change = Right.CONFIGURE

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        scope = scope_of(request)
        return rows if scope.superuser else self.limit_to_scope(rows, scope)

    def limit_to_scope(self, rows: QuerySet[Any], scope: Scope) -> QuerySet[Any]:
        return rows.filter(**{f"{self.app_path}__in": scope.app_ids()})

    def app_id_of(self, obj: Model) -> int:
        """The app (database id) an object belongs to."""
        place: Any = obj
        for step in self.app_path.split("__"):
            place = getattr(place, step)
        return place.pk if isinstance(place, App) else place

    def may(self, request: HttpRequest, right: Right, obj: Model | str | None = None) -> bool:
        """Whether the user holds the right for the object (or its id, 404 when out of scope), or anywhere."""
        scope = scope_of(request)
        if scope.superuser or obj is None:
            return scope.may(right)
        return scope.may(right, self.app_id_of(self.get_object(request, obj) if isinstance(obj, str) else obj))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.may(request, Right.VIEW)

    def has_view_permission(self, request: HttpRequest, obj: Model | str | None = None) -> bool:
        return self.may(request, Right.VIEW, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.may(request, self.right_to_change)

    def has_change_permission(self, request: HttpRequest, obj: Model | str | None = None) -> bool:
        return self.may(request, self.right_to_change, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Model | str | None = None) -> bool:
        return self.may(request, self.right_to_change, obj)

    def has_push_permission(self, request: HttpRequest, obj: Model | str | None = None) -> bool:
        """For actions declared with `permissions=["push"]`."""
        return self.may(request, Right.PUSH, obj)

    def has_configure_permission(self, request: HttpRequest, obj: Model | str | None = None) -> bool:
        """For actions declared with `permissions=["configure"]`."""
        return self.may(request, Right.CONFIGURE, obj)

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> ModelChoiceField[Any] | None:
        kwargs.setdefault("queryset", self.choices_of(db_field, request))
        if db_field.related_model is Workspace:
            kwargs.setdefault("initial", scope_of(request).chosen)
        field: ModelChoiceField[Any] | None = super().formfield_for_foreignkey(db_field, request, **kwargs)
        return field

    def formfield_for_manytomany(
        self, db_field: ManyToManyField[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> ModelMultipleChoiceField[Any] | None:
        kwargs.setdefault("queryset", self.choices_of(db_field, request))
        field: ModelMultipleChoiceField[Any] | None = super().formfield_for_manytomany(db_field, request, **kwargs)
        return field

    def choices_of(
        self, db_field: ForeignKey[Any, Any] | ManyToManyField[Any, Any], request: HttpRequest
    ) -> QuerySet[Any]:
        """What a form may offer for a relation. A relation this does not know offers nothing."""
        scope = scope_of(request)
        related: Any = db_field.related_model
        if related is App:
            return scope.apps(self.right_to_change)
        if related is Workspace:
            return scope.workspaces(self.right_to_change)
        nothing: QuerySet[Any] = related._default_manager.none()
        return nothing


class ReadOnly:
    """Mixed in before an admin class: its objects are facts, made and changed by the service alone."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | str | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | str | None = None) -> bool:
        return False


class SuperuserModelAdmin(ConsoleModelAdmin):
    """A page about the installation, not about an app: superusers only, and to others its objects do not exist."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows if scope_of(request).superuser else rows.none()

    def has_module_permission(self, request: HttpRequest) -> bool:
        return scope_of(request).superuser

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return scope_of(request).superuser

    def has_add_permission(self, request: HttpRequest) -> bool:
        return scope_of(request).superuser

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return scope_of(request).superuser

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return scope_of(request).superuser
