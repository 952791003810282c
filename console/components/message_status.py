"""Statuses of messages in an operator's words; the code and the vendor's name for it are shown on hover."""

from __future__ import annotations

from django.utils.safestring import SafeString
from django.utils.translation import gettext

from console.components.columns import label
from pushcore.channels import Channel
from pushcore.codes import statuses
from pushcore.codes.statuses import Status
from pushcore.models import Message


def status_word(status: Status, channel: Channel, *, arrived: bool = False) -> str:
    """Return what operators call a status.

    Args:
        status: The status, as the channel means it.
        channel: The channel of the message.
        arrived: A vendor has reported that the message arrived; without it the vendor has only accepted it.
    """
    company = gettext(channel.description.company) if channel else ""
    if status.code == statuses.ACKED and company:
        text = gettext("Arrived through %(company)s") if arrived else gettext("Accepted by %(company)s")
        return text % {"company": company}
    if (status.channel, status.code) not in statuses.STATUSES:
        return gettext("Status %(code)s") % {"code": status.code}
    word = gettext(status.word or status.meaning)
    return word[:1].upper() + word[1:]


def channel_title(channel: Channel) -> str:
    """Return a channel's name for people: "Google FCM", or that it is the service's own."""
    title = channel.description.title
    return gettext(title) if title else gettext("Self-built channel")


def status_code(status: Status) -> str:
    """Return a status' code with its name, if it has one: "0 DeviceNotOnlineOrNoResponse"."""
    return f"{status.code} {status.name}".strip()


def status_colour(status: Status) -> str:
    """Return a status' label colour: green for success, amber for pending, grey for what ended, red for failed."""
    if status.code == statuses.ACKED:
        return "green"
    # A vendor may mean something else by the same number.
    if status.channel != statuses.COMMON:
        return "red"
    if status.code in statuses.PENDING:
        return "amber"
    return "grey" if status.code in statuses.ENDED else "red"


def status_label(message: Message) -> SafeString:
    """Render a message's status as a coloured label, with code, name and meaning shown on hover."""
    status = message.status_entry
    word = status_word(status, Channel(message.channel), arrived=message.arrived_at is not None)
    return label(status_colour(status), word, f"{status_code(status)}: {status_meaning(message)}")


def status_meaning(message: Message) -> str:
    """Explain a message's status."""
    return gettext(message.status_entry.meaning)


def status_advice(status: Status) -> str:
    """Return what an operator does about a status."""
    return gettext(status.cause.advice)
