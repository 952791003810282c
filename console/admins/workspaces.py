"""Workspaces: their settings, client keys, callback, and the public keys to copy."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from console.access import audit
from console.access.rights import Right
from console.admins import workspace_sections as sections
from console.components.columns import copyable, moment
from console.components.confirmation import confirmed_action
from console.components.empty_state import EmptyState, NextStep
from console.components.filters import EnabledFilter
from console.components.identifiers import check_identifier
from console.components.scoped_admin import ScopedModelAdmin
from console.locale.zones import zone_of
from console.models import AuditEntry
from pushcore.callbacks import signing
from pushcore.channels import Platform
from pushcore.models import RsaKey, Workspace
from pushcore.security import keys


class WorkspaceForm(forms.ModelForm):
    """The form of a workspace, which checks its ID, time zone and callback."""

    def clean_workspace_id(self) -> str:
        """Check the spelling of the workspace ID."""
        value: str = self.cleaned_data["workspace_id"]
        check_identifier(value)
        return value

    def clean_time_zone(self) -> str:
        """Require a name of the time zone database."""
        name: str = self.cleaned_data["time_zone"]
        if name not in available_timezones():
            raise forms.ValidationError(_("Not a time zone name, such as Asia/Shanghai or UTC."))
        return name

    def clean_callback_url(self) -> str:
        """Refuse a new URL that receipts cannot be posted to."""
        url: str = self.cleaned_data["callback_url"]
        if url and "callback_url" in self.changed_data and (reason := signing.callback_problem(url)):
            raise forms.ValidationError(gettext(reason))
        return url

    def clean(self) -> dict[str, Any]:
        """Require a URL if the callback is on."""
        cleaned = super().clean() or {}
        if cleaned.get("callback_enabled") and not cleaned.get("callback_url") and "callback_url" not in self.errors:
            self.add_error("callback_url", _("The callback needs a URL to post receipts to."))
        return cleaned


@admin.register(Workspace)
class WorkspaceAdmin(ScopedModelAdmin):
    """Admin of workspaces. Nobody deletes one: it is disabled, and its messages go when their retention is over."""

    app_path = "app"
    form = WorkspaceForm
    empty_state = EmptyState(
        _("No workspace yet"),
        _("A workspace is an environment of an app, such as test or production, with devices and pushes of its own."),
        NextStep(_("Add a workspace"), "admin:pushcore_workspace_add", right=Right.CONFIGURE),
    )
    list_display = ("workspace_id", "app", "name", "enabled", "push_api_enabled", "callback_enabled", "client_bind")
    list_filter = (EnabledFilter,)
    list_select_related = ("app",)
    search_fields = ("workspace_id", "name", "app__app_id")
    search_help_text = _("Workspace ID, name or app ID")
    readonly_fields = (
        "present_key",
        "former_key",
        "sdk_configuration",
        "granted_access_keys",
        "api_public_keys",
        "callback_public_key",
        "retention",
        "limits",
        "created_at",
    )
    fieldsets = (
        (None, {"fields": ("app", "workspace_id", "name", "enabled", "time_zone", "created_at")}),
        (
            _("Push API"),
            {"fields": ("push_api_enabled", "replay_protection", "granted_access_keys", "api_public_keys")},
        ),
        (_("Callback"), {"fields": ("callback_enabled", "callback_url", "expiry_receipts", "callback_public_key")}),
        (_("Devices"), {"fields": ("client_bind", "present_key", "former_key", "sdk_configuration")}),
        (_("Retention and limits"), {"fields": ("retention", "limits")}),
    )
    # What each section says of its present state, and its name in addresses, by its place among the fieldsets.
    section_states = (None, *sections.STATES.items())
    add_fieldsets = (
        (None, {"fields": ("app", "workspace_id", "name", "enabled", "time_zone")}),
        (_("Push API"), {"fields": ("push_api_enabled", "replay_protection")}),
        (_("Callback"), {"fields": ("callback_enabled", "callback_url", "expiry_receipts")}),
        (_("Devices"), {"fields": ("client_bind",)}),
    )
    actions_detail = ("rotate_client_key", "end_former_client_key", "make_callback_key", "test_callback")

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Return the workspace, with whether the user may configure it: keys are added by who may."""
        workspace: Any = super().get_object(request, object_id, from_field)
        workspace.may_configure = self.may(request, Right.CONFIGURE, workspace)
        return workspace

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[Any, ...]:
        """Make app and workspace ID read-only once the workspace exists."""
        shown = super().get_readonly_fields(request, obj)
        return (*shown, "app", "workspace_id") if obj else shown

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Have each section say its present state; hide client keys from those who may not change them.

        A former key is hidden where there is none. Whoever has a client key can register any number of devices.
        """
        shown = super().get_fieldsets(request, obj)
        hidden: set[str] = set()
        if not isinstance(obj, Workspace) or not self.has_configure_permission(request, obj):
            hidden = {"present_key", "former_key", "sdk_configuration"}
        elif not obj.former_client_key:
            hidden = {"former_key"}
        states = self.section_states if isinstance(obj, Workspace) else ()
        return [
            (
                name,
                options
                | {"fields": [field for field in options["fields"] if field not in hidden]}
                | ({"description": sections.described(obj, *state)} if state and isinstance(obj, Workspace) else {}),
            )
            for (name, options), state in zip_longest(shown, states)
        ]

    def has_former_key_permission(self, request: HttpRequest, obj: Model | str | None = None) -> bool:
        """Require a former key and the right to configure; for actions declared with `permissions=["former_key"]`."""
        workspace = self.get_object(request, obj) if isinstance(obj, str) else obj
        return (
            isinstance(workspace, Workspace)
            and bool(workspace.former_client_key)
            and self.has_configure_permission(request, workspace)
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Workspace]:
        """Fetch the app in the same query."""
        return super().get_queryset(request).select_related("app")

    def has_delete_permission(self, request: HttpRequest, obj: Model | str | None = None) -> bool:
        """Refuse to everyone, superusers included: workspaces are disabled instead."""
        return False

    def save_model(self, request: HttpRequest, obj: Workspace, form: Any, change: bool) -> None:
        """Save the workspace, and create the callback key if the callback is on."""
        super().save_model(request, obj, form, change)
        if obj.callback_enabled:
            # Its public key can then be copied before the first receipt is sent.
            keys.callback_key(obj)

    @display(description=_("access keys"))
    def granted_access_keys(self, workspace: Workspace) -> SafeString:
        """Link to the workspace's access keys."""
        return sections.access_keys(workspace, may_add=workspace.may_configure)  # type: ignore[attr-defined]

    @display(description=_("kept for"))
    def retention(self, workspace: Workspace) -> SafeString:
        """Show how long things are kept, which is set for the whole installation."""
        return sections.retention()

    @display(description=_("limits"))
    def limits(self, workspace: Workspace) -> SafeString:
        """Show what the installation limits."""
        return sections.limits()

    @display(description=_("client key"))
    def present_key(self, workspace: Workspace) -> SafeString:
        """Show the client key, with a button that copies it."""
        return format_html(
            '{}<div class="leading-relaxed mt-2 text-xs">{}</div>',
            copyable(workspace.client_key),
            Workspace._meta.get_field("client_key").help_text,
        )

    @display(description=_("former client key"))
    def former_key(self, workspace: Workspace) -> SafeString:
        """Show the former client key, and when a device last registered with it."""
        used_at = workspace.former_client_key_used_at
        last = moment(used_at, zone_of(workspace)) if used_at else gettext("not since the key was rotated")
        return format_html(
            '{}<div class="leading-relaxed mt-2 text-xs">{} {}</div>',
            copyable(workspace.former_client_key),
            Workspace._meta.get_field("former_client_key").help_text,
            format_html(gettext("A device last registered with it: {last}."), last=last),
        )

    @display(description=_("configuration of the SDKs"))
    def sdk_configuration(self, workspace: Workspace) -> SafeString:
        """Offer the file that the device SDKs are configured with, for each platform."""
        file = reverse("admin:pushcore_workspace_device_configuration", args=[workspace.pk])
        links = [(f"{file}?platform={platform.api_name}", platform.label) for platform in Platform]
        return format_html(
            '{}<div class="leading-relaxed mt-2 text-xs">{}</div>',
            format_html_join(" · ", '<a class="text-link" href="{}" download>{}</a>', links),
            _(
                "Download mps-device.json for the app: the gateway's addresses, the app, the workspace and the client "
                "key."
            ),
        )

    @display(description=_("RSA public keys of the backend"))
    def api_public_keys(self, workspace: Workspace) -> SafeString:
        """Show the first active keys that verify REST calls."""
        return sections.api_public_keys(workspace, may_add=workspace.may_configure)  # type: ignore[attr-defined]

    @display(description=_("RSA public key of our receipts"))
    def callback_public_key(self, workspace: Workspace) -> SafeString | str:
        """Show the public key that verifies receipts, with a button that copies it."""
        key = workspace.rsa_keys.filter(purpose=RsaKey.Purpose.CALLBACK, active=True).first()
        return copyable(key.public_pem) if key else gettext("Made when the callback is switched on.")

    @confirmed_action(
        description=_("Rotate client key"),
        url_path="rotate-client-key",
        icon="autorenew",
        permissions=["configure"],
        title=_("Rotate the client key?"),
        consequence=_(
            "New builds of the app carry the new key. Apps built with the present one go on registering "
            "new devices until you end it; the key before it, if any, ends now. Devices already "
            "registered stay."
        ),
    )
    def rotate_client_key(self, request: HttpRequest, workspace: Workspace) -> None:
        """Give the workspace a new client key; the present one becomes the former one."""
        keys.rotate_client_key(workspace)
        self.log_change(request, workspace, "Rotated the client key.")
        messages.success(request, _("The client key was rotated."))

    @confirmed_action(
        description=_("End former client key"),
        url_path="end-former-client-key",
        icon="key_off",
        permissions=["former_key"],
        title=_("End the former client key?"),
        consequence=_("Apps built with it can no longer register new devices. Devices already registered stay."),
    )
    def end_former_client_key(self, request: HttpRequest, workspace: Workspace) -> None:
        """Stop accepting the former client key."""
        keys.end_former_client_key(workspace)
        self.log_change(request, workspace, "Ended the former client key.")
        messages.success(request, _("The former client key has ended."))

    @confirmed_action(
        description=_("Test callback"),
        url_path="test-callback",
        icon="outgoing_mail",
        permissions=["configure"],
        title=_("Send a test receipt?"),
        consequence=lambda workspace: (
            _("A signed receipt with msgId callback-test is posted to %(url)s. It speaks of no message.")
            % {"url": workspace.callback_url}
        ),
        button=_("Send"),
        refusal=lambda _request, workspace: (
            None if workspace.callback_url else _("Not sent: the workspace has no callback URL.")
        ),
    )
    def test_callback(self, request: HttpRequest, workspace: Workspace) -> None:
        """Post a test receipt to the callback URL, and show what the backend answered."""
        result = signing.send_test_receipt(workspace)
        said = result.error or f"status {result.status}"
        details = {"what": "Sent a test receipt.", "outcome": said, "address": workspace.callback_url}
        audit.record(request, AuditEntry.Action.TEST, workspace, details)
        if result.accepted:
            messages.success(
                request,
                _("The backend took the test receipt (%(said)s, %(ms)s ms).")
                % {"said": said, "ms": result.duration_ms},
            )
        else:
            messages.error(request, _("The backend did not take the test receipt: %(said)s.") % {"said": said})

    @confirmed_action(
        description=_("Make callback key"),
        url_path="make-callback-key",
        icon="encrypted",
        permissions=["configure"],
        title=_("Make the callback key?"),
        consequence=_(
            "The key that signs receipts is made where there is none; an active one stays. To replace "
            "it, deactivate it under RSA keys first."
        ),
    )
    def make_callback_key(self, request: HttpRequest, workspace: Workspace) -> None:
        """Create the key pair that signs receipts, unless there is an active one."""
        keys.callback_key(workspace)
        self.log_change(request, workspace, "Asked for the callback key.")
        messages.success(request, _("The public half of the callback key is below."))
