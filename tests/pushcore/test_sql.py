"""SQL statements stand in files beside their modules, each named and described."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pushcore.storage.sql import statements

ROOT = Path(__file__).parents[2]
APPS = ("analytics", "channels_vendor", "console", "gateway", "mps_project", "pushcore", "sms")
FILES = sorted(file for app in APPS for file in (ROOT / app).rglob("*.sql") if file.parent.name != "migrations")


def test_a_statement_is_found_by_its_name_and_has_no_comments(tmp_path: Path) -> None:
    (tmp_path / "module.sql").write_text(
        "-- What the module runs.\n\n-- one --\n-- Counts 100 % of it.\nSELECT 1\n\n"
        "-- two --\nSELECT\n    -- Why.\n    2\n"
    )
    assert statements(str(tmp_path / "module.py")) == {"one": "SELECT 1", "two": "SELECT\n    2"}


def test_a_statements_name_is_unique(tmp_path: Path) -> None:
    (tmp_path / "module.sql").write_text("-- one --\nSELECT 1\n-- one --\nSELECT 2\n")
    with pytest.raises(ValueError, match=r"module\.sql gives a name twice"):
        statements(str(tmp_path / "module.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_statement_is_described_and_run_by_the_module_beside(file: Path) -> None:
    text, module = file.read_text(), file.with_suffix(".py").read_text()
    assert set(re.findall(r"^-- (\w+) --\n-- [A-Z]", text, re.MULTILINE)) == set(statements(str(file)))
    assert [name for name in statements(str(file)) if f'"{name}"' not in module] == []
    # Only whole lines are comments, for only these are taken out.
    assert not re.search(r"^.*\S.*\s--", re.sub(r"(?m)^\s*--.*", "", text), re.MULTILINE)
