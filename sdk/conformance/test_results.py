"""The table of results is that of the scenarios there are."""

from __future__ import annotations

import ast
from pathlib import Path

from conformance.sdks import SDKS

FOLDER = Path(__file__).parent


def scenarios() -> set[str]:
    """Return the names of the scenarios: the tests that make agents."""
    functions = [
        node
        for file in FOLDER.glob("test_*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    makers = [one for one in functions if any(argument.arg == "devices" for argument in one.args.args)]
    return {one.name.removeprefix("test_").replace("_", " ") for one in makers}


def test_the_table_of_results_has_every_scenario_and_sdk_and_all_pass() -> None:
    """After a change: `make test-sdks ARGS=--write-results`."""
    rows = [
        [cell.strip() for cell in line.strip("|\n").split("|")]
        for line in (FOLDER / "RESULTS.md").read_text().splitlines()
        if line.startswith("|")
    ]
    header, _, *body = rows
    assert header == ["scenario", *sorted(sdk.name for sdk in SDKS)]
    assert {row[0] for row in body} == scenarios()
    assert {cell for row in body for cell in row[1:]} == {"passes"}
