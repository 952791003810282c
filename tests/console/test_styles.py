"""The console's style sheets."""

from __future__ import annotations

from pathlib import Path

import console
from console.theme.settings import STYLES

FOLDER = Path(console.__file__).parent / "static" / "console" / "css"


def test_every_style_sheet_is_loaded_once() -> None:
    assert sorted(STYLES) == sorted(path.stem for path in FOLDER.glob("*.css"))
