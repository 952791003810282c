"""Reports of benchmarks: a table for people, and one JSON object for machines as the last line."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` (0 to 1) of the values lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered) + 0.5) - 1))]


def machine() -> str:
    """Describe the machine that the figures were measured on."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    return f"{os.cpu_count()} cores, {model}, Python {platform.python_version()}, {platform.system()}"


def table(rows: Sequence[Mapping[str, object]]) -> None:
    """Print rows that have the same columns."""
    columns = list(rows[0])
    widths = [max(len(column), *(len(str(row[column])) for row in rows)) for column in columns]
    print("  ".join(column.ljust(width) for column, width in zip(columns, widths, strict=True)))
    print("  ".join("-" * width for width in widths))
    for row in rows:
        print("  ".join(str(row[column]).ljust(width) for column, width in zip(columns, widths, strict=True)))


def report(
    name: str,
    rows: Sequence[Mapping[str, object]],
    figures: Mapping[str, float],
    targets: Mapping[str, float],
) -> bool:
    """Print the table, then the JSON line; returns whether every figure with a target is at most its target."""
    held = all(figures[figure] <= limit for figure, limit in targets.items())
    print(f"\n{name} on {machine()}\n")
    table(rows)
    print(flush=True)
    print(json.dumps({"name": name, "figures": dict(figures), "targets": dict(targets), "held": held}), flush=True)
    return held
