"""The audit log, read-only for everyone.

Administrators of an app see the entries about it; only superusers see entries that belong to no app, such as logins.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import display

from console.access.rights import Right, Scope, scope_of
from console.components import audit_sentences
from console.components.chips import Choices
from console.components.columns import label, moment
from console.components.empty_state import EmptyState
from console.components.filters import ChoiceFilter
from console.components.large_table_admin import LargeTableAdmin
from console.models import AuditEntry
from pushcore.storage import clock

COLOURS: dict[str, str] = {
    AuditEntry.Action.ADD: "green",
    AuditEntry.Action.CHANGE: "blue",
    AuditEntry.Action.DELETE: "red",
    AuditEntry.Action.PUSH: "amber",
    AuditEntry.Action.LOGIN_FAILED: "red",
}


class ActionFilter(ChoiceFilter):
    """Filter by the kind of action."""

    title = _("what")
    parameter_name = "action"
    choices_of_column = AuditEntry.Action.choices


class AppFilter(ChoiceFilter):
    """Filter by an app that the user administers."""

    title = _("app")
    parameter_name = "app"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[AuditEntry]) -> Choices:
        """Offer the apps in which the user may read the audit log."""
        return [(str(app.pk), str(app)) for app in scope_of(request).apps(Right.CONFIGURE)]


class WhenFilter(DropdownFilter):
    """Filter by age: the last 1, 7 or 30 days."""

    title = _("when")
    parameter_name = "when"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[AuditEntry]) -> Choices:
        """Offer the ages, in days."""
        return [("1", _("last 24 hours")), ("7", _("last 7 days")), ("30", _("last 30 days"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        """Keep the entries of that age; a value that was not offered is ignored."""
        value = self.value()
        if value not in {choice for choice, _ in self.lookup_choices}:
            return queryset
        return queryset.filter(at__gte=clock.now() - timedelta(days=int(str(value))))


@admin.register(AuditEntry)
class AuditEntryAdmin(LargeTableAdmin):
    """Admin of audit entries; reading those of an app requires the right to configure it."""

    app_path = "app"
    empty_state = EmptyState(
        _("Nothing recorded yet"),
        _("Changes, pushes, exports and logins in the console are recorded here."),
    )
    list_display = ("when", "what", "sentence", "shown_details", "app", "address")
    list_filter = (ActionFilter, WhenFilter, AppFilter)
    list_select_related = ("app",)
    search_help_text = _("Exact user name")
    fields = (
        "at",
        "sentence",
        "changed_fields",
        "shown_details",
        "username",
        "what",
        "shown_type",
        "object_name",
        "object_id",
        "address",
        "request_id",
    )
    readonly_fields = fields
    # What not every entry has.
    optional_fields = {"changed_fields": "changes", "shown_details": "details", "shown_type": "object_type",
                       "object_name": "object_name", "object_id": "object_id"}  # fmt: skip

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Leave out what the entry does not have."""
        return [name for name in self.fields if getattr(obj, self.optional_fields.get(name, ""), True)]

    def limit_to_scope(self, rows: QuerySet[AuditEntry], scope: Scope) -> QuerySet[AuditEntry]:
        """Limit to apps the user may configure; other lists only require the right to view."""
        return rows.filter(app__in=scope.app_ids(Right.CONFIGURE))

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Require the right to configure in any app."""
        return self.may(request, Right.CONFIGURE)

    def has_view_permission(self, request: HttpRequest, obj: Model | str | None = None) -> bool:
        """Require the right to configure in the entry's app."""
        return self.may(request, Right.CONFIGURE, obj)

    def find(self, rows: QuerySet[AuditEntry], scope: Scope, term: str) -> QuerySet[AuditEntry]:
        """Search by exact user name."""
        return rows.filter(username=term)

    @display(description=_("when"), ordering="at")
    def when(self, entry: AuditEntry) -> SafeString:
        """Show the time in the page's zone."""
        return moment(entry.at)

    @display(description=_("what"))
    def what(self, entry: AuditEntry) -> SafeString:
        """Show the action as a coloured label."""
        return label(COLOURS.get(entry.action, "grey"), entry.get_action_display())

    @display(description=_("object type"))
    def shown_type(self, entry: AuditEntry) -> str:
        """Show what kind of object it is in the user's language; kept is the English name."""
        return gettext(entry.object_type) if entry.object_type else "-"

    @display(description=_("entry"))
    def sentence(self, entry: AuditEntry) -> str:
        """Say who did what to which object."""
        return audit_sentences.sentence(entry)

    @display(description=_("changes"))
    def changed_fields(self, entry: AuditEntry) -> SafeString:
        """Show each changed field with its value before and after."""
        return audit_sentences.table(entry)

    @display(description=_("details"))
    def shown_details(self, entry: AuditEntry) -> SafeString:
        """Show what changed in a line a field, else the details."""
        return audit_sentences.summary(entry)
