"""The query tool: a user's devices, or one device, with bindings and last messages (source document, 6.4)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TypeVar

from django import forms
from django.contrib.admin import site
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from console.access.rights import Right, scope_of
from console.admins.devices import online_label, online_states
from console.components.message_status import status_label
from console.locale.zones import activate, zone_of
from console.pages.create.explanations import explain
from console.pages.create.fields import radio, text
from console.pages.workspace_shown import chosen_workspace
from pushcore.channels import Platform
from pushcore.codes.results import ResultError
from pushcore.devices.target_names import MAX_DEVICE_NAME_LENGTH, clean_target
from pushcore.models import Binding, Device, Message, Workspace
from pushcore.models.pushes import DeliveryType
from pushcore.push.targets import resolve

MAX_SHOWN = 20

Row = TypeVar("Row", Binding, Message)


class QueryForm(forms.Form):
    """The query: a user ID or a device ID."""

    dimension = forms.ChoiceField(
        label=gettext_lazy("Query dimension"),
        choices=[("user", gettext_lazy("User ID")), ("device", gettext_lazy("Device ID"))],
        initial="user",
        widget=radio(),
    )
    target = forms.CharField(
        label=gettext_lazy("ID"),
        max_length=MAX_DEVICE_NAME_LENGTH,
        widget=text(spellcheck="false"),
        help_text=gettext_lazy("The user ID; or the Ad-token, for iOS devices the APNs device token."),
    )

    def clean_target(self) -> str:
        """Apply the push API's checks of a target, so that both accept the same IDs."""
        kind = DeliveryType.USER if self.cleaned_data.get("dimension") == "user" else DeliveryType.ANDROID
        try:
            return clean_target(kind, self.cleaned_data["target"])
        except ResultError as error:
            raise forms.ValidationError(str(explain(error).sentence)) from None


@dataclass(frozen=True, slots=True)
class FoundDevice:
    """A device with its bindings, its last messages and their status labels, ready to be shown."""

    device: Device
    user_id: str
    state: str
    bindings: list[Binding]
    messages: list[tuple[Message, str]]

    @property
    def device_id(self) -> str:
        """What a push names the device by: on iOS its APNs token, if it has reported one, else its Ad-token."""
        is_ios = self.device.platform == Platform.IOS
        return (self.device.third_token if is_ios else "") or self.device.ad_token


@require_safe
def query_tool(request: HttpRequest) -> HttpResponse:
    """Show the form and, once the address holds a query, what was found for it."""
    workspace = chosen_workspace(request, request.GET.get("workspace"))
    asked = "target" in request.GET
    form = QueryForm(request.GET if asked else None)
    context = site.each_context(request) | {
        "title": _("Query tool"),
        "workspace": workspace,
        "workspaces": scope_of(request).choices,
        "form": form,
    }
    activate(zone_of(workspace))
    if workspace is not None and asked and form.is_valid():
        given = form.cleaned_data
        is_user = given["dimension"] == "user"
        context["found"] = devices_of(workspace, given["target"], is_user=is_user)
        if is_user:
            context |= {"user_id": given["target"]} | _offered(request, workspace)
    return TemplateResponse(request, "console/query_tool.html", context)


def _offered(request: HttpRequest, workspace: Workspace) -> dict[str, bool]:
    """Return what the page offers to do with a user."""
    scope = scope_of(request)
    return {
        "may_export": scope.may(Right.EXPORT, workspace.app_id),
        "may_erase": scope.may(Right.CONFIGURE, workspace.app_id),
    }


def devices_of(workspace: Workspace, target: str, *, is_user: bool) -> list[FoundDevice]:
    """Return the devices a target stands for, at most `MAX_SHOWN`; a device ID is looked up on all platforms."""
    kinds = [DeliveryType.USER] if is_user else [DeliveryType(platform) for platform in Platform]
    found: dict[int, None] = {}
    for kind in kinds:
        named = clean_target(kind, target)
        found |= dict.fromkeys(one.device_id for one in resolve(workspace, kind, [named]).get(named, ()))
    pks = list(found)
    devices = Device.objects.filter(workspace=workspace).defer("secret_hash").in_bulk(pks[:MAX_SHOWN])
    states = online_states(list(devices.values()))
    bindings = _last_bindings(list(devices))
    users = {pk: next((one.user_id for one in bound if one.unbound_at is None), "") for pk, bound in bindings.items()}
    messages = _last_messages(devices, users)
    return [
        FoundDevice(
            device=devices[pk],
            user_id=users[pk],
            state=online_label(states[pk]),
            bindings=bindings[pk],
            messages=[(message, status_label(message)) for message in messages[pk]],
        )
        for pk in pks
        if pk in devices
    ]


def _last_bindings(devices: Collection[int]) -> dict[int, list[Binding]]:
    """Load the last bindings of each device, newest first, with one query."""
    found = _each([Binding.objects.filter(device=pk).order_by("-bound_at")[:MAX_SHOWN] for pk in devices])
    return _by_device(devices, sorted(found, key=attrgetter("bound_at"), reverse=True))


def _last_messages(devices: Mapping[int, Device], users: Mapping[int, str]) -> dict[int, list[Message]]:
    """Load the last messages of each device, newest first, with one query.

    Args:
        devices: The devices by primary key.
        users: The user bound to each device, "" for none.
    """
    parts = []
    for pk, device in devices.items():
        targets = [one for one in (device.ad_token, device.third_token, users[pk]) if one]
        # The target narrows the rows by an index; the device then leaves out the user's other devices.
        rows = Message.objects.filter(workspace_id=device.workspace_id, target__in=targets, device=pk)
        parts.append(rows.select_related("task").order_by("-pk")[:MAX_SHOWN])
    return _by_device(devices, sorted(_each(parts), key=attrgetter("pk"), reverse=True))


def _each(parts: Sequence[QuerySet[Row]]) -> list[Row]:
    """Return the rows of all parts, each with its own limit, by one statement."""
    return list(parts[0].union(*parts[1:], all=True)) if parts else []


def _by_device(devices: Collection[int], rows: Iterable[Row]) -> dict[int, list[Row]]:
    """Sort rows by the device that they belong to."""
    sorted_out: dict[int, list[Row]] = {pk: [] for pk in devices}
    for row in rows:
        if row.device_id is not None:
            sorted_out[row.device_id].append(row)
    return sorted_out
