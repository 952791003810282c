"""Devices: what they reported about themselves, the users they were bound to, and whether they are online."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import structlog
from django.contrib import admin
from django.db.models import Model, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from console.access.rights import Right, Scope
from console.components import known_profile
from console.components.columns import copyable, identifier, label
from console.components.empty_state import EmptyState, NextStep
from console.components.filters import PlatformFilter, WorkspaceFilter
from console.components.inlines import ReadOnlyInline
from console.components.large_table_admin import LargeTableAdmin
from console.components.message_status import channel_title
from gateway.cluster import presence
from pushcore.channels import Channel, Platform
from pushcore.devices.capabilities import names_of
from pushcore.devices.target_names import spellings
from pushcore.models import Binding, Device, TokenLoss
from pushcore.storage import valkey

log = structlog.get_logger(__name__)


def as_test_device(device: Device) -> dict[str, Any]:
    """Return a device as the fields of a test device. On iOS the target is the APNs token, elsewhere the Ad-token."""
    return {
        "workspace": device.workspace_id,
        "name": f"{device.manufacturer} {device.model}".strip()[:60],
        "delivery_type": device.platform,
        "target": device.third_token if device.platform == Platform.IOS else device.ad_token,
    }


ONLINE_COLOURS = {"online": "green", "offline": "amber", "unknown": "grey"}
ONLINE_WORDS = {"online": _("online"), "offline": _("offline"), "unknown": _("unknown")}


def online_states(devices: list[Device]) -> dict[int, str]:
    """Return "online", "offline" or "unknown" for each device, by its database id, with one query to Valkey.

    An iOS device without a connection is "unknown", since iOS devices are not expected to hold one (source document,
    6.4). While Valkey is down all devices are "unknown".
    """
    try:
        held = presence.nodes_of(valkey.client(), [device.pk for device in devices])
    except valkey.ValkeyDown:
        log.warning("Valkey is unavailable; presence is shown as unknown")
        return {device.pk: "unknown" for device in devices}
    return {device.pk: _state(device, device.pk in held) for device in devices}


def online_label(state: str) -> SafeString:
    """Render a state of `online_states` as a coloured label."""
    return label(ONLINE_COLOURS[state], ONLINE_WORDS[state])


def _state(device: Device, held: bool) -> str:
    if held:
        return "online"
    return "unknown" if device.platform == Platform.IOS else "offline"


class BindingHistory(ReadOnlyInline):
    """Inline of a device's page: the users it is or was bound to."""

    model = Binding
    fields = ("user_id", "bound_at", "unbound_at")
    readonly_fields = fields
    ordering = ("-bound_at",)
    verbose_name = _("binding")
    verbose_name_plural = _("bindings, newest first")


class LostTokens(ReadOnlyInline):
    """Inline of a device's page: the vendor tokens it lost because another device reported them."""

    model = TokenLoss
    fk_name = "device"
    fields = ("channel", "new_device", "at")
    readonly_fields = fields
    ordering = ("-at",)
    verbose_name = _("lost token")
    verbose_name_plural = _("Tokens that another device reported, newest first")

    def get_queryset(self, request: HttpRequest) -> QuerySet[TokenLoss]:
        """Annotate each loss with the Ad-token of the device that took the token."""
        taker = Device.objects.filter(pk=OuterRef("taken_by_id")).values("ad_token")
        return super().get_queryset(request).annotate(taker=Subquery(taker))

    @display(description=_("taken by"))
    def new_device(self, loss: TokenLoss) -> SafeString | str:
        """Show the Ad-token of the device that took the token, or a dash if that device no longer exists."""
        return identifier(loss.taker) if loss.taker else "-"  # type: ignore[attr-defined]


@admin.register(Device)
class DeviceAdmin(LargeTableAdmin):
    """Read-only list of devices with their presence, searched by Ad-token or vendor token."""

    app_path = "workspace__app"
    empty_state = EmptyState(
        _("No device seen yet"),
        _("A device is listed once the app on it has registered. The device simulator is one, too."),
        NextStep(_("Open the device simulator"), "admin:device_simulator", right=Right.PUSH),
    )
    list_display = ("token", "platform", "maker", "workspace", "online", "last_seen_at")
    list_filter = (WorkspaceFilter, PlatformFilter)
    list_select_related = ("workspace__app",)
    search_help_text = _("Exact Ad-token or third-party token")
    fieldsets = (
        (None, {"fields": ("full_token", "workspace", "online_now", "created_at", "last_seen_at")}),
        (
            _("Device details"),
            {
                "fields": (
                    "platform",
                    "manufacturer",
                    "model",
                    "os_version",
                    "app_version",
                    "time_zone",
                    "consent",
                    "language",
                    "country",
                    "sdk",
                    "installation_id",
                )
            },
        ),
        (_("Third-party channel"), {"fields": ("third_channel_title", "third_token")}),
        (_("Tags, topics and attributes"), {"fields": ("tags", "topics", "attributes")}),
    )
    readonly_fields = (
        "tags",
        "topics",
        "attributes",
        "full_token",
        "online_now",
        "consent",
        "sdk",
        "third_channel_title",
    )
    inlines = (BindingHistory, LostTokens)
    actions_detail = ("add_test_device", "open_connection_log")

    @action(description=_("Add to test devices"), url_path="test-device", icon="developer_mode", permissions=["push"])
    def add_test_device(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Redirect to the form of a new test device, filled in with this device."""
        device = self.get_object(request, object_id)
        assert isinstance(device, Device)
        return HttpResponseRedirect(f"{reverse('admin:console_testdevice_add')}?{urlencode(as_test_device(device))}")

    @action(description=_("Connection log"), url_path="open-log", icon="cable", permissions=["push"])
    def open_connection_log(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Redirect to the log of the device's connections."""
        device = self.get_object(request, object_id)
        assert isinstance(device, Device)
        return HttpResponseRedirect(reverse("admin:pushcore_device_connection_log", args=[device.pk]))

    def get_inlines(self, request: HttpRequest, obj: Model | None) -> list[Any]:
        """Show lost tokens only of a device that lost some."""
        lost = TokenLoss.objects.filter(device=obj).exists() if isinstance(obj, Device) else False
        return [BindingHistory, LostTokens] if lost else [BindingHistory]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Device]:
        """Leave the hash of the device's secret in the database."""
        return super().get_queryset(request).defer("secret_hash")

    def find(self, rows: QuerySet[Device], scope: Scope, term: str) -> QuerySet[Device]:
        """Search by Ad-token and, if no device has it, by vendor token in the visible workspaces."""
        by_token = rows.filter(ad_token=term)
        if by_token.exists():
            return by_token
        by_vendor = rows.filter(third_token__in=spellings(term)).exclude(third_token="")
        return by_vendor.filter(workspace_id__in=scope.workspace_ids)

    def prepare_rows(self, request: HttpRequest, rows: list[Any]) -> None:
        """Look up the presence of all devices on the page in one query."""
        states = online_states(rows)
        for device in rows:
            device.online_state = states[device.pk]

    @display(description=_("Ad-token"))
    def token(self, device: Device) -> SafeString:
        """Show the Ad-token, shortened to the column's width."""
        return identifier(device.ad_token)

    @display(description=_("Ad-token"))
    def full_token(self, device: Device) -> SafeString:
        """Show the Ad-token in full, with a button that copies it."""
        return copyable(device.ad_token)

    @display(description=_("device"))
    def maker(self, device: Device) -> str:
        """Show manufacturer and model, or the Live Activity's ID."""
        if device.activity_id is not None:
            return f"{gettext('Live Activity')} {device.activity_id}".strip()
        return f"{device.manufacturer} {device.model}".strip() or "-"

    @display(description=_("marketing messages"))
    def consent(self, device: Device) -> str:
        """Say whether the device takes marketing messages."""
        said = {True: _("allowed"), False: _("does not take them"), None: _("not known: allowed")}
        return str(said[device.marketing_consent])

    @display(description=_("capabilities"))
    def sdk(self, device: Device) -> str:
        """Show what the app's SDK can do."""
        return ", ".join(names_of(device.capabilities)) or "-"

    @display(description=_("tags"))
    def tags(self, device: Device) -> SafeString:
        """Show the tags of the device and of its user."""
        return known_profile.tags(device)

    @display(description=_("topics"))
    def topics(self, device: Device) -> SafeString:
        """Show the topics of the device and of its user."""
        return known_profile.topics(device)

    @display(description=_("attributes"))
    def attributes(self, device: Device) -> SafeString:
        """Show the attributes of the device and of its user."""
        return known_profile.attributes(device)

    @display(description=_("third-party channel"))
    def third_channel_title(self, device: Device) -> str:
        """Show the vendor's channel by its title."""
        return "-" if device.third_channel is None else channel_title(Channel(device.third_channel))

    @display(description=_("self-built channel"))
    def online(self, device: Device) -> SafeString:
        """Show the presence that `prepare_rows` looked up."""
        state: str = device.online_state  # type: ignore[attr-defined]
        return online_label(state)

    @display(description=_("self-built channel"))
    def online_now(self, device: Device) -> SafeString:
        """Look up and show the presence of one device."""
        return online_label(online_states([device])[device.pk])
