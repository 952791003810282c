"""The home page: how the service is doing today, in cards that each link to the list behind their number."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import structlog
from django.db import connection
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from analytics import queries
from channels_vendor.models import VendorAccount
from console.access.rights import Right, Scope, scope_of
from console.components.columns import identifier, moment, push_type
from console.components.filters import FAILING_RECEIPTS, STOPPED, expiring
from console.components.message_status import status_label
from console.locale.zones import zone_of
from gateway.cluster import presence
from pushcore.codes import statuses
from pushcore.models import Message, Receipt, Workspace
from pushcore.storage import clock, ids, valkey
from pushcore.storage.timeouts import StatementTimeoutError, statement_timeout

log = structlog.get_logger(__name__)

# Pending messages are counted among this many of today's newest; a card that reaches its limit shows a "+".
COUNTED_MESSAGES = 100_000
COUNTED_RECEIPTS = 10_000
RECENT_MESSAGES = 8
TIMEOUT_MS = 2000


@dataclass(frozen=True, slots=True)
class DashboardCard:
    """A card of the home page.

    Attributes:
        title: What is counted.
        value: The number; "-" when it could not be counted in time.
        icon: The name of a Material symbol.
        link: The address of the list or report behind the number.
        colour: neutral, success, warning or danger.
        note: A short addition to the number, such as a rate.
    """

    title: str
    value: str
    icon: str
    link: str
    colour: str = "neutral"
    note: str = ""


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Fill the home page's context; django-unfold calls it as DASHBOARD_CALLBACK."""
    scope = scope_of(request)
    if not scope.may(Right.VIEW):
        return context | {"no_membership": True}
    return context | {
        "cards": dashboard_cards(scope),
        "recent": recent(scope),
        "today_of": day_of(scope),
        "may_push": scope.may(Right.PUSH),
    }


def day_of(scope: Scope) -> str:
    """Return the time zone whose day "today" is; empty when the workspaces in view have different ones."""
    zones = {one.time_zone for one in scope.choices if scope.chosen in (None, one.pk)}
    return zones.pop() if len(zones) == 1 else ""


def dashboard_cards(scope: Scope) -> list[DashboardCard]:
    """Return the cards: numbers of today first, then the health of receipts, vendor accounts and connections."""
    return [*_cards_of_today(scope), *_cards_of_health(scope)]


def _cards_of_today(scope: Scope) -> list[DashboardCard]:
    """Count today's pushes by the usage analysis, so that both pages agree, and the messages still pending."""
    found = _in_time(lambda: queries.totals_of_today(workspaces_of(scope)))
    waiting = _in_time(lambda: count_waiting(scope))
    link = _report_of_today(scope)
    return [
        DashboardCard(_("Pushed today"), _text(found and found.pushed), "mail", link),
        DashboardCard(
            _("Arrived today"),
            _text(found and found.arrived),
            "done_all",
            link,
            "success",
            _rate(found.arrived, found.pushed) if found else "",
        ),
        DashboardCard(
            _("Opened today"),
            _text(found and found.opened),
            "touch_app",
            link,
            "success",
            _rate(found.opened, found.arrived) if found else "",
        ),
        DashboardCard(
            _("Pending today"),
            _text(waiting, waiting == COUNTED_MESSAGES),
            "schedule",
            f"{reverse('admin:pushcore_message_changelist')}?kind=all&created=today&status=pending",
            "warning",
        ),
    ]


def _report_of_today(scope: Scope) -> str:
    """Return the address of the list behind today's numbers.

    For one workspace this is its usage analysis; for several, which have no common analysis, the list of messages.
    """
    only = scope.chosen or (scope.choices[0].pk if len(scope.choices) == 1 else None)
    if only is None:
        return f"{reverse('admin:pushcore_message_changelist')}?kind=all&created=today"
    today = timezone.localdate().isoformat()
    return f"{reverse('admin:analysis')}?{urlencode({'workspace': only, 'first': today, 'last': today})}"


def workspaces_of(scope: Scope) -> list[Workspace]:
    """Return the workspaces whose numbers the page adds up, with only the columns that this needs."""
    mine = scope.workspaces() if scope.chosen is None else scope.workspaces().filter(pk=scope.chosen)
    return list(mine.only("pk", "time_zone").select_related(None))


def _cards_of_health(scope: Scope) -> list[DashboardCard]:
    """Count what needs attention: failing receipts, stopped vendor accounts, expiring certificates; and connections."""
    accounts = reverse("admin:channels_vendor_vendoraccount_changelist")
    failing = _in_time(lambda: count_failing_receipts(scope))
    stopped = _in_time(lambda: _scoped(scope, VendorAccount).filter(STOPPED).count())
    ending = _in_time(lambda: _scoped(scope, VendorAccount).filter(expiring()).count())
    return [
        DashboardCard(
            _("Receipts failing"),
            _text(failing, failing == COUNTED_RECEIPTS),
            "error",
            f"{reverse('admin:pushcore_receipt_changelist')}?state=failing",
            "danger" if failing else "neutral",
        ),
        DashboardCard(
            _("Channels stopped"),
            _text(stopped),
            "signal_disconnected",
            f"{accounts}?state=stopped",
            "danger" if stopped else "neutral",
        ),
        DashboardCard(
            _("Certificates expiring"),
            _text(ending),
            "badge",
            f"{accounts}?state=expiring",
            "warning" if ending else "neutral",
        ),
        DashboardCard(
            _("Gateway connections"),
            _text(count_connections()),
            "cell_tower",
            reverse("admin:pushcore_device_changelist"),
        ),
    ]


def recent(scope: Scope) -> list[dict[str, Any]]:
    """Return the newest messages in view, as the rows of the page's table."""
    rows = _scoped(scope).select_related("task", "workspace__app")
    newest = _in_time(lambda: list(rows.order_by("-pk")[:RECENT_MESSAGES])) or []
    message_list = reverse("admin:pushcore_message_changelist")
    return [
        {
            "title": message.title or "-",
            "type": push_type(message.delivery_type),
            "target": identifier(message.target),
            "created": moment(message.created_at, zone_of(message)),
            "status": status_label(message),
            "link": f"{message_list}?q={message.pk}",
        }
        for message in newest
    ]


def count_waiting(scope: Scope) -> int:
    """Count today's messages that may still be delivered, by the definition of the message list.

    One query looks at no more than the newest `COUNTED_MESSAGES` messages, however many there are.
    """
    newest = _scoped(scope).filter(pk__gte=ids.first_id_at(_midnight())).order_by("-pk")
    sql, params = newest.values("status", "expire_at")[:COUNTED_MESSAGES].query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM ({sql}) newest WHERE status = ANY(%s) AND expire_at > %s",
            [*params, sorted(statuses.PENDING), clock.now()],
        )
        return int(cursor.fetchone()[0])


def _midnight() -> datetime:
    """Return the start of today in the active time zone."""
    return timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)


def count_failing_receipts(scope: Scope) -> int:
    """Count the receipts that match `FAILING_RECEIPTS`, up to `COUNTED_RECEIPTS`."""
    return _scoped(scope, Receipt).filter(FAILING_RECEIPTS)[:COUNTED_RECEIPTS].count()


def count_connections() -> int | None:
    """Count the devices connected to all gateway nodes; None while Valkey is unavailable."""
    try:
        return sum(node.connections for node in presence.live_nodes(valkey.client()))
    except valkey.ValkeyDown:
        log.warning("Valkey is unavailable; connections are not shown")
        return None


def _scoped(scope: Scope, model: Any = Message) -> Any:
    """Return the model's rows in the chosen workspace, else in all workspaces the user may see."""
    rows = model.objects.all()
    if scope.chosen is not None:
        return rows.filter(workspace_id=scope.chosen)
    return rows if scope.superuser else rows.filter(workspace_id__in=scope.workspace_ids)


def _in_time(question: Any) -> Any:
    """Return the result of `question`, or None when it exceeds `TIMEOUT_MS`.

    This bounds the load that the home page, which everybody opens first, puts on the database.
    """
    try:
        with statement_timeout(TIMEOUT_MS):
            return question()
    except StatementTimeoutError:
        log.warning("home page: a query took too long and was cancelled")
        return None


def _text(value: int | None, more: bool = False) -> str:
    """Format a count; "-" for None, with a "+" behind it when there may be more."""
    return "-" if value is None else f"{value:,}{'+' if more else ''}"


def _rate(part: int, whole: int) -> str:
    """Format a ratio as a whole percentage; empty when there is nothing to compare with."""
    return f"{part / whole:.0%}" if whole else ""
