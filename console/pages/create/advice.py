"""Advice on a message, from the source document (6.1.1): what is allowed but does not look as it should.

Advice stands at a field while the form is filled in, and keeps nothing from being pushed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from unicodedata import east_asian_width
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from console.pages.create.fields import RICH_STYLE

# Characters of text and extension parameters together, by display style.
ADVISED_LENGTHS = {0: 100, 1: 256}
# Rich text shows its text in so many lines, of about so many columns on a phone.
RICH_LINES = 2
COLUMNS = 40
_IMAGE_FORMATS = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True, slots=True)
class Advice:
    """A sentence and the name of the field it stands at."""

    field: str
    text: str


def advice_on(content: Mapping[str, Any], *, has_template: bool) -> Iterator[Advice]:
    """Yield the advice on a message's content; of a template all of it stands at the choice of the template."""
    for advice in _advice(content):
        yield replace(advice, field="template") if has_template else advice


def _advice(content: Mapping[str, Any]) -> Iterator[Advice]:
    if content["silent"]:
        return
    style = content["style"]
    if style == RICH_STYLE:
        yield from _on_rich_text(content)
        return
    length = len(content["content"]) + sum(len(name) + len(value) for name, value in content["params"].items())
    advised = ADVISED_LENGTHS[style]
    if length > advised:
        numbers = {"advised": advised, "length": length}
        yield Advice(
            "body",
            _(
                "In this display style text and extension parameters have %(advised)s characters together at best; "
                "these have %(length)s."
            )
            % numbers,
        )


def _on_rich_text(content: Mapping[str, Any]) -> Iterator[Advice]:
    lines = sum(max(1, math.ceil(_columns(line) / COLUMNS)) for line in content["content"].split("\n"))
    if lines > RICH_LINES:
        yield Advice("body", _("In rich text the text looks best in two lines."))
    if not content["icon"] and not content["image"]:
        yield Advice("icon_defaultUrl", _("Rich text shows an icon or a large image: enter one."))
    for kind in ("icon", "image"):
        for name, url in content[kind].items():
            if not urlsplit(url).path.lower().endswith(_IMAGE_FORMATS):
                yield Advice(f"{kind}_{name}", _("Images are JPG, JPEG or PNG files at best."))
            if not url.startswith("https://"):
                yield Advice(f"{kind}_{name}", _("Huawei, HONOR and iOS load images from https addresses only."))


def _columns(line: str) -> int:
    """Return how wide a line is: a Chinese character takes two columns."""
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in line)
