"""Filters of lists. Choices are limited to the user's scope; values that are no choice narrow nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.contrib.admin import ModelAdmin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext
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
    """By workspace, of those in view; unasked, by the one chosen in the top bar."""

    title = _("workspace")
    parameter_name = "workspace"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Choices:
        return [(str(workspace.pk), str(workspace)) for workspace in scope_of(request).workspaces()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() in {choice for choice, _ in self.lookup_choices}:
            return queryset.filter(workspace_id=self.value())
        chosen = scope_of(request).chosen
        return queryset if chosen is None else queryset.filter(workspace_id=chosen)


class StatusFilter(DropdownFilter):
    """By what became of a message: a common status, or any of a kind. What has expired is not pending."""

    title = _("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Choices:
        common = (statuses.WAITING_FOR_VERIFY, statuses.WAITING, statuses.NO_BIND_INFO, statuses.ACKED)
        exact = [(str(code), f"{code} {statuses.lookup(code).name}") for code in common]
        kinds = [("pending", _("pending (any)")), ("expired", _("expired")), ("failed", _("failed (any)"))]
        return [*kinds, *exact]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
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
    """By one column with choices."""

    choices_of_column: list[tuple[Any, Any]]

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Choices:
        return [(str(value), gettext(str(label))) for value, label in self.choices_of_column]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() in {choice for choice, _ in self.lookup_choices}:
            return queryset.filter(**{self.parameter_name: self.value()})
        return queryset


class PushTypeFilter(ChoiceFilter):
    title = _("push type")
    parameter_name = "delivery_type"
    choices_of_column = DeliveryType.choices


class KindFilter(ChoiceFilter):
    title = _("kind of push")
    parameter_name = "kind"
    choices_of_column = PushTask.Kind.choices


class SourceFilter(ChoiceFilter):
    title = _("source")
    parameter_name = "source"
    choices_of_column = PushTask.Source.choices


# Given up, or still due after a first attempt that failed.
FAILING_RECEIPTS = Q(state=Receipt.State.FAILED) | Q(state=Receipt.State.DUE, attempt_count__gt=0)


class ReceiptStateFilter(ChoiceFilter):
    title = _("state")
    parameter_name = "state"
    choices_of_column = [("failing", _("failing (given up or to be repeated)")), *Receipt.State.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "failing":
            return queryset.filter(FAILING_RECEIPTS)
        return super().queryset(request, queryset)


# Vendor accounts the service gave up on, until they are saved again.
STOPPED = Q(stopped_at__isnull=False)


def expiring() -> Q:
    """Vendor accounts in use whose certificate ends soon or has ended."""
    return Q(enabled=True, certificate_expires_at__lt=clock.now() + timedelta(days=WARN_DAYS))


class ChannelStateFilter(DropdownFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Choices:
        return [("stopped", _("stopped")), ("expiring", _("certificate expires soon"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "stopped":
            return queryset.filter(STOPPED)
        return queryset.filter(expiring()) if self.value() == "expiring" else queryset


class PlatformFilter(ChoiceFilter):
    title = _("platform")
    parameter_name = "platform"
    choices_of_column = Platform.choices


class CreatedFilter(DropdownFilter):
    """By age, along the time-ordered ids: for tables whose primary key is such an id."""

    title = _("creation time")
    parameter_name = "created"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Choices:
        return [("today", _("today")), ("7", _("last 7 days"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        now = timezone.localtime()
        if self.value() == "today":
            return queryset.filter(pk__gte=ids.first_id_at(now.replace(hour=0, minute=0, second=0, microsecond=0)))
        if self.value() == "7":
            return queryset.filter(pk__gte=ids.first_id_at(now - timedelta(days=7)))
        return queryset


class EnabledFilter(ChoiceFilter):
    title = _("enabled")
    parameter_name = "enabled"
    choices_of_column = [("1", _("enabled")), ("0", _("disabled"))]
