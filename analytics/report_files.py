"""Write reports as CSV files, row by row, so that a long one takes no more memory than a short one.

Text cells never become formulas, whatever a device calls its version: what a spreadsheet would take for one gets an
apostrophe before it. Excel files: `analytics.excel`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from analytics.queries import LENGTHS, Granularity, Report, iter_series, spans
from pushcore.ab_tests.results import TestResults
from pushcore.channels import Channel, Platform
from pushcore.models import PushTask
from pushcore.ports import CoreIndex

COLUMNS = (
    "Time", "Pushed", "Accepted", "Arrived", "Arrival rate", "Opened", "Open rate", "Ignored", "Ignore rate",
    "UTC offset",
)  # fmt: skip
METRICS = COLUMNS[1:-1]
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
# By this at its beginning, Excel knows that a CSV file is UTF-8.
CSV_MARK = "\ufeff"

ReportProgress = Callable[[int], None]


def row_count(report: Report, granularity: Granularity) -> int:
    """Return how many rows of details the file has."""
    if granularity is Granularity.DAY:
        return sum(1 for _ in spans(report, granularity))
    return -(-report.length // LENGTHS[granularity])


def filters_of(report: Report, granularity: Granularity) -> list[tuple[str, Any]]:
    """Return the report's filters as the file shows them: names and values."""
    return [
        ("Workspace", str(report.workspace)),
        ("Time zone", report.workspace.time_zone),
        ("From", report.start.replace(tzinfo=None)),
        ("To before", report.end.replace(tzinfo=None)),
        ("Granularity", granularity.value),
        ("Platform", "all" if report.platform is None else Platform(report.platform).api_name),
        ("Version", "all" if report.app_version is None else report.app_version),
        ("Push channel", "all" if report.channel is None else Channel(report.channel).analysis_name),
        ("Push type", "all" if report.kind is None else PushTask.Kind(report.kind).name),
    ]


def numbers_of(index: CoreIndex) -> tuple[int | float | None, ...]:
    """Return the numbers in the order of `METRICS`, rates as fractions; None where there is nothing to compare with."""
    return (
        index.pushed, index.succeeded, index.arrived, _rate(index.arrived, index.pushed),
        index.opened, _rate(index.opened, index.arrived), index.ignored, _rate(index.ignored, index.arrived),
    )  # fmt: skip


def _rate(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def write_csv(report: Report, granularity: Granularity) -> Iterator[str]:
    """Return the details as CSV, in blocks of lines; rates in percent."""
    out = io.StringIO()
    out.write(CSV_MARK)
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    form = "%Y-%m-%d" if granularity is Granularity.DAY else "%Y-%m-%d %H:%M"
    for point in iter_series(report, granularity):
        values = [round(100 * value, 2) if isinstance(value, float) else value for value in numbers_of(point.index)]
        writer.writerow([point.at.strftime(form), *values, f"UTC{point.offset}"])
        if out.tell() > 1 << 16:
            yield out.getvalue()
            out.seek(0)
            out.truncate()
    yield out.getvalue()


def targets_csv(targets: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Return targets and their msgkeys as CSV, line by line."""
    yield f"{CSV_MARK}Target ID,Customer message ID\r\n"
    for row in targets:
        line = io.StringIO()
        csv.writer(line).writerow([escape_formula(text) for text in row])
        yield line.getvalue()


VARIANT_COLUMNS = (
    "Variant", "Share", "Winner", "Pushed", "Accepted", "Arrived", "Opened", "Open rate", "Open rate from",
    "Open rate to",
)  # fmt: skip


def variants_csv(results: TestResults, *, winner: str) -> Iterator[str]:
    """Return the numbers of an A/B test's variants, and of the rest, as CSV; rates in percent, with 95 % confidence."""
    out = io.StringIO()
    out.write(CSV_MARK)
    writer = csv.writer(out)
    writer.writerow(VARIANT_COLUMNS)
    for one in (*results.variants, *([results.rest] if results.rest else [])):
        index, rates = one.index, (one.rate, *one.interval)
        writer.writerow(
            [
                one.name or "rest", one.share, "yes" if one.name and one.name == winner else "", index.pushed,
                one.delivered, index.arrived, index.opened, *(round(100 * rate, 2) for rate in rates),
            ]
        )  # fmt: skip
    yield out.getvalue()


def escape_formula(text: str) -> str:
    """Return text for a CSV cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
