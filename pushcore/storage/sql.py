"""Load SQL statements from files beside the modules that run them.

`receipts.py` runs the statements of `receipts.sql`. Each has a line with its name before it, then what it does:

    -- release --
    -- Make leased receipts due again.
    UPDATE ...

A module reads its file once, when it is imported. What a statement cannot have as a parameter (a condition that differs
from call to call) stands in braces and is filled in by `str.format`.
"""

from __future__ import annotations

import re
from pathlib import Path

_NAME = re.compile(r"^-- (\w+) --\n", re.MULTILINE)
_COMMENT = re.compile(r"^\s*--.*\n", re.MULTILINE)


def statements(module: str) -> dict[str, str]:
    """Read the SQL file beside a module.

    Args:
        module: The module's `__file__`.

    Returns:
        The statements by name, without comments: to psycopg2 a percent sign would be a parameter there, too.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A name is given twice.
    """
    path = Path(module).with_suffix(".sql")
    _head, *parts = _NAME.split(path.read_text(encoding="utf-8"))
    names = parts[::2]
    if len(set(names)) != len(names):
        raise ValueError(f"{path.name} gives a name twice")
    return {name: _COMMENT.sub("", text).strip() for name, text in zip(names, parts[1::2], strict=True)}
