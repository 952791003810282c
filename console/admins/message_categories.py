"""Message categories: their caps, whether they ask for consent, whether they keep quiet hours."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from console.components.empty_state import EmptyState, NextStep
from console.components.filters import WorkspaceFilter
from console.components.scoped_admin import ScopedModelAdmin
from console.pages.create.explanations import explain
from pushcore.categories import catalog
from pushcore.codes.results import ResultError
from pushcore.models import MessageCategory


class VendorsCategoriesField(forms.CharField):
    """The categories at vendors as lines, `vendor=category` each."""

    widget = UnfoldAdminTextareaWidget(attrs={"rows": 3, "spellcheck": "false"})

    def prepare_value(self, value: Any) -> Any:
        """Write the categories as lines."""
        return "\n".join(f"{name}={entry}" for name, entry in value.items()) if isinstance(value, dict) else value

    def clean(self, value: Any) -> dict[str, str]:
        """Read the lines, and check what they say.

        Raises:
            forms.ValidationError: A line is none, or there is no such vendor or category.
        """
        by_vendor: dict[str, str] = {}
        for line in str(super().clean(value)).splitlines():
            name, equals, entry = (part.strip() for part in line.partition("="))
            if not line.strip():
                continue
            if not (name and equals and entry):
                raise forms.ValidationError(_("Write vendor=category, one a line, such as hms=IM."))
            by_vendor[name] = entry
        try:
            catalog.check_vendors_categories(by_vendor)
        except ResultError as error:
            raise forms.ValidationError(str(explain(error).sentence)) from error
        return by_vendor

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare the lines, but for the ends of lines, which browsers change."""
        written = [line.strip() for line in str(data or "").splitlines() if line.strip()]
        return written != str(self.prepare_value(initial or {})).splitlines()


class MessageCategoryForm(forms.ModelForm):
    """The form of a message category."""

    third_channel_category = VendorsCategoriesField(
        label=_("vendors' categories"),
        required=False,
        help_text=_("vendor=category, one a line: used where a push names none."),
    )

    def clean_name(self) -> str:
        """Remove blanks around the name, which a push would have to repeat."""
        return str(self.cleaned_data["name"]).strip()

    def clean(self) -> dict[str, Any]:
        """Refuse more categories than a workspace may have, and a week that has less room than a day."""
        given = super().clean() or {}
        if self.errors:
            return given
        daily, weekly = given.get("daily_cap"), given.get("weekly_cap")
        if daily and weekly and weekly < daily:
            self.add_error("weekly_cap", _("A week has at least as much room as a day."))
        workspace = given.get("workspace") or self.instance.workspace
        others = MessageCategory.objects.filter(workspace=workspace).exclude(pk=self.instance.pk)
        if others.count() >= catalog.MAX_CATEGORIES:
            message = _("A workspace has %(most)s message categories at most. Delete one first.")
            raise forms.ValidationError(message, params={"most": catalog.MAX_CATEGORIES})
        return given


@admin.register(MessageCategory)
class MessageCategoryAdmin(ScopedModelAdmin):
    """Admin of message categories. Pushes keep the name of one that is deleted; further pushes with it are refused."""

    app_path = "workspace__app"
    form = MessageCategoryForm
    empty_state = EmptyState(
        _("No message category yet"),
        _("A category has rules for its pushes: how many a day, whether devices consent, whether quiet hours count."),
        NextStep(_("Add a message category"), "admin:pushcore_messagecategory_add"),
    )
    list_display = ("name", "workspace", "is_marketing", "caps", "keeps_quiet_hours")
    list_filter = (WorkspaceFilter,)
    list_select_related = ("workspace__app",)
    search_fields = ("name",)
    search_help_text = _("Name")
    fieldsets = (
        (None, {"fields": ("workspace", "name")}),
        (_("Rules"), {"fields": ("is_marketing", "daily_cap", "weekly_cap", "keeps_quiet_hours")}),
        (_("Vendors"), {"fields": ("third_channel_category",)}),
    )

    def get_readonly_fields(self, request: Any, obj: Any = None) -> tuple[Any, ...]:
        """Make workspace and name read-only once the category exists: backends push with them."""
        shown = super().get_readonly_fields(request, obj)
        return (*shown, "workspace", "name") if obj else shown

    @display(description=_("frequency caps"))
    def caps(self, category: MessageCategory) -> str:
        """Show how many a day and a week."""
        parts = []
        if category.daily_cap is not None:
            parts.append(_("%(count)s a day") % {"count": category.daily_cap})
        if category.weekly_cap is not None:
            parts.append(_("%(count)s a week") % {"count": category.weekly_cap})
        return ", ".join(map(str, parts)) or "-"
