"""Write reports as Excel and CSV files, row by row, so that a long one takes no more memory than a short one.

Text cells never become formulas, whatever a device calls its version: in Excel they are written as text, in CSV with an
apostrophe before what a spreadsheet would take for one.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.chart import LineChart, Reference
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from analytics.queries import LENGTHS, Granularity, Point, Report, iter_series, spans, totals
from pushcore.channels import Channel, Platform
from pushcore.models import PushTask
from pushcore.ports import CoreIndex

COLUMNS = (
    "Time", "Pushed", "Accepted", "Arrived", "Arrival rate", "Opened", "Open rate", "Ignored", "Ignore rate",
    "UTC offset",
)  # fmt: skip
METRICS = COLUMNS[1:-1]
_PERCENT = "0.00%"
_FORMATS = {Granularity.DAY: "yyyy-mm-dd", Granularity.HOUR: "yyyy-mm-dd hh:mm", Granularity.MINUTE: "yyyy-mm-dd hh:mm"}
# Points a chart still reads well with.
CHARTED = 2000
_RISKY = ("=", "+", "-", "@", "\t", "\r")
# What no XML document holds (https://www.w3.org/TR/xml/#charsets), so no workbook.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# By this at its beginning, Excel knows that a CSV file is UTF-8.
CSV_MARK = "\ufeff"

Progress = Callable[[int], None]


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


def write_excel(report: Report, granularity: Granularity, progress: Progress = lambda done: None) -> bytes:
    """Return a workbook: details with a chart, summary, filters. `progress` is called with the rows written so far."""
    book = Workbook(write_only=True)
    details = book.create_sheet("Details")
    details.freeze_panes = "A2"
    for number, name in enumerate(COLUMNS, 1):
        details.column_dimensions[get_column_letter(number)].width = 20 if number == 1 else max(12, len(name) + 2)
    details.append([_bold(details, name) for name in COLUMNS])
    count = 0
    row_of = _row_maker(details, granularity)
    for count, point in enumerate(iter_series(report, granularity), 1):
        details.append(row_of(point))
        if count % 1000 == 0:
            progress(count)
    _add_chart(details, count)
    _add_summary(book, totals(report))
    filters = book.create_sheet("Filters")
    filters.column_dimensions["A"].width, filters.column_dimensions["B"].width = 16, 40
    for name, value in filters_of(report, granularity):
        filters.append([_bold(filters, name), _cell(filters, value, "yyyy-mm-dd hh:mm")])
    out = io.BytesIO()
    book.save(out)
    progress(count)
    return out.getvalue()


def _cell(sheet: Any, value: Any, number_format: str = "") -> Any:
    cell: Any = WriteOnlyCell(sheet, _NO_XML.sub("\ufffd", value) if isinstance(value, str) else value)
    if isinstance(value, str):
        cell.data_type = "s"  # never a formula
    elif number_format:
        cell.number_format = number_format
    return cell


def _bold(sheet: Any, text: str) -> Any:
    cell: Any = _cell(sheet, text)
    cell.font = Font(bold=True)
    return cell


def _numbers(index: CoreIndex) -> tuple[int | float, ...]:
    """Return the numbers in the order of `METRICS`, rates as fractions."""
    return (
        index.pushed, index.succeeded, index.arrived, _rate(index.arrived, index.pushed),
        index.opened, _rate(index.opened, index.arrived), index.ignored, _rate(index.ignored, index.arrived),
    )  # fmt: skip


def _rate(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _row_maker(sheet: Any, granularity: Granularity) -> Callable[[Point], list[Any]]:
    """Return what makes a row of a point. Cells with a format are shared: a row is written before the next is made."""
    at = _cell(sheet, None)
    at.number_format = _FORMATS[granularity]
    rates = [_cell(sheet, 0.0, _PERCENT) for _ in range(3)]
    offset = _cell(sheet, "")

    def row_of(point: Point) -> list[Any]:
        at.value = point.at.replace(tzinfo=None)
        offset.value = point.offset
        offset.data_type = "s"  # "+02:00" is no formula
        numbers = _numbers(point.index)
        for rate, value in zip(rates, numbers[3::2], strict=True):
            rate.value = value
        return [at, *numbers[:3], rates[0], numbers[4], rates[1], numbers[6], rates[2], offset]

    return row_of


def _add_chart(sheet: Any, count: int) -> None:
    """Put a chart of the four numbers beside the details, unless there are too many for one."""
    if not 0 < count <= CHARTED:
        return
    chart = LineChart()
    chart.title, chart.height, chart.width = "Core push metrics", 10, 24
    for column in (2, 4, 6, 8):
        chart.add_data(Reference(sheet, min_col=column, min_row=1, max_row=count + 1), titles_from_data=True)
    chart.set_categories(Reference(sheet, min_col=1, min_row=2, max_row=count + 1))
    sheet.add_chart(chart, "L2")


def _add_summary(book: Any, index: CoreIndex) -> None:
    sheet = book.create_sheet("Summary")
    sheet.column_dimensions["A"].width = 16
    for name, value in zip(METRICS, _numbers(index), strict=True):
        sheet.append([_bold(sheet, name), _cell(sheet, value, _PERCENT if isinstance(value, float) else "#,##0")])


def write_csv(report: Report, granularity: Granularity) -> Iterator[str]:
    """Return the details as CSV, in blocks of lines; rates in percent."""
    out = io.StringIO()
    out.write(CSV_MARK)
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    form = "%Y-%m-%d" if granularity is Granularity.DAY else "%Y-%m-%d %H:%M"
    for point in iter_series(report, granularity):
        values = [round(100 * value, 2) if isinstance(value, float) else value for value in _numbers(point.index)]
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
        csv.writer(line).writerow([inert(text) for text in row])
        yield line.getvalue()


def inert(text: str) -> str:
    """Return text for a CSV cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_RISKY) else text
