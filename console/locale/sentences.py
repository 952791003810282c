"""Sentences that the service keeps and answers in English, in the operator's language.

What is wrong with a vendor account, or with a line of a file, is said in English where it is found: it is also logged,
kept and answered by commands. The formats are marked for translation; a text that fits one is said by its translation,
with the values that it holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from types import ModuleType

from django.utils.translation import gettext

from channels_vendor.base import sentences as of_accounts
from console.components.refusals import known_refusal
from pushcore.file_push import sentences as of_lines
from sms.base import sentences as of_sms

_VALUE = re.compile(r"%\\\((\w+)\\\)s")


def said(text: str) -> str:
    """Return a kept sentence in the user's language; what no format fits stays as it is, such as a vendor's words."""
    if not text:
        return ""
    translated = gettext(text)
    if translated != text:
        return translated
    for fits, sentence in _formats():
        if (values := fits.fullmatch(text)) is not None:
            return gettext(sentence) % {name: said(value) for name, value in values.groupdict().items()}
    return known_refusal(text)


@cache
def _formats() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Return the formats with values, each with what fits it; the longest first, as the most particular."""
    sentences = sorted(
        {one for module in (of_accounts, of_lines, of_sms) for one in _sentences(module)}, key=len, reverse=True
    )
    return tuple(
        (re.compile(_VALUE.sub(r"(?P<\1>.*?)", re.escape(sentence)), re.DOTALL), sentence)
        for sentence in sentences
        if "%(" in sentence
    )


def _sentences(module: ModuleType) -> Iterator[str]:
    return (value for name, value in vars(module).items() if name.isupper() and isinstance(value, str))
