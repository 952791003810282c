"""The table of messages by status: how many have it, what it means, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.utils.text import capfirst
from django.utils.translation import gettext

from console.components.message_status import channel_title, status_advice, status_code, status_colour, status_word
from pushcore.codes import statuses
from pushcore.ports import StatusCount


@dataclass(frozen=True, slots=True)
class StatusRow:
    """A status on a channel.

    Attributes:
        key: Tells the row from the others of its table.
        word: What operators call the status.
        colour: The label's colour.
        code: The code, with the channel's name for it.
        meaning: What it means, a sentence; empty where the word says it, as for messages that were delivered.
        advice: What to do about it; empty for messages that were delivered.
        channel: The channel's name.
        count: How many messages have it.
        share: Their share of all messages of the table, in per cent.
        listed: The address of these messages in the message list; empty where none is given.
        targets: The address that downloads their targets; empty where none is given.
    """

    key: str
    word: str
    colour: str
    code: str
    meaning: str
    advice: str
    channel: str
    count: int
    share: str
    listed: str
    targets: str


def status_rows(
    counts: Sequence[StatusCount],
    listed: Callable[[StatusCount], str],
    targets: Callable[[StatusCount], str] = lambda _one: "",
) -> list[StatusRow]:
    """Return the rows of a table, in the order given but for what was delivered, which is last; in the active language.

    Args:
        counts: How many messages have each status on each channel.
        listed: Returns the address of the messages of a row.
        targets: Returns the address that downloads their targets.
    """
    total = sum(one.count for one in counts)
    ordered = sorted(counts, key=_is_delivered)
    return [_row(one, total, listed(one), targets(one)) for one in ordered]


def _is_delivered(one: StatusCount) -> bool:
    return one.status.code == statuses.ACKED


def _row(one: StatusCount, total: int, listed: str, targets: str) -> StatusRow:
    word, meaning = status_word(one.status, one.channel), capfirst(gettext(one.status.meaning))
    return StatusRow(
        key=f"{int(one.channel)}-{one.status.code}",
        word=word,
        colour=status_colour(one.status),
        code=status_code(one.status),
        meaning="" if meaning == word or _is_delivered(one) else meaning,
        advice="" if _is_delivered(one) else status_advice(one.status),
        channel=channel_title(one.channel),
        count=one.count,
        share=f"{100 * one.count / total:.2f}%",
        listed=listed,
        targets=targets,
    )
