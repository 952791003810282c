"""Events that devices reported about messages: arrived, opened, ignored."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from analytics.models import MessageEvent
from console.access.rights import Right, Scope
from console.components.chips import ColumnChipFilter
from console.components.columns import identifier, label
from console.components.empty_state import EmptyState, NextStep
from console.components.filters import WorkspaceFilter
from console.components.large_table_admin import LargeTableAdmin
from pushcore.storage import ids

KIND_COLOURS: dict[str, str] = {
    MessageEvent.Kind.ARRIVED: "blue",
    MessageEvent.Kind.OPENED: "green",
    MessageEvent.Kind.IGNORED: "grey",
}


class EventKindFilter(ColumnChipFilter):
    """Filter by kind: arrived, opened or ignored."""

    title = _("event")
    parameter_name = "kind"
    choices_of_column = [(kind.value, capfirst(kind.label)) for kind in MessageEvent.Kind]


@admin.register(MessageEvent)
class MessageEventAdmin(LargeTableAdmin):
    """Read-only list of the events that devices reported, searched by message ID."""

    app_path = "workspace__app"
    list_display = ("message_id", "event", "device_token", "workspace", "at", "received_at")
    list_filter = (EventKindFilter, WorkspaceFilter)
    empty_state = EmptyState(
        _("No event reported yet"),
        _("Devices report here that a message arrived, was opened or ignored. The device simulator reports them too."),
        NextStep(_("Open the device simulator"), "admin:device_simulator", right=Right.PUSH),
    )
    list_select_related = ("workspace__app", "device")
    search_help_text = _("Exact message ID")
    fields = ("message", "event", "device_link", "workspace", "at", "received_at")
    readonly_fields = fields

    def find(self, rows: QuerySet[MessageEvent], scope: Scope, term: str) -> QuerySet[MessageEvent]:
        """Search by exact message ID."""
        number = ids.parse(term)
        return rows.none() if number is None else rows.filter(message_id=number)

    @display(description=_("message ID"))
    def message(self, event: MessageEvent) -> SafeString:
        """Link to the message, found by its ID as it may be gone."""
        url = f"{reverse('admin:pushcore_message_changelist')}?q={event.message_id}"
        return format_html('<a class="text-link" href="{}">{}</a>', url, event.message_id)

    @display(description=_("device"))
    def device_link(self, event: MessageEvent) -> SafeString:
        """Link to the device by its whole Ad-token."""
        url = reverse("admin:pushcore_device_change", args=[event.device_id])
        return format_html('<a class="text-link" href="{}">{}</a>', url, event.device.ad_token)

    @display(description=_("event"))
    def event(self, event: MessageEvent) -> SafeString:
        """Show the kind as a coloured label."""
        return label(KIND_COLOURS[event.kind], MessageEvent.Kind(event.kind).label)

    @display(description=_("device"))
    def device_token(self, event: MessageEvent) -> SafeString:
        """Show the Ad-token, shortened to the column's width."""
        return identifier(event.device.ad_token)
