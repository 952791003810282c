"""Links at the end of a list's row: what may be done with its object, without opening its page first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from console.components.confirmation import FROM, LIST


class RowLink(NamedTuple):
    """A link of a row.

    Attributes:
        text: What it does, in a word.
        icon: The name of its symbol.
        address: Where it leads.
        subject: The object's name, which tells the links of rows apart where they are read out.
    """

    text: str | Promise
    icon: str
    address: str
    subject: str


def row_links(links: Iterable[RowLink]) -> SafeString:
    """Render the links of a row: symbols on a wide screen if there are several, and their words on a narrow one."""
    shown = format_html_join(
        "",
        '<a class="console-row-link" href="{}" title="{}" aria-label="{}: {}">'
        '<span class="material-symbols-outlined" aria-hidden="true">{}</span><span>{}</span></a>',
        ((link.address, link.text, link.text, link.subject, link.icon, link.text) for link in links),
    )
    return format_html('<span class="console-row-links">{}</span>', shown)


def to_action(address: str) -> str:
    """Return the address of a confirmed action, which then leads back to the list."""
    return f"{address}?{FROM}={LIST}"
