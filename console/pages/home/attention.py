"""What needs a person, each with the step that helps. Nothing is said of what is well."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from analytics import queries
from channels_vendor.models import VendorAccount
from console.access.rights import Scope
from console.admins import workspace_sections
from console.components.filters import FAILING_RECEIPTS, STOPPED, expiring
from console.components.message_status import channel_title
from console.pages.home.counting import in_time, scoped, workspaces_of
from pushcore.channels import Channel
from pushcore.models import Binding, Device, Receipt, WebhookEndpoint
from pushcore.storage import clock
from pushcore.webhooks import endpoints as webhook_endpoints
from sms.models import SmsAccount

COUNTED_RECEIPTS = 10_000
# A webhook endpoint that fails for less is nobody's business.
FAILING_WEBHOOKS = timedelta(hours=1)
# Fewer messages that expired in a day are nobody's business.
LEAST_EXPIRED = 10


@dataclass(frozen=True, slots=True)
class Matter:
    """Something that needs a person.

    Attributes:
        text: What is the matter.
        step: What to do, the text of the link.
        link: Where that is done.
        urgent: Whether messages or receipts are lost meanwhile.
    """

    text: str
    step: str
    link: str
    urgent: bool = True


def matters(scope: Scope) -> list[Matter] | None:
    """Return what needs a person in the workspaces in view, the urgent first; None if finding out took too long."""
    asks = (
        _failing_receipts,
        _failing_webhooks,
        _stopped_channels,
        _stopped_sms,
        _ending_certificate,
        _expired,
        _unbound,
    )
    found: list[Matter | None] | None = in_time(lambda: [ask(scope) for ask in asks])
    if found is None:
        return None
    return sorted((matter for matter in found if matter is not None), key=lambda matter: not matter.urgent)


def _failing_receipts(scope: Scope) -> Matter | None:
    count = scoped(scope, Receipt).filter(FAILING_RECEIPTS)[:COUNTED_RECEIPTS].count()
    if not count:
        return None
    return Matter(
        ngettext(
            "%(count)s receipt does not reach your backend.", "%(count)s receipts do not reach your backend.", count
        )
        % {"count": f"{count:,}{'+' if count == COUNTED_RECEIPTS else ''}"},
        _("See what the endpoint answers"),
        f"{reverse('admin:pushcore_receipt_changelist')}?state=failing",
    )


def _failing_webhooks(scope: Scope) -> Matter | None:
    """Name endpoints that the service has disabled, and those that accept nothing for an hour."""
    since = clock.now() - FAILING_WEBHOOKS
    troubled = Q(enabled=True, failing_since__lt=since) | Q(enabled=False) & ~Q(disabled_reason="")
    hosts = sorted({webhook_endpoints.host(one) for one in scoped(scope, WebhookEndpoint).filter(troubled)[:10]})
    if not hosts:
        return None
    return Matter(
        _("Webhook endpoints accept nothing or are disabled: %(hosts)s.") % {"hosts": ", ".join(hosts)},
        _("See what they answer"),
        reverse("admin:pushcore_webhookendpoint_changelist"),
    )


def _stopped_channels(scope: Scope) -> Matter | None:
    names = [channel_title(Channel(row.channel)) for row in scoped(scope, VendorAccount).filter(STOPPED)[:10]]
    if not names:
        return None
    return Matter(
        _("Channels are stopped: %(names)s.") % {"names": ", ".join(sorted(set(names)))},
        _("See why, correct the account and check it"),
        f"{reverse('admin:channels_vendor_vendoraccount_changelist')}?state=stopped",
    )


def _stopped_sms(scope: Scope) -> Matter | None:
    if not scoped(scope, SmsAccount).filter(STOPPED).exists():
        return None
    return Matter(
        _("A provider of SMS refuses your account; nothing is sent by SMS."),
        _("See why, correct the account and check it"),
        reverse("admin:sms_smsaccount_changelist"),
    )


def _ending_certificate(scope: Scope) -> Matter | None:
    ends = scoped(scope, VendorAccount).filter(expiring()).order_by("certificate_expires_at")
    first = ends.values_list("certificate_expires_at", flat=True).first()
    if first is None:
        return None
    return Matter(
        _("A certificate ends on %(day)s; nothing is delivered with it afterwards.")
        % {"day": timezone.localdate(first).isoformat()},
        _("Upload a new one"),
        f"{reverse('admin:channels_vendor_vendoraccount_changelist')}?state=expiring",
        urgent=first <= clock.now(),
    )


def _expired(scope: Scope) -> Matter | None:
    """Compare how many messages of yesterday's pushes and of those of the day before expired."""
    before, yesterday, _today = queries.expired_by_day(workspaces_of(scope), 3)
    if yesterday < LEAST_EXPIRED or yesterday <= before:
        return None
    return Matter(
        _("%(count)s messages of yesterday expired before they were delivered, %(before)s of the day before.")
        % {"count": f"{yesterday:,}", "before": f"{before:,}"},
        _("See which, and whether their validity is too short"),
        f"{reverse('admin:pushcore_message_changelist')}?kind=all&status=expired",
        urgent=False,
    )


def _unbound(scope: Scope) -> Matter | None:
    devices = scoped(scope, Device)
    if not devices.exists():
        return None
    bindings = Binding.objects.filter(unbound_at=None)
    if scope.chosen is not None:
        bindings = bindings.filter(device__workspace_id=scope.chosen)
    elif not scope.superuser:
        bindings = bindings.filter(device__workspace_id__in=scope.workspace_ids)
    if bindings.exists():
        return None
    only = scope.only
    return Matter(
        _("No user is bound to a device yet, so pushes to users reach nobody."),
        _("See who may bind users"),
        reverse("admin:pushcore_binding_changelist")
        if only is None
        else workspace_sections.address(only, workspace_sections.DEVICES),
        urgent=False,
    )
