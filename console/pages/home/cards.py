"""Cards of the home page: numbers of today and the health of the service, each a link to the list behind it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import structlog
from django.db import connection
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from analytics import queries
from console.access.rights import Scope
from console.components.columns import identifier, moment, push_type
from console.components.message_status import status_label
from console.locale.zones import zone_of
from console.pages.home.counting import in_time, scoped, workspaces_of
from gateway.cluster import presence
from pushcore.codes import statuses
from pushcore.storage import clock, ids, valkey

log = structlog.get_logger(__name__)

# Pending messages are counted among this many of today's newest; a card that reaches its limit shows a "+".
COUNTED_MESSAGES = 100_000
RECENT_MESSAGES = 8


@dataclass(frozen=True, slots=True)
class DashboardCard:
    """A card of the home page.

    Attributes:
        title: What is counted.
        value: The number; "-" when it could not be counted in time.
        icon: The name of a Material symbol.
        link: The address of the list or report behind the number.
        colour: neutral, success or warning; the style sheet has a class for each.
        note: A short addition to the number, such as a rate.
    """

    title: str
    value: str
    icon: str
    link: str
    colour: str = "neutral"
    note: str = ""


def day_of(scope: Scope) -> str:
    """Return the time zone whose day "today" is; empty when the workspaces in view have different ones."""
    zones = {one.time_zone for one in scope.choices if scope.chosen in (None, one.pk)}
    return zones.pop() if len(zones) == 1 else ""


def dashboard_cards(scope: Scope) -> list[DashboardCard]:
    """Return the cards: numbers of today, and the connections of now."""
    return [*_cards_of_today(scope), _card_of_connections()]


def _cards_of_today(scope: Scope) -> list[DashboardCard]:
    """Count today's pushes by the usage analysis, so that both pages agree, and the messages still pending."""
    found = in_time(lambda: queries.totals_of_today(workspaces_of(scope)))
    waiting = in_time(lambda: count_waiting(scope))
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
    only = scope.only
    if only is None:
        return f"{reverse('admin:pushcore_message_changelist')}?kind=all&created=today"
    today = timezone.localdate().isoformat()
    return f"{reverse('admin:analysis')}?{urlencode({'workspace': only, 'first': today, 'last': today})}"


def _card_of_connections() -> DashboardCard:
    devices = reverse("admin:pushcore_device_changelist")
    return DashboardCard(_("Gateway connections"), _text(count_connections()), "cell_tower", devices)


def recent(scope: Scope) -> list[dict[str, Any]]:
    """Return the newest messages in view, as the rows of the page's table."""
    rows = scoped(scope).select_related("task", "workspace__app")
    newest = in_time(lambda: list(rows.order_by("-pk")[:RECENT_MESSAGES])) or []
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
    newest = scoped(scope).filter(pk__gte=ids.first_id_at(_midnight())).order_by("-pk")
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


def count_connections() -> int | None:
    """Count the devices connected to all gateway nodes; None while Valkey is unavailable."""
    try:
        return sum(node.connections for node in presence.live_nodes(valkey.client()))
    except valkey.ValkeyDown:
        log.warning("Valkey is unavailable; connections are not shown")
        return None


def _text(value: int | None, more: bool = False) -> str:
    """Format a count; "-" for None, with a "+" behind it when there may be more."""
    return "-" if value is None else f"{value:,}{'+' if more else ''}"


def _rate(part: int, whole: int) -> str:
    """Format a ratio as a whole percentage; empty when there is nothing to compare with."""
    return f"{part / whole:.0%}" if whole else ""
