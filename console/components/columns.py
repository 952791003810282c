"""Rendering of values in lists and on detail pages: times, labels, icons, text to copy."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from pushcore.models.pushes import DeliveryType

PUSH_TYPE_ICONS: dict[int, str] = {
    DeliveryType.USER: "person",
    DeliveryType.ANDROID: "android",
    DeliveryType.IOS: "phone_iphone",
    DeliveryType.HARMONYOS: "smartphone",
    DeliveryType.WEB: "web",
    DeliveryType.OTHER: "devices",
    DeliveryType.ACTIVITY_TOKEN: "bolt",
    DeliveryType.ACTIVITY: "bolt",
    DeliveryType.AUDIENCE: "groups",
}


_TO_THE_SECOND = "Y-m-d H:i:s"


def moment_text(at: datetime | None, zone: ZoneInfo | None = None) -> str:
    """Format a time to the second, followed by the name of its zone; "-" for None.

    Args:
        at: The time to format.
        zone: The zone to show it in; by default the zone active for the page (see `console.locale.zones`).
    """
    if at is None:
        return "-"
    local = timezone.localtime(at, zone)
    return f"{date_format(local, _TO_THE_SECOND)} {zone.key if zone else timezone.get_current_timezone_name()}"


def in_utc(at: datetime | None) -> str:
    """Format a time to the second in UTC; empty for None."""
    return f"{date_format(at.astimezone(UTC), _TO_THE_SECOND)} UTC" if at else ""


def moment(at: datetime | None, zone: ZoneInfo | None = None) -> SafeString:
    """Render a time as `moment_text` does, with the UTC time shown on hover."""
    if at is None:
        return SafeString("-")
    shown, _, name = moment_text(at, zone).rpartition(" ")
    return format_html(
        '<time class="console-moment" datetime="{}" title="{}">{} <small>{}</small></time>',
        at.astimezone(UTC).isoformat(), in_utc(at), shown, name,
    )  # fmt: skip


def label(colour: str, text: str | Promise, title: str = "") -> SafeString:
    """Render text on a coloured background.

    Args:
        colour: green, amber, red, blue or grey; the style sheet has a class for each.
        text: The visible text; it begins with a capital, wherever its words come from.
        title: The text shown on hover; by default the visible text.
    """
    shown = capfirst(str(text))
    return format_html('<span class="console-label console-{}" title="{}">{}</span>', colour, title or shown, shown)


def push_type(delivery_type: int, words: str = "") -> SafeString:
    """Render the icon of a delivery type, followed by `words` or, without any, by the type's name."""
    if not words:
        known = delivery_type in DeliveryType.values
        words = str(DeliveryType(delivery_type).label) if known else str(delivery_type)
    return format_html(
        '<span class="console-push-type"><span class="material-symbols-outlined" aria-hidden="true">{}</span>{}</span>',
        PUSH_TYPE_ICONS.get(delivery_type, "help"),
        words,
    )


def identifier(text: str) -> SafeString:
    """Render a long identifier in monospace; the style sheet shortens it on screen, hovering shows all of it."""
    return format_html('<span class="console-id" title="{}">{}</span>', text, text)


def copyable(text: str) -> SafeString:
    """Render text that is to be copied as a whole; the page's script adds a copy button."""
    return format_html('<pre class="console-copy" data-copyable>{}</pre>', text)


def pretty_json(value: Any) -> SafeString:
    """Render a value as indented JSON with non-ASCII characters left readable."""
    return format_html('<pre class="console-json">{}</pre>', json.dumps(value, indent=2, ensure_ascii=False))
