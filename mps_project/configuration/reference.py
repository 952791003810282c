"""`docs/configuration.md`, written from the declarations of the variables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pydantic.fields import FieldInfo

from mps_project.configuration.variables import CommonConfiguration, Configuration

_INTRODUCTION = """\
# Configuration

<!-- Written by `python -m mps_project.configuration`: change `mps_project/configuration/variables.py`. -->

The service is configured by environment variables. Those without a default have to be set; only `make run` sets them by
itself. A command that finds a variable missing or invalid names it in one line and does not start. Numbers are whole;
switches are 0 or 1.
"""
_HEAD = "| variable | default | meaning |\n|---|---|---|\n"


def markdown() -> str:
    """Return the text of `docs/configuration.md`."""
    return _INTRODUCTION + "".join(_sections())


def _sections() -> Iterator[str]:
    """Yield a section for the variables that have to be set, then one for each group of the others."""
    fields = Configuration.model_fields
    yield _section("Without a default", (field for field in fields.values() if field.is_required()))
    for group in reversed(CommonConfiguration.__bases__):  # as pydantic orders the fields
        title = (group.__doc__ or "").rstrip(".")
        yield _section(title, (fields[name] for name in group.__annotations__))


def _section(title: str, fields: Iterable[FieldInfo]) -> str:
    rows = "".join(f"| `{field.validation_alias}` | {_default(field)} | {field.description} |\n" for field in fields)
    return f"\n## {title}\n\n{_HEAD}{rows}"


def _default(field: FieldInfo) -> str:
    """Spell the default as it would be set in the environment."""
    if field.is_required():
        return "none"
    value = field.default
    if isinstance(value, bool):
        value = int(value)
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    return f"`{text}`" if text else "empty"
