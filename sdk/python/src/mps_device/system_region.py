"""The system's time zone, language and country."""

from __future__ import annotations

import os
import re

_LOCALTIME = "/etc/localtime"


def region() -> dict[str, str]:
    """Return `timeZone`, `language` and `country` as far as the system tells them."""
    found = {"timeZone": _time_zone()}
    name = next(filter(None, map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    if match := re.match(r"([a-z]{2,3})(?:_([A-Z]{2}))?(?:[.@]|$)", name):
        language, country = match[1], match[2] or ""
        found |= {"language": f"{language}-{country}" if country else language, "country": country}
    return {name: value for name, value in found.items() if value}


def _time_zone() -> str:
    if "/" in (named := os.environ.get("TZ", "").removeprefix(":")):
        return named
    _, _, zone = os.path.realpath(_LOCALTIME).partition("/zoneinfo/")
    return zone
