"""Receipts posted to backends, with each attempt to post them."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from console.access.rights import Right, Scope
from console.components.columns import identifier, label, pretty_json
from console.components.empty_state import EmptyState, NextStep
from console.components.filters import ReceiptStateFilter, WorkspaceFilter
from console.components.inlines import ReadOnlyInline
from console.components.large_table_admin import LargeTableAdmin
from pushcore.models import Receipt, ReceiptAttempt
from pushcore.storage import ids

STATE_COLOURS = {Receipt.State.DELIVERED: "green", Receipt.State.DUE: "amber", Receipt.State.FAILED: "red"}


class Attempts(ReadOnlyInline):
    """Inline of a receipt's page: the attempts to post it."""

    model = ReceiptAttempt
    fields = ("at", "http_status", "error", "duration_ms")
    readonly_fields = fields
    verbose_name = _("attempt")
    verbose_name_plural = _("attempts")


@admin.register(Receipt)
class ReceiptAdmin(LargeTableAdmin):
    """Read-only list of receipts, searched by message ID."""

    app_path = "workspace__app"
    empty_state = EmptyState(
        _("No receipt yet"),
        _("A receipt is posted for each message once the workspace has a callback URL that is switched on."),
        NextStep(_("Set the callback of a workspace"), "admin:pushcore_workspace_changelist", right=Right.CONFIGURE),
    )
    list_display = ("message_id", "target_id", "workspace", "state_label", "attempt_count", "created_at")
    list_filter = (WorkspaceFilter, ReceiptStateFilter)
    list_select_related = ("workspace__app",)
    search_help_text = _("Exact message ID")
    fieldsets = (
        (None, {"fields": ("message_link", "target", "workspace", "state_label")}),
        (_("Times"), {"fields": ("created_at", "next_attempt_at", "finished_at", "attempt_count")}),
        (_("Body"), {"fields": ("body_json",)}),
    )
    readonly_fields = ("message_link", "state_label", "body_json")
    inlines = (Attempts,)

    def find(self, rows: QuerySet[Receipt], scope: Scope, term: str) -> QuerySet[Receipt]:
        """Search by exact message ID."""
        number = ids.parse(term)
        return rows.none() if number is None else rows.filter(message_id=number)

    @display(description=_("target ID"))
    def target_id(self, receipt: Receipt) -> SafeString:
        """Show the target, shortened to the column's width."""
        return identifier(receipt.target)

    @display(description=_("state"))
    def state_label(self, receipt: Receipt) -> SafeString:
        """Show the state as a coloured label; one that was refused and is to be repeated is not only waiting."""
        state = Receipt.State(receipt.state)
        if state == Receipt.State.DUE and receipt.attempt_count:
            return label("red", _("failing, to be repeated"))
        return label(STATE_COLOURS[state], str(state.label))

    @display(description=_("message"))
    def message_link(self, receipt: Receipt) -> SafeString:
        """Link to the message list, searched for the receipt's message."""
        url = f"{reverse('admin:pushcore_message_changelist')}?q={receipt.message_id}"
        return format_html('<a class="text-link" href="{}">{}</a>', url, receipt.message_id)

    @display(description=_("as posted and signed"))
    def body_json(self, receipt: Receipt) -> SafeString:
        """Show the posted body as indented JSON."""
        body: Any = json.loads(receipt.body)
        return pretty_json(body)
