"""The message list (source document, 6.1.5): the last 30 days, newest first, with details in the expanded row."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.sections import TemplateSection

from channels_vendor.models import VendorMessage
from console.access.rights import Right, Scope
from console.components.chips import CreatedFilter
from console.components.columns import identifier, moment, pretty_json, push_type
from console.components.empty_state import EmptyState, NextStep
from console.components.filters import MessageKindFilter, PushTypeFilter, StatusFilter, WorkspaceFilter
from console.components.large_table_admin import LargeTableAdmin
from console.components.message_status import (
    channel_title,
    status_advice,
    status_code,
    status_label,
    status_meaning,
    status_word,
)
from console.components.pasted_times import pasted_span
from console.locale.zones import zone_of
from pushcore.channels import Channel
from pushcore.devices.target_names import spellings
from pushcore.models import Message, PushTask
from pushcore.storage import clock, ids

LISTED_DAYS = 30


class MessageDetails(TemplateSection):
    """The details that a row of the list shows when it is expanded."""

    template_name = "console/message_details.html"

    def get_context_data(self, request: HttpRequest, instance: Message) -> dict[str, Any]:
        """Collect the status, the vendor's report, the payload, and links to the push task and the device."""
        at_vendor: VendorMessage | None = getattr(instance, "at_vendor", None)
        return {
            "status": status_label(instance),
            "code": status_code(instance.status_entry),
            "meaning": status_meaning(instance),
            "advice": status_advice(instance.status_entry),
            "word": status_word(instance.status_entry, Channel(instance.channel)),
            "channel": channel_title(Channel(instance.channel)),
            "at_vendor": at_vendor,
            "report_status": at_vendor and at_vendor.report_meaning,
            "payload": pretty_json(instance.content),
            "task_url": reverse("admin:pushcore_pushtask_change", args=[instance.task_id]),
            "device_url": instance.device and reverse("admin:pushcore_device_change", args=[instance.device_id]),
        }


@admin.register(Message)
class MessageAdmin(LargeTableAdmin):
    """Read-only list of messages, by default of simple and template pushes; `?task=<id>` limits it to a push task."""

    app_path = "workspace__app"
    list_display = ("customer_message_id", "type_icon", "target_id", "title", "created", "status_column")
    list_filter = (MessageKindFilter, StatusFilter, CreatedFilter, WorkspaceFilter, PushTypeFilter)
    linked_lookups = ("task",)
    list_select_related = ("task", "workspace__app", "device")
    list_sections = (MessageDetails,)
    list_fullwidth = True
    actions_list = ("create_message",)
    search_help_text = _("Target ID, customer message ID, message ID, or when it was created")
    empty_state = EmptyState(
        _("No messages in the last 30 days"),
        _("Messages of simple and template pushes are listed here; those of multiple and broadcast pushes on request."),
        NextStep(_("Create a message"), "admin:create_message", ("simple",), Right.PUSH),
    )
    fieldsets = (
        (None, {"fields": ("id", "msgkey", "type_icon", "target", "title", "workspace")}),
        (
            _("Outcome"),
            {
                "fields": (
                    "status_column",
                    "code",
                    "meaning",
                    "advice",
                    "channel_name",
                    "created",
                    "updated_at",
                    "expire_at",
                )
            },
        ),
        (_("Content"), {"fields": ("payload",)}),
    )
    readonly_fields = (
        "id",
        "type_icon",
        "title",
        "created",
        "status_column",
        "code",
        "meaning",
        "advice",
        "channel_name",
        "payload",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Message]:
        """Limit to the last `LISTED_DAYS` days and to the task asked for, both as ranges of the primary key."""
        since = ids.first_id_at(clock.now() - timedelta(days=LISTED_DAYS))
        rows = super().get_queryset(request).filter(pk__gte=since)
        task_id = ids.parse(request.GET.get("task", ""))
        task = PushTask.objects.filter(pk=task_id).first() if task_id is not None else None
        if task is not None:
            rows = rows.filter(pk__range=task.message_ids)
        return rows

    def made_at(self, key: int) -> datetime:
        """Return the time that an ID tells."""
        return ids.created_at(key)

    def prepare_rows(self, request: HttpRequest, rows: list[Any]) -> None:
        """Fetch what vendors reported about the page's messages, in one query."""
        super().prepare_rows(request, rows)
        known = VendorMessage.objects.in_bulk([message.pk for message in rows]) if rows else {}
        for message in rows:
            message.at_vendor = known.get(message.pk)

    def limit_to_scope(self, rows: QuerySet[Any], scope: Scope) -> QuerySet[Any]:
        """Limit by workspace instead of by app, which needs no join."""
        # The table's indexes start with this column.
        return rows.filter(workspace_id__in=scope.workspace_ids)

    def find(self, rows: QuerySet[Message], scope: Scope, term: str) -> QuerySet[Message]:
        """Search by target, which an index serves; else by message ID, target and msgkey, time, msgkey alone.

        Target and msgkey may be given in either order, separated by a space. A time is when messages were created. The
        first reading that finds anything is used.
        """
        mine = rows.filter(workspace_id__in=scope.workspace_ids)
        number = ids.parse(term)
        one, _space, other = term.partition(" ")
        meanings = [Q(target__in=spellings(term))]
        if number is not None:
            meanings.append(Q(pk=number))
        if other:
            meanings += [Q(target=one, msgkey=other.strip()), Q(target=other.strip(), msgkey=one)]
        if created := pasted_span(term):
            meanings.append(Q(pk__gte=ids.first_id_at(created[0]), pk__lt=ids.first_id_at(created[1])))
        for meaning in meanings:
            found = mine.filter(meaning)
            if found.exists():
                return found
        return mine.filter(msgkey=term)

    @action(
        description=_("Create a message"),
        url_path="create-message",
        icon="send",
        variant=ActionVariant.PRIMARY,
        permissions=["push"],
    )
    def create_message(self, request: HttpRequest) -> HttpResponseRedirect:
        """Redirect to the page that creates a simple push."""
        return HttpResponseRedirect(reverse("admin:create_message", args=["simple"]))

    @display(description=_("customer message ID"))
    def customer_message_id(self, message: Message) -> SafeString:
        """Show the msgkey that the backend gave the message, shortened to the column's width."""
        return identifier(message.msgkey)

    @display(description=_("push type"))
    def type_icon(self, message: Message) -> SafeString:
        """Show the icon and name of the target's type."""
        return push_type(message.delivery_type)

    @display(description=_("target ID"))
    def target_id(self, message: Message) -> SafeString:
        """Show the target, shortened to the column's width."""
        return identifier(message.target)

    @display(description=_("title"))
    def title(self, message: Message) -> SafeString:
        """Show the title, or a dash for a message without one."""
        return format_html('<span class="console-title">{}</span>', message.title or "-")

    @display(description=_("creation time"))
    def created(self, message: Message) -> SafeString:
        """Show the creation time in the zone of the message's workspace."""
        return moment(message.created_at, zone_of(message))

    @display(description=_("status"))
    def status_column(self, message: Message) -> SafeString:
        """Show the status in words, as a coloured label."""
        return status_label(message)

    @display(description=_("status code"))
    def code(self, message: Message) -> str:
        """Show the status code with its name."""
        return status_code(message.status_entry)

    @display(description=_("what to do"))
    def advice(self, message: Message) -> str:
        """Show what an operator does about the status."""
        return status_advice(message.status_entry)

    @display(description=_("meaning"))
    def meaning(self, message: Message) -> str:
        """Show what the status code means."""
        return status_meaning(message)

    @display(description=_("channel"))
    def channel_name(self, message: Message) -> str:
        """Show the channel by its title."""
        return channel_title(Channel(message.channel))

    @display(description=_("payload"))
    def payload(self, message: Message) -> SafeString:
        """Show the content as indented JSON."""
        return pretty_json(message.content)
