"""Where a device is used, as it says itself: its time zone, its language and its country.

A value that is none is left out, as if the device had not said it: devices know zones and languages that this service
does not, and must still be let in.
"""

from __future__ import annotations

import re
from functools import cache
from zoneinfo import available_timezones

# RFC 5646, 4.4.1 recommends room for so many characters.
MAX_LANGUAGE = 35
# Of a language tag: the language, then script, country and variants (RFC 5646, 2.1).
_LANGUAGE = re.compile("[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*", re.ASCII)
_COUNTRY = re.compile("[A-Za-z]{2}", re.ASCII)


def parse_time_zone(text: str) -> str:
    """Return the name of a time zone of IANA's database (`Asia/Shanghai`); empty where there is none of the name."""
    return text if text in _time_zones() else ""


@cache
def _time_zones() -> frozenset[str]:
    # These two are in the database's folder, and no zone that two machines agree about.
    return frozenset(available_timezones() - {"localtime", "Factory"})


def parse_language(text: str) -> str:
    """Return a language tag in its usual spelling (`zh-Hans-CN`); empty where the text is none.

    Java's spelling of locales, with underscores, is read as well.
    """
    text = text.replace("_", "-")
    if len(text) > MAX_LANGUAGE or not _LANGUAGE.fullmatch(text):
        return ""
    language, *others = text.split("-")
    return "-".join([language.lower(), *map(_subtag, others)])


def _subtag(text: str) -> str:
    """Spell a part of a language tag (RFC 5646, 2.1.1): countries as `CN`, scripts as `Hans`, others small."""
    if len(text) == 2:
        return text.upper()
    return text.title() if len(text) == 4 else text.lower()


def parse_country(text: str) -> str:
    """Return a country's code of two letters (ISO 3166-1), in capital letters; empty where the text is none."""
    return text.upper() if _COUNTRY.fullmatch(text) else ""
