"""`docs/configuration.md`, written from the declarations of the variables."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic.fields import FieldInfo

from mps_project.configuration.variables import Configuration

_INTRODUCTION = """\
# Configuration

<!-- Written by `python -m mps_project.configuration`: change `mps_project/configuration/variables.py`. -->

Everything is set by environment variables. `make run` makes up those without a default; every other command needs them.
A command refuses to start, with one line, where a variable is missing or has a value that cannot be used.

| variable | default | meaning |
|---|---|---|
"""


def markdown() -> str:
    """Return the text of `docs/configuration.md`."""
    return _INTRODUCTION + "".join(f"{row}\n" for row in _rows())


def _rows() -> Iterator[str]:
    """Yield the table's rows: first the variables that have to be set, then the others as declared."""
    fields = sorted(Configuration.model_fields.values(), key=lambda field: not field.is_required())
    for field in fields:
        yield f"| `{field.validation_alias}` | {_default(field)} | {field.description} |"


def _default(field: FieldInfo) -> str:
    """Spell the default as it would be set in the environment."""
    if field.is_required():
        return "none"
    value = field.default
    if isinstance(value, bool):
        value = int(value)
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    return f"`{text}`" if text else "empty"
