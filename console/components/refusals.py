"""Refusals of the service, told to operators in their language."""

from __future__ import annotations

import re

from django.utils.text import capfirst
from django.utils.translation import gettext

from pushcore.codes.results import ResultCode, ResultError


def refusal(error: ResultError) -> str:
    """Return why the service refused; the code, which the APIs answer, says nothing to an operator."""
    return capfirst(translated(error.result, error.message))


def translated(result: ResultCode, message: str = "") -> str:
    """Translate a refusal.

    Args:
        result: The code, whose meaning is translated.
        message: What the service says: the meaning, and perhaps a detail, which stays English. Empty: the meaning.
    """
    return (message or result.meaning).replace(result.meaning, gettext(result.meaning), 1)


def known_refusal(text: str) -> str:
    """Translate the meaning of a result code that a text begins with; any other text as it stands."""
    for result in ResultCode:
        if text.startswith(result.meaning):
            return translated(result, text)
    return text


def kept_refusal(text: str) -> str:
    """Translate a refusal that was kept as text (`str(ResultError)`); any other text as it stands."""
    kept = re.fullmatch(r"[0-9-]+ (?P<name>[A-Z_]+): (?P<message>.*)", text, re.DOTALL)
    if kept is None or kept["name"] not in ResultCode.__members__:
        return capfirst(gettext(text)) if text else ""
    return capfirst(translated(ResultCode[kept["name"]], kept["message"]))
