"""Reports as files: Excel and CSV, row by row, so that a long one takes no more memory than a short one.

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

from analytics.queries import LENGTHS, Point, Report, Step, iter_series, spans, totals
from pushcore.channels import Channel, Platform
from pushcore.models import PushTask
from pushcore.ports import CoreIndex

COLUMNS = (
    "Time", "Pushed", "Accepted", "Arrived", "Arrival rate", "Opened", "Open rate", "Ignored", "Ignore rate",
    "UTC offset",
)  # fmt: skip
METRICS = COLUMNS[1:-1]
_PERCENT = "0.00%"
_FORMATS = {Step.DAY: "yyyy-mm-dd", Step.HOUR: "yyyy-mm-dd hh:mm", Step.MINUTE: "yyyy-mm-dd hh:mm"}
# Points a chart still reads well with.
CHARTED = 2000
_RISKY = ("=", "+", "-", "@", "\t", "\r")
# What no XML document holds (https://www.w3.org/TR/xml/#charsets), so no workbook.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# By this at its beginning, Excel knows that a CSV file is UTF-8.
CSV_MARK = "\ufeff"

Progress = Callable[[int], None]


def row_count(report: Report, step: Step) -> int:
    """How many rows of details the file has."""
    if step is Step.DAY:
        return sum(1 for _ in spans(report, step))
    return -(-report.length // LENGTHS[step])


def filters_of(report: Report, step: Step) -> list[tuple[str, Any]]:
    """What the report is narrowed to, in words."""
    return [
        ("Workspace", str(report.workspace)),
        ("Time zone", report.workspace.time_zone),
        ("From", report.start.replace(tzinfo=None)),
        ("To before", report.end.replace(tzinfo=None)),
        ("Granularity", step.value),
        ("Platform", "all" if report.platform is None else Platform(report.platform).label),
        ("Version", "all" if report.app_version is None else report.app_version),
        ("Push channel", "all" if report.channel is None else Channel(report.channel).analysis_name),
        ("Push type", "all" if report.kind is None else PushTask.Kind(report.kind).name),
    ]


def write_excel(report: Report, step: Step, progress: Progress = lambda done: None) -> bytes:
    """A workbook: details with a chart, summary, filters. `progress` hears how many rows are done."""
    book = Workbook(write_only=True)
    details = book.create_sheet("Details")
    details.freeze_panes = "A2"
    for number, name in enumerate(COLUMNS, 1):
        details.column_dimensions[get_column_letter(number)].width = 20 if number == 1 else max(12, len(name) + 2)
    details.append([_bold(details, name) for name in COLUMNS])
    count = 0
    row_of = _row_maker(details, step)
    for count, point in enumerate(iter_series(report, step), 1):
        details.append(row_of(point))
        if count % 1000 == 0:
            progress(count)
    _add_chart(details, count)
    _add_summary(book, totals(report))
    filters = book.create_sheet("Filters")
    filters.column_dimensions["A"].width, filters.column_dimensions["B"].width = 16, 40
    for name, value in filters_of(report, step):
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
    """In the order of `METRICS`, rates as fractions."""
    return (
        index.pushed, index.succeeded, index.arrived, _rate(index.arrived, index.pushed),
        index.opened, _rate(index.opened, index.arrived), index.ignored, _rate(index.ignored, index.arrived),
    )  # fmt: skip


def _rate(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _row_maker(sheet: Any, step: Step) -> Callable[[Point], list[Any]]:
    """Makes rows. Their cells with a format are the same for all rows: a row is written before the next is made."""
    at = _cell(sheet, None)
    at.number_format = _FORMATS[step]
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
    """A chart of the four numbers beside the details, where they are not too many for one."""
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


def write_csv(report: Report, step: Step) -> Iterator[str]:
    """The details, line by line; rates in percent."""
    out = io.StringIO()
    out.write(CSV_MARK)
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    form = "%Y-%m-%d" if step is Step.DAY else "%Y-%m-%d %H:%M"
    for point in iter_series(report, step):
        values = [round(100 * value, 2) if isinstance(value, float) else value for value in _numbers(point.index)]
        writer.writerow([point.at.strftime(form), *values, f"UTC{point.offset}"])
        if out.tell() > 1 << 16:
            yield out.getvalue()
            out.seek(0)
            out.truncate()
    yield out.getvalue()


def targets_csv(targets: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Target and customer message ID, line by line."""
    yield f"{CSV_MARK}Target ID,Customer message ID\r\n"
    for row in targets:
        line = io.StringIO()
        csv.writer(line).writerow([inert(text) for text in row])
        yield line.getvalue()


def inert(text: str) -> str:
    """Text for a CSV cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_RISKY) else text
