"""The channels of a workspace: a card for each vendor, with its state, what it needs, and what can be done."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib.admin import site
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from channels_vendor.base.contract import VendorDescription
from channels_vendor.dispatch.rate_control import RateControl, RateStatus
from channels_vendor.models import VendorAccount
from channels_vendor.registry import VENDORS
from console.access.rights import Right, scope_of
from console.admins.vendor_accounts import why_stopped
from console.components.columns import label, moment
from console.locale.zones import activate, zone_of
from console.pages.workspace_shown import chosen_workspace
from pushcore.models import Workspace
from pushcore.storage import clock


@dataclass(frozen=True, slots=True)
class ChannelCard:
    """The card of a vendor, ready to be shown.

    Attributes:
        title: The vendor's title.
        state: A coloured label.
        advice: What the state means, or what to do about it.
        account: The database ID of the account; None where there is none.
        set_up: The address where an account is added.
        accepted: When the vendor last took a message; empty where that is not known.
        rate: Targets a second that may be sent.
        used: The share of it in use, as a percentage; empty where that is not known.
    """

    title: str
    state: SafeString
    advice: str
    account: int | None
    set_up: str
    accepted: SafeString | str = ""
    rate: int = 0
    used: str = ""


@require_safe
def channels(request: HttpRequest) -> HttpResponse:
    """Show the cards of the workspace named by `workspace`, else of the chosen one."""
    workspace = chosen_workspace(request, request.GET.get("workspace"))
    scope = scope_of(request)
    context = site.each_context(request) | {"title": _("Channels"), "workspace": workspace}
    if workspace is not None:
        activate(zone_of(workspace))
        context |= {
            "cards": channel_cards(workspace),
            "workspaces": scope.choices,
            "may_configure": scope.may(Right.CONFIGURE, workspace.app_id),
            "may_push": scope.may(Right.PUSH, workspace.app_id),
        }
    return TemplateResponse(request, "console/channels.html", context)


def channel_cards(workspace: Workspace) -> list[ChannelCard]:
    """Return a card for each vendor, whether the workspace has an account there or not."""
    accounts = {int(row.channel): row for row in VendorAccount.objects.filter(workspace=workspace)}
    return [_card(workspace, vendor, accounts.get(int(channel))) for channel, vendor in VENDORS.items()]


def _card(workspace: Workspace, vendor: VendorDescription, row: VendorAccount | None) -> ChannelCard:
    query = urlencode({"workspace": workspace.pk, "channel": int(vendor.channel)})
    set_up = f"{reverse('admin:channels_vendor_vendoraccount_add')}?{query}"
    if row is None:
        advice = _("Messages reach devices of this vendor only while they are connected.")
        return ChannelCard(gettext(vendor.title), label("grey", _("Not set up")), advice, None, set_up)
    rate = row.rate or vendor.rate
    status = RateControl(workspace.pk, int(vendor.channel), rate).status()
    state, advice = _state(row, status)
    return ChannelCard(
        gettext(vendor.title),
        state,
        advice,
        row.pk,
        set_up,
        accepted=(moment(status.accepted_at) if status.accepted_at else _("not in the last 30 days")) if status else "",
        rate=rate,
        used=f"{status.used:.0%}" if status else "",
    )


def _state(row: VendorAccount, status: RateStatus | None) -> tuple[SafeString, str]:
    """Return the label of an account's state, and what it means or what to do: the gravest first."""
    if row.stopped_at is not None:
        what_to_do = _("Correct the account and save it; it is then used again.")
        return label("red", _("Stopped")), _("%(why)s. %(advice)s") % {"why": why_stopped(row), "advice": what_to_do}
    if not row.enabled:
        return label("grey", _("Switched off")), _("Check the account, then switch it on.")
    if row.certificate_expires_at is not None and row.certificate_expires_at <= clock.now():
        return label("red", _("Certificate expired")), _("Nothing is delivered until you upload a new certificate.")
    if status is not None and status.open:
        said = _("It is tried again in %(seconds)s s. Messages wait as long as they are valid.")
        return label("amber", _("The vendor does not answer")), said % {"seconds": status.open}
    if status is not None and status.paused:
        said = _("The vendor asked for less; sending goes on in %(seconds)s s.")
        return label("amber", _("Paused")), said % {"seconds": status.paused}
    if row.expires_soon and row.certificate_expires_at is not None:
        said = _("Upload a new certificate before %(day)s.")
        day = timezone.localdate(row.certificate_expires_at)
        return label("amber", _("Certificate expires soon")), said % {"day": day}
    return label("green", _("In use")), ""
