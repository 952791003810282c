"""Test devices: where operators push a message to before anybody else gets it (`console.pages.create.testing`)."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from console.access.rights import Right
from console.components.columns import identifier, push_type
from console.components.empty_state import EmptyState, NextStep
from console.components.filters import WorkspaceFilter
from console.components.scoped_admin import ScopedModelAdmin
from console.models import TestDevice
from console.pages.create.explanations import explain
from console.pages.create.testing import MAX_TEST_DEVICES
from pushcore.codes.results import ResultError
from pushcore.devices.target_names import clean_target


class TestDeviceForm(forms.ModelForm):
    """The form of a test device, whose target is spelled as a push spells it."""

    def clean(self) -> dict[str, Any]:
        """Clean the target, and refuse more devices than a workspace may have."""
        given = super().clean() or {}
        if self.errors:
            return given
        try:
            given["target"] = clean_target(given["delivery_type"], given["target"])
        except ResultError as error:
            self.add_error("target", str(explain(error).sentence))
        others = TestDevice.objects.filter(workspace=given["workspace"]).exclude(pk=self.instance.pk)
        if others.count() >= MAX_TEST_DEVICES:
            message = _("A workspace has %(most)s test devices at most. Delete one first.")
            raise forms.ValidationError(message, params={"most": MAX_TEST_DEVICES})
        return given


@admin.register(TestDevice)
class TestDeviceAdmin(ScopedModelAdmin):
    """Admin of test devices; whoever may push may add, change and delete them."""

    app_path = "workspace__app"
    right_to_change = Right.PUSH
    form = TestDeviceForm
    empty_state = EmptyState(
        _("No test device yet"),
        _("A push can be tried on the test devices of a workspace before anybody else gets it."),
        NextStep(_("Add a test device"), "admin:console_testdevice_add", right=Right.PUSH),
    )
    list_display = ("name", "kind", "shown_target", "workspace", "created_at")
    list_filter = (WorkspaceFilter,)
    list_select_related = ("workspace__app",)
    search_fields = ("name", "target")
    search_help_text = _("Name, target ID")
    fields = ("workspace", "name", "delivery_type", "target")

    @display(description=_("kind"))
    def kind(self, device: TestDevice) -> SafeString:
        """Show the icon and name of the kind of target."""
        return push_type(device.delivery_type)

    @display(description=_("target ID"))
    def shown_target(self, device: TestDevice) -> SafeString:
        """Show the target ID, shortened to the column's width."""
        return identifier(device.target)
