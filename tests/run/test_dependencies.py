"""The table of docs/dependencies.md names what requirements.txt pins."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def test_every_dependency_is_explained() -> None:
    pinned = re.findall(r"^([\w-]+)==", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    rows = re.findall(r"^\| ([\w, -]+?) \|", (ROOT / "docs/dependencies.md").read_text(), re.MULTILINE)
    explained = [name for row in rows[1:] for name in row.split(", ")]
    assert sorted(explained) == sorted(pinned)
