"""What a device's SDK can do, as the device says: a list of names, kept as one text.

Descriptive fields are texts, of which an empty one changes nothing (`pushcore.devices.info`). So the text of no
capabilities is not empty: names stand between commas, `,trampoline,`, and `,` is the empty list.
"""

from __future__ import annotations

from pushcore.codes.results import ResultCode, ResultError

# Notifications that vendors show open the app, whose SDK reports the event and opens the address itself.
TRAMPOLINE = "trampoline"
KNOWN = frozenset({TRAMPOLINE})
MAX_NAMES = 16


def parse_capabilities(given: object) -> str:
    """Read `capabilities`: a list of names, or a text with commas (a user property). Unknown names are left out.

    Returns:
        The text that is kept; an empty one for None.

    Raises:
        ResultError: It is neither, or has too many names (INVALID_PARAM).
    """
    if given is None:
        return ""
    names = given.split(",") if isinstance(given, str) else given
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names) or len(names) > MAX_NAMES:
        raise ResultError(ResultCode.INVALID_PARAM, f"capabilities is a list of up to {MAX_NAMES} names")
    known = sorted(KNOWN.intersection(name.strip() for name in names))
    return f",{','.join(known)}," if known else ","


def names_of(kept: str) -> list[str]:
    """Return the names in a kept text."""
    return [name for name in kept.split(",") if name]
