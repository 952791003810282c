"""How facts look in lists and details: times, status labels, icons, text to copy."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from pushcore.codes import statuses
from pushcore.models import Message
from pushcore.models.pushes import DeliveryType

PUSH_TYPE_ICONS: dict[int, str] = {
    DeliveryType.USER: "person",
    DeliveryType.ANDROID: "android",
    DeliveryType.IOS: "phone_iphone",
    DeliveryType.HARMONYOS: "smartphone",
    DeliveryType.ACTIVITY_TOKEN: "bolt",
    DeliveryType.ACTIVITY: "bolt",
}


def moment(at: datetime | None) -> str:
    """A time in the console's zone, to the second."""
    return date_format(timezone.localtime(at), "DATETIME_FORMAT") if at else "-"


def status_colour(code: int) -> str:
    """Green for delivered, amber for pending, red for failed."""
    if code == statuses.ACKED:
        return "green"
    return "amber" if code in statuses.PENDING else "red"


def label(colour: str, text: str | Promise, title: str = "") -> SafeString:
    """Words on a colour: green, amber, red, blue or grey. `title` shows on hover."""
    return format_html('<span class="console-label console-{}" title="{}">{}</span>', colour, title or text, text)


def status_label(message: Message) -> SafeString:
    """Code and name of the status on a colour for what it comes to; its meaning on hover."""
    entry = message.status_entry
    meaning = gettext(entry.meaning)
    text = f"{entry.code} {entry.name or meaning}"
    return label(status_colour(message.status), text, f"{text}: {meaning}")


def push_type(delivery_type: int, words: str = "") -> SafeString:
    """Icon of a target type, with its name or other words."""
    if not words:
        known = delivery_type in DeliveryType.values
        words = gettext(DeliveryType(delivery_type).label) if known else str(delivery_type)
    return format_html(
        '<span class="console-push-type"><span class="material-symbols-outlined" aria-hidden="true">{}</span>{}</span>',
        PUSH_TYPE_ICONS.get(delivery_type, "help"),
        words,
    )


def identifier(text: str) -> SafeString:
    """A long identifier: monospaced, cut in the middle of the screen, not of the markup; all of it on hover."""
    return format_html('<span class="console-id" title="{}">{}</span>', text, text)


def copyable(text: str) -> SafeString:
    """Text to be copied as a whole; the script adds the button."""
    return format_html('<pre class="console-copy" data-copyable>{}</pre>', text)


def pretty_json(value: Any) -> SafeString:
    return format_html('<pre class="console-json">{}</pre>', json.dumps(value, indent=2, ensure_ascii=False))
