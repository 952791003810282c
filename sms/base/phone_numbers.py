"""Phone numbers as providers want them."""

from __future__ import annotations


def international(number: str, country_code: str) -> str:
    """Return a number as E.164 has it (+ and country code), or nothing where no country is known.

    Args:
        number: Digits, with + before them or not.
        country_code: Of numbers without +; digits, empty for none.
    """
    if number.startswith("+"):
        return number
    return f"+{country_code}{number.lstrip('0')}" if country_code else ""
