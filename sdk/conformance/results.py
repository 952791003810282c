"""The table of scenarios by SDKs, made of pytest's reports."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from conformance.sdks import SDKS

_SCENARIO = re.compile(rf"sdk/conformance/test_\w+\.py::test_(\w+)\[({'|'.join(one.name for one in SDKS)})\]")
# What became of a scenario, by its name and the SDK's.
Cells = dict[str, dict[str, str]]
_SHOWN = {"passed": "passes", "failed": "**fails**", "error": "**fails**", "skipped": "skipped"}


def read(document: str) -> Cells:
    """Return the cells of a document that `document_of` made."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in document.splitlines() if line.startswith("|")
    ]
    if not rows:
        return {}
    (_, *sdks), _, *body = rows
    return {scenario: dict(zip(sdks, results, strict=True)) for scenario, *results in body}


def table_of(stats: Mapping[str, Sequence[Any]], former: Cells | None = None) -> str:
    """Return the table in Markdown, from the reports by outcome; empty where no scenario ran.

    Args:
        stats: Reports by their outcome.
        former: Cells of a former run: they stay where an SDK's scenario did not run now.
    """
    cells = {scenario: dict(by_sdk) for scenario, by_sdk in (former or {}).items()}
    reasons: dict[str, str] = {}
    for outcome, shown in _SHOWN.items():
        for report in stats.get(outcome, ()):
            found = _SCENARIO.match(getattr(report, "nodeid", ""))
            if found:
                scenario, sdk = found[1].replace("_", " "), found[2]
                cells.setdefault(scenario, {})[sdk] = shown
                if outcome == "skipped":
                    reasons[sdk] = str(report.longrepr[-1]).removeprefix("Skipped: ")
    if not cells:
        return ""
    sdks = sorted({sdk for by_sdk in cells.values() for sdk in by_sdk})
    lines = [
        f"| scenario | {' | '.join(sdks)} |",
        f"|---|{'---|' * len(sdks)}",
        *(
            f"| {scenario} | {' | '.join(by_sdk.get(sdk, '') for sdk in sdks)} |"
            for scenario, by_sdk in sorted(cells.items())
        ),
    ]
    return "\n".join([*lines, *(f"\n{sdk}: {reason}" for sdk, reason in sorted(reasons.items()))])


def document_of(table: str) -> str:
    """Return the file of the results."""
    return (
        "# Which SDK passes what\n\n"
        "Written by `make test-sdks ARGS=--write-results`; the scenarios are in [this folder](README.md).\n\n"
        f"{table}\n\n"
        "`js` is the TypeScript SDK in Node, `js-chromium` in a page of Chromium. The Android library is the Java SDK\n"
        "with a part of its own, which is tested on Robolectric. Nothing has compiled the iOS package yet.\n"
    )
