"""Filters for the console's lists.

Choices are limited to what the user may see. A value in the address that is not a choice leaves the list unfiltered.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.contrib.admin import ModelAdmin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter

from channels_vendor.models import WARN_DAYS
from console.access.rights import scope_of
from pushcore.channels import Platform
from pushcore.codes import statuses
from pushcore.models import Message, PushTask, Receipt
from pushcore.models.pushes import DeliveryType
from pushcore.storage import clock, ids

Choices = Sequence[tuple[str, str | Promise]]


class WorkspaceFilter(DropdownFilter):
    """Filter by one of the workspaces the user may see.

    Without a value it filters by the workspace chosen in the top bar, if there is one.
    """

    title = _("workspace")
    parameter_name = "workspace"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Choices:
        """Offer the workspaces the user may see."""
        return [(str(workspace.pk), str(workspace)) for workspace in scope_of(request).workspaces()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filter by the given workspace, else by the one chosen in the top bar."""
        if self.value() in {choice for choice, _ in self.lookup_choices}:
            return queryset.filter(workspace_id=self.value())
        chosen = scope_of(request).chosen
        return queryset if chosen is None else queryset.filter(workspace_id=chosen)


class StatusFilter(DropdownFilter):
    """Filter messages by a common status code, or by a group of codes: pending, expired or failed.

    An expired message does not count as pending, even before its row is marked as expired.
    """

    title = _("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Choices:
        """Offer the groups first, then the common status codes."""
        common = (statuses.WAITING_FOR_VERIFY, statuses.WAITING, statuses.NO_BIND_INFO, statuses.ACKED)
        exact = [(str(code), f"{code} {statuses.lookup(code).name}") for code in common]
        kinds = [("pending", _("pending (any)")), ("expired", _("expired")), ("failed", _("failed (any)"))]
        return [*kinds, *exact]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Apply the group's condition or the exact code; expiry is judged by the database's clock."""
        value = self.value()
        if value == "pending":
            return queryset.filter(Message.is_waiting(clock.now()))
        if value == "expired":
            return queryset.filter(Message.has_expired(clock.now()))
        if value == "failed":
            return queryset.exclude(status__in=[*statuses.PENDING, statuses.ACKED, statuses.EXPIRED])
        if value in {choice for choice, _ in self.lookup_choices}:
            return queryset.filter(status=int(value))
        return queryset


class ChoiceFilter(DropdownFilter):
    """Base of filters by one column that has choices; subclasses set `choices_of_column`."""

    choices_of_column: list[tuple[Any, Any]]

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Choices:
        """Offer the column's choices."""
        return [(str(value), label) for value, label in self.choices_of_column]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filter by equality with the chosen value; the column is named by `parameter_name`."""
        if self.value() in {choice for choice, _ in self.lookup_choices}:
            return queryset.filter(**{self.parameter_name: self.value()})
        return queryset


class PushTypeFilter(ChoiceFilter):
    """Filter by target type: users, devices of a platform, or Live Activities."""

    title = _("push type")
    parameter_name = "delivery_type"
    choices_of_column = DeliveryType.choices


class KindFilter(ChoiceFilter):
    """Filter push tasks or schedules by kind: simple, template, multiple, broadcast or revocation."""

    title = _("kind of push")
    parameter_name = "kind"
    choices_of_column = PushTask.Kind.choices


class SourceFilter(ChoiceFilter):
    """Filter push tasks or schedules by where they were created: the API (RPC or REST) or the console."""

    title = _("source")
    parameter_name = "source"
    choices_of_column = PushTask.Source.choices


# Receipts that were given up, and those still due after a failed first attempt.
FAILING_RECEIPTS = Q(state=Receipt.State.FAILED) | Q(state=Receipt.State.DUE, attempt_count__gt=0)


class ReceiptStateFilter(ChoiceFilter):
    """Filter receipts by delivery state; "failing" matches `FAILING_RECEIPTS`, as the home page counts them."""

    title = _("state")
    parameter_name = "state"
    choices_of_column = [("failing", _("failing (given up or to be repeated)")), *Receipt.State.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Apply "failing", which spans two states, or the exact state."""
        if self.value() == "failing":
            return queryset.filter(FAILING_RECEIPTS)
        return super().queryset(request, queryset)


# Vendor accounts that the service has stopped using; saving the account again resets this.
STOPPED = Q(stopped_at__isnull=False)


def expiring() -> Q:
    """Build the condition for enabled vendor accounts whose certificate ends within `WARN_DAYS` or has ended."""
    return Q(enabled=True, certificate_expires_at__lt=clock.now() + timedelta(days=WARN_DAYS))


class ChannelStateFilter(DropdownFilter):
    """Filter vendor accounts by trouble: stopped, or with a certificate that expires soon."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Choices:
        """Offer the two kinds of trouble that the home page links to."""
        return [("stopped", _("stopped")), ("expiring", _("certificate expires soon"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Apply the conditions that the home page counts by."""
        if self.value() == "stopped":
            return queryset.filter(STOPPED)
        return queryset.filter(expiring()) if self.value() == "expiring" else queryset


class PlatformFilter(ChoiceFilter):
    """Filter devices by platform."""

    title = _("platform")
    parameter_name = "platform"
    choices_of_column = Platform.choices


class CreatedFilter(DropdownFilter):
    """Filter by creation time, using the primary key's index.

    Only for tables whose primary keys are time-ordered ids (`pushcore.storage.ids`).
    """

    title = _("creation time")
    parameter_name = "created"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Choices:
        """Offer today and the last 7 days."""
        return [("today", _("today")), ("7", _("last 7 days"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        """Compare primary keys with the first id of the period; days begin in the active time zone."""
        now = timezone.localtime()
        if self.value() == "today":
            return queryset.filter(pk__gte=ids.first_id_at(now.replace(hour=0, minute=0, second=0, microsecond=0)))
        if self.value() == "7":
            return queryset.filter(pk__gte=ids.first_id_at(now - timedelta(days=7)))
        return queryset


class EnabledFilter(ChoiceFilter):
    """Filter by the `enabled` flag."""

    title = _("enabled")
    parameter_name = "enabled"
    choices_of_column = [("1", _("enabled")), ("0", _("disabled"))]
