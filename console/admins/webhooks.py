"""Webhook endpoints, and the log of what was posted to each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import lazy
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from console.access import audit
from console.access.rights import Right, Scope
from console.admins.receipts import STATE_COLOURS
from console.components.columns import identifier, label, moment, pretty_json
from console.components.confirmation import confirmed_action
from console.components.empty_state import EmptyState, NextStep
from console.components.filters import EnabledFilter, ReceiptStateFilter, WorkspaceFilter
from console.components.inlines import ReadOnlyInline
from console.components.large_table_admin import LargeTableAdmin
from console.components.scoped_admin import ScopedModelAdmin
from console.components.shown_once import Property, ShownOnce, ShownOnceAdmin
from console.locale.zones import zone_of
from console.models import AuditEntry
from pushcore.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from pushcore.storage import clock, ids
from pushcore.webhooks import endpoints, event_types, replay

# Of an event: its name in payloads, and what it says in the user's language.
_named = lazy(partial(format_html, "<code>{}</code> {}"), SafeString)


class WebhookEndpointForm(forms.ModelForm):
    """The form of a webhook endpoint."""

    event_types = forms.MultipleChoiceField(
        label=_("events"),
        choices=[(name, _named(name, text)) for name, text in event_types.LABELS.items()],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=_("What is posted to this endpoint."),
    )

    def clean(self) -> dict[str, Any]:
        """Refuse what the service would not post to, and more endpoints than a workspace may have."""
        given = super().clean() or {}
        if self.errors:
            return given
        workspace = given.get("workspace") or self.instance.workspace
        if self.instance.pk is None and workspace.webhook_endpoints.count() >= endpoints.MAX_ENDPOINTS:
            raise forms.ValidationError(gettext(endpoints.TOO_MANY))
        values = {name: value for name, value in given.items() if name != "workspace"}
        field, reason = endpoints.problem(WebhookEndpoint(workspace=workspace, **values))
        if reason:
            self.add_error(field, gettext(reason))
        return given


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(ShownOnceAdmin, ScopedModelAdmin):
    """Admin of webhook endpoints; adding one or rotating its secret leads to a page that shows the secret once."""

    app_path = "workspace__app"
    form = WebhookEndpointForm
    empty_state = EmptyState(
        _("No webhook endpoint yet"),
        _("Events of messages, devices, users and tasks are posted to the webhook endpoints of a workspace."),
        NextStep(_("Add a webhook endpoint"), "admin:pushcore_webhookendpoint_add", right=Right.CONFIGURE),
    )
    list_display = ("host", "workspace", "description", "state_label", "wanted", "created_at")
    list_filter = (WorkspaceFilter, EnabledFilter)
    list_select_related = ("workspace__app",)
    search_fields = ("url", "description")
    search_help_text = _("URL or description")
    readonly_fields = ("state_label", "log", "former_until", "created_at")
    fieldsets = (
        (None, {"fields": ("workspace", "url", "description", "enabled", "state_label", "log")}),
        (_("Events"), {"fields": ("event_types", "batch_size")}),
        (_("Secret"), {"fields": ("former_until", "created_at")}),
    )
    add_fieldsets = (
        (None, {"fields": ("workspace", "url", "description", "enabled")}),
        (_("Events"), {"fields": ("event_types", "batch_size")}),
    )
    actions_detail = ("test_endpoint", "replay_failed", "rotate_secret", "end_former_secret")
    shown_once = ShownOnce(
        "secret",
        title=_("The secret of the webhook endpoint"),
        warning=_("Copy the secret now: it is shown this once and never again."),
        refusal=_("An endpoint's secret is shown once, right after it was made."),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookEndpoint]:
        """Leave the sealed secrets in the database."""
        return super().get_queryset(request).defer("secret_sealed", "former_secret_sealed")

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[Any, ...]:
        """Make the workspace read-only once the endpoint exists."""
        shown = super().get_readonly_fields(request, obj)
        return (*shown, "workspace") if obj else shown

    def save_model(self, request: HttpRequest, obj: WebhookEndpoint, form: Any, change: bool) -> None:
        """Save by the service, which remembers what the workspace's endpoints want."""
        if change:
            endpoints.save(obj)
        else:
            endpoints.create(obj)

    def delete_model(self, request: HttpRequest, obj: WebhookEndpoint) -> None:
        """Delete by the service."""
        endpoints.delete(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        """Delete by the service, one after the other: a workspace has few."""
        for endpoint in queryset:
            endpoints.delete(endpoint)

    def response_add(
        self, request: HttpRequest, obj: WebhookEndpoint, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Redirect to the page that shows the secret."""
        return self.show_once(request, obj)

    def properties_shown_once(self, request: HttpRequest, obj: Model) -> Sequence[Property]:
        """Return URL and secret."""
        assert isinstance(obj, WebhookEndpoint)
        return (
            Property(_("Secret"), obj.secrets(clock.now())[0], copyable=True),
            Property(_("URL"), obj.url),
            Property(_("Workspace"), str(obj.workspace)),
        )

    @display(description=_("endpoint"))
    def host(self, endpoint: WebhookEndpoint) -> SafeString:
        """Show the host: the rest of the address may be long."""
        return identifier(endpoints.host(endpoint))

    @display(description=_("events"))
    def wanted(self, endpoint: WebhookEndpoint) -> str:
        """List the events."""
        return ", ".join(endpoint.event_types)

    @display(description=_("state"))
    def state_label(self, endpoint: WebhookEndpoint) -> SafeString:
        """Show whether events are posted, and since when they fail."""
        if not endpoint.enabled:
            reason = endpoint.get_disabled_reason_display()
            return label("red" if reason else "gray", f"{gettext('disabled')}: {reason}" if reason else _("disabled"))
        if endpoint.failing_since:
            return format_html(
                "{} {}", label("red", _("failing since")), moment(endpoint.failing_since, zone_of(endpoint))
            )
        return label("green", _("enabled"))

    @display(description=_("log"))
    def log(self, endpoint: WebhookEndpoint) -> SafeString:
        """Link to what was posted to the endpoint."""
        url = f"{reverse('admin:pushcore_webhookdelivery_changelist')}?endpoint__exact={endpoint.pk}"
        return format_html('<a class="text-link" href="{}">{}</a>', url, _("What was posted, and what was answered"))

    @confirmed_action(
        description=_("Send test event"),
        url_path="test-event",
        icon="outgoing_mail",
        permissions=["configure"],
        title=_("Send a test event?"),
        consequence=_("A signed event of type webhook.test is posted once. It speaks of nothing that happened."),
        button=_("Send"),
    )
    def test_endpoint(self, request: HttpRequest, endpoint: WebhookEndpoint) -> None:
        """Post a test event, and show what the backend answered."""
        result = replay.send_test(endpoint)
        said = result.error or f"status {result.status}"
        details = {"what": "Sent a test event.", "outcome": said, "address": endpoint.url}
        audit.record(request, AuditEntry.Action.TEST, endpoint, details)
        if result.accepted:
            text = _("The endpoint accepted the test event (%(said)s, %(ms)s ms).")
            messages.success(request, text % {"said": said, "ms": result.duration_ms})
        else:
            messages.error(request, _("The endpoint did not accept the test event: %(said)s.") % {"said": said})

    @confirmed_action(
        description=_("Replay given up events"),
        url_path="replay-failed",
        icon="replay",
        permissions=["configure"],
        title=_("Replay the events that were given up?"),
        consequence=_(
            "All events of the last seven days that this endpoint did not accept are posted again, with the IDs that "
            "they had."
        ),
        button=_("Replay"),
    )
    def replay_failed(self, request: HttpRequest, endpoint: WebhookEndpoint) -> None:
        """Replay what was given up in the last seven days."""
        now = clock.now()
        count = replay.replay_range(endpoint, now - timedelta(days=7), now)
        self.log_change(request, endpoint, "Replayed events.")
        messages.success(request, _("%(count)s events are posted again.") % {"count": f"{count:,}"})

    @confirmed_action(
        description=_("Rotate secret"),
        url_path="rotate-secret",
        icon="autorenew",
        permissions=["configure"],
        title=_("Rotate the secret?"),
        consequence=_("Requests are signed with both the new and the present secret for 24 hours."),
    )
    def rotate_secret(self, request: HttpRequest, endpoint: WebhookEndpoint) -> HttpResponse:
        """Replace the secret, and show the new one once."""
        endpoints.rotate(endpoint)
        self.log_change(request, endpoint, "Rotated the secret.")
        return self.show_once(request, endpoint)

    @confirmed_action(
        description=_("End former secret"),
        url_path="end-former-secret",
        icon="key_off",
        permissions=["configure"],
        title=_("End the former secret?"),
        consequence=_("Requests are signed with the present secret alone. A backend that has the former refuses them."),
        refusal=lambda _request, endpoint: None if endpoint.former_until else _("There is no former secret."),
    )
    def end_former_secret(self, request: HttpRequest, endpoint: WebhookEndpoint) -> None:
        """Have the former secret sign no more."""
        endpoints.end_former_secret(endpoint)
        self.log_change(request, endpoint, "Ended the former secret.")
        messages.success(request, _("The former secret has ended."))


class WebhookAttempts(ReadOnlyInline):
    """Inline of an event's page: the attempts to post it."""

    model = WebhookAttempt
    fields = ("at", "http_status", "error", "duration_ms")
    readonly_fields = fields
    verbose_name = _("attempt")
    verbose_name_plural = _("attempts")


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(LargeTableAdmin):
    """Read-only log of events posted to endpoints, searched by event ID."""

    app_path = "workspace__app"
    empty_state = EmptyState(
        _("No webhook event yet"),
        _("An event is posted when something happens that a webhook endpoint asks for."),
        NextStep(_("Add a webhook endpoint"), "admin:pushcore_webhookendpoint_add", right=Right.CONFIGURE),
    )
    list_display = ("event_id", "event_type", "endpoint_host", "workspace", "state_label", "attempt_count", "made")
    list_filter = (WorkspaceFilter, ReceiptStateFilter)
    list_select_related = ("workspace__app",)
    search_help_text = _("Exact event ID")
    fieldsets = (
        (None, {"fields": ("event_id", "event_type", "endpoint_host", "workspace", "state_label")}),
        (_("Times"), {"fields": ("made", "queued_at", "next_attempt_at", "finished_at", "attempt_count")}),
        (_("Body"), {"fields": ("data_json",)}),
    )
    readonly_fields = ("event_id", "endpoint_host", "state_label", "made", "data_json")
    inlines = (WebhookAttempts,)
    actions_detail = ("replay_event",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookDelivery]:
        """Fetch the endpoints of a page by one query; some may be deleted."""
        return super().get_queryset(request).prefetch_related("endpoint")

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Allow also the parameter by which an endpoint's page links to its log."""
        return lookup == "endpoint__exact" or super().lookup_allowed(lookup, value, request)

    def find(self, rows: QuerySet[WebhookDelivery], scope: Scope, term: str) -> QuerySet[WebhookDelivery]:
        """Search by exact event ID, with or without its prefix."""
        number = ids.parse(term.removeprefix("evt_"))
        return rows.none() if number is None else rows.filter(pk=number)

    @display(description=_("event ID"))
    def event_id(self, delivery: WebhookDelivery) -> str:
        """Show the ID as requests carry it."""
        return f"evt_{delivery.pk}"

    @display(description=_("endpoint"))
    def endpoint_host(self, delivery: WebhookDelivery) -> SafeString | str:
        """Show the endpoint's host."""
        try:
            return identifier(endpoints.host(delivery.endpoint))
        except ObjectDoesNotExist:
            return "-"

    @display(description=_("state"))
    def state_label(self, delivery: WebhookDelivery) -> SafeString:
        """Show the state; one that was refused and is to be repeated is not only waiting."""
        state = WebhookDelivery.State(delivery.state)
        if state == WebhookDelivery.State.DUE and delivery.attempt_count:
            return label("red", _("failing, to be repeated"))
        return label(STATE_COLOURS[state], str(state.label))

    @display(description=_("created at"))
    def made(self, delivery: WebhookDelivery) -> SafeString:
        """Show when it happened."""
        return moment(delivery.created_at, zone_of(delivery))

    @display(description=_("data"))
    def data_json(self, delivery: WebhookDelivery) -> SafeString:
        """Show the data as indented JSON."""
        data: Any = json.loads(delivery.data)
        return pretty_json(data)

    @confirmed_action(
        description=_("Replay"),
        url_path="replay",
        icon="replay",
        permissions=["configure"],
        title=_("Replay this event?"),
        consequence=_("It is posted again, with the ID that it had."),
    )
    def replay_event(self, request: HttpRequest, delivery: WebhookDelivery) -> None:
        """Post the event again."""
        replay.replay(delivery)
        self.log_change(request, delivery, "Replayed the event.")
        messages.success(request, _("The event is posted again."))
