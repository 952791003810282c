"""Filters for the console's lists.

Choices are limited to what the user may see. A value in the address that is not a choice leaves the list unfiltered.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.admin import ModelAdmin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter

from channels_vendor.models import WARN_DAYS
from console.access.rights import scope_of
from console.components.chips import ALL, ChipFilter, Choices, ColumnChipFilter, is_search
from pushcore.channels import Platform
from pushcore.codes import statuses
from pushcore.models import Message, PushTask, Receipt
from pushcore.models.pushes import DeliveryType
from pushcore.storage import clock, ids


class WorkspaceFilter(DropdownFilter):
    """Filter by one of the workspaces the user may see.

    Without a value it filters by the workspace chosen in the top bar, if there is one.
    """

    title = _("workspace")
    parameter_name = "workspace"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Choices:
        """Offer the workspaces that the switch in the top bar offers, and the one that the address names."""
        scope, named = scope_of(request), ids.parse(request.GET.get(self.parameter_name, ""))
        offered = list(scope.choices)
        if named is not None and named not in {one.pk for one in offered}:
            offered += scope.workspaces().filter(pk=named)
        return [(str(workspace.pk), str(workspace)) for workspace in offered]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filter by the given workspace, else by the one chosen in the top bar."""
        if self.value() in {choice for choice, _ in self.lookup_choices}:
            return queryset.filter(workspace_id=self.value())
        chosen = scope_of(request).chosen
        return queryset if chosen is None else queryset.filter(workspace_id=chosen)


class StatusFilter(ChipFilter):
    """Filter messages by groups of statuses, or by one status code.

    An expired message does not count as waiting, even before its row is marked as expired. A code becomes a chip where
    a link to the messages of one status names it.
    """

    title = _("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Choices:
        """Offer the groups, and the code that the address names."""
        groups = [
            (ALL, _("All")), ("pending", _("Waiting")), ("succeeded", _("Succeeded")), ("failed", _("Failed")),
            ("expired", _("Expired")), ("revoked", _("Revoked")),
            ("held_back", _("Held back")),
        ]  # fmt: skip
        code = self._code()
        return groups if code is None else [*groups, (str(self.value()), _code_text(code))]

    def _code(self) -> int | None:
        """Return the status code in the address; None if there is none that a message can have."""
        try:
            code = int(self.value() or "")
        except ValueError:
            return None
        return code if abs(code) < 2**31 else None

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Apply the group's condition or the exact code; expiry is judged by the database's clock."""
        match self.chosen():
            case "all":
                return queryset
            case "pending":
                return queryset.filter(Message.is_waiting(clock.now()))
            case "succeeded":
                return queryset.filter(status=statuses.ACKED)
            case "failed":
                return queryset.exclude(status__in=[*statuses.PENDING, statuses.ACKED, *statuses.ENDED])
            case "expired":
                return queryset.filter(Message.has_expired(clock.now()))
            case "revoked":
                return queryset.filter(status=statuses.REVOKED)
            case "held_back":
                return queryset.filter(status__in=[statuses.HELD_BACK, statuses.NO_CONSENT])
        code = self._code()
        return queryset.filter(Message.shows(code, clock.now())) if code is not None else queryset


def _code_text(code: int) -> str:
    """Return the word of a code that all channels share, else the code."""
    common = statuses.STATUSES.get((statuses.COMMON, code))
    return gettext(common.word) if common else str(code)


class ChoiceFilter(DropdownFilter):
    """Base of filters by one column. Subclasses set `choices_of_column`, or override `lookups`."""

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


class KindFilter(ColumnChipFilter):
    """Filter schedules by kind of push."""

    title = _("kind of push")
    parameter_name = "kind"
    choices_of_column = [(kind.value, capfirst(kind.label)) for kind in PushTask.Kind if kind != PushTask.Kind.REVOKE]


class TaskKindFilter(ChipFilter):
    """Filter push tasks by kind; by default those to many devices alone (source document, 6.3).

    A search looks among all kinds.
    """

    title = _("kind of push")
    parameter_name = "kind"

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: type[Model], model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        self.default = ALL if is_search(request, model_admin) else "bulk"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Choices:
        """Offer the default, then single kinds, then all."""
        kinds = (*PushTask.BULK_KINDS, PushTask.Kind.SIMPLE, PushTask.Kind.TEMPLATE)
        return [
            ("bulk", _("To many devices")),
            *((str(kind.value), capfirst(kind.label)) for kind in kinds),
            (ALL, _("All")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filter by the kinds that the choice stands for."""
        match self.chosen():
            case "all":
                return queryset
            case "bulk":
                return queryset.filter(kind__in=PushTask.BULK_KINDS)
            case kind:
                return queryset.filter(kind=kind)


class MessageKindFilter(ChipFilter):
    """Filter messages by kind of push; by default those of multiple and broadcast pushes are hidden.

    They are found by a search, and shown where the list is that of one task (source document, 6.1.5).
    """

    title = _("kind of push")
    parameter_name = "kind"

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: type[Model], model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        self.default = ALL if is_search(request, model_admin) else "single"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Choices:
        """Offer the default, then single kinds, then all."""
        kinds = [kind for kind in Message.Kind if kind != Message.Kind.REVOKE]
        return [
            ("single", _("Simple and template")),
            *((kind.name.lower(), capfirst(kind.label)) for kind in kinds),
            (ALL, _("All")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filter by the kinds that the choice stands for."""
        match self.chosen():
            case "all":
                return queryset
            case "single":
                return queryset.filter(kind__in=Message.SINGLE_KINDS)
            case kind:
                return queryset.filter(kind=Message.Kind[kind.upper()])


class SourceFilter(ChoiceFilter):
    """Filter push tasks or schedules by where they were created: the API (RPC or REST) or the console."""

    title = _("source")
    parameter_name = "source"
    choices_of_column = PushTask.Source.choices


# Receipts that were given up, and those still due after a failed first attempt.
FAILING_RECEIPTS = Q(state=Receipt.State.FAILED) | Q(state=Receipt.State.DUE, attempt_count__gt=0)


class ReceiptStateFilter(ColumnChipFilter):
    """Filter receipts by delivery state; "failing" matches `FAILING_RECEIPTS`, as the home page counts them."""

    title = _("state")
    parameter_name = "state"
    choices_of_column = [
        (value, capfirst(text))
        for value, text in [("failing", _("failing (given up or to be repeated)")), *Receipt.State.choices]
    ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Apply "failing", which spans two states, or the exact state."""
        if self.chosen() == "failing":
            return queryset.filter(FAILING_RECEIPTS)
        return super().queryset(request, queryset)


# Vendor accounts that the service has stopped using; saving the account again resets this.
STOPPED = Q(stopped_at__isnull=False)


def expiring() -> Q:
    """Build the condition for enabled vendor accounts whose certificate ends within `WARN_DAYS` or has ended."""
    return Q(enabled=True, certificate_expires_at__lt=clock.now() + timedelta(days=WARN_DAYS))


class ChannelStateFilter(ChipFilter):
    """Filter vendor accounts by problem: stopped, or with a certificate that expires soon."""

    title = _("problem")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Choices:
        """Offer the two problems that the home page links to."""
        return [
            (ALL, _("All")), ("stopped", capfirst(_("stopped"))), ("expiring", capfirst(_("certificate expires soon"))),
        ]  # fmt: skip

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Apply the conditions that the home page counts by."""
        if self.chosen() == "stopped":
            return queryset.filter(STOPPED)
        return queryset.filter(expiring()) if self.chosen() == "expiring" else queryset


class PlatformFilter(ColumnChipFilter):
    """Filter devices by platform."""

    title = _("platform")
    parameter_name = "platform"
    choices_of_column = Platform.choices


class EnabledFilter(ColumnChipFilter):
    """Filter by the `enabled` flag."""

    title = _("state")
    parameter_name = "enabled"
    choices_of_column = [("1", capfirst(_("enabled"))), ("0", capfirst(_("disabled")))]
