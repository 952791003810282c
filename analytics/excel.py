"""Write reports and lists as Excel files, row by row, so that a long one takes no more memory than a short one.

Text cells are written as text and never become formulas, whatever a device calls its version. Only who writes a
workbook imports this module: openpyxl takes time and memory to load.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.chart import LineChart, Reference
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from analytics.queries import Granularity, Point, Report, iter_series, statuses_of, totals
from analytics.report_files import COLUMNS, METRICS, ReportProgress, filters_of, numbers_of
from pushcore.ports import CoreIndex, StatusCount

_PERCENT = "0.00%"
_FORMATS = {Granularity.DAY: "yyyy-mm-dd", Granularity.HOUR: "yyyy-mm-dd hh:mm", Granularity.MINUTE: "yyyy-mm-dd hh:mm"}
STATUS_COLUMNS = ("Status", "Push channel", "Messages", "Share", "Meaning", "What to do")
# Points a chart still reads well with.
CHARTED = 2000
# What no name of a sheet holds.
_NO_SHEET_NAME = re.compile(r"[\[\]:*?/\\]")
# What no XML document holds (https://www.w3.org/TR/xml/#charsets), so no workbook.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_excel(report: Report, granularity: Granularity, progress: ReportProgress = lambda done: None) -> bytes:
    """Return a workbook: details with a chart, summary, statuses, filters.

    `progress` is called with the rows of details written so far.
    """
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
    _add_statuses(book, statuses_of(report))
    filters = book.create_sheet("Filters")
    filters.column_dimensions["A"].width, filters.column_dimensions["B"].width = 16, 40
    for name, value in filters_of(report, granularity):
        filters.append([_bold(filters, name), _cell(filters, value, "yyyy-mm-dd hh:mm")])
    out = io.BytesIO()
    book.save(out)
    progress(count)
    return out.getvalue()


def write_table(
    name: str, columns: Sequence[str], rows: Iterable[Sequence[str | int | float | None]], progress: ReportProgress
) -> bytes:
    """Return a workbook of one sheet. `progress` is called with the rows written so far, also at the end."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(_NO_SHEET_NAME.sub(" ", name)[:31])
    sheet.freeze_panes = "A2"
    for number, title in enumerate(columns, 1):
        sheet.column_dimensions[get_column_letter(number)].width = max(24, len(title) + 2)
    sheet.append([_bold(sheet, title) for title in columns])
    count = 0
    for count, row in enumerate(rows, 1):
        sheet.append([_cell(sheet, _exact(value)) for value in row])
        if count % 500 == 0:
            progress(count)
    out = io.BytesIO()
    book.save(out)
    progress(count)
    return out.getvalue()


def _exact(value: str | int | float | None) -> str | int | float | None:
    """Return a long ID as text: of a number, Excel keeps 15 digits."""
    return str(value) if isinstance(value, int) and abs(value) >= 10**15 else value


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
        numbers = numbers_of(point.index)
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
    for name, value in zip(METRICS, numbers_of(index), strict=True):
        sheet.append([_bold(sheet, name), _cell(sheet, value, _PERCENT if isinstance(value, float) else "#,##0")])


def _add_statuses(book: Any, counts: Sequence[StatusCount]) -> None:
    """List the messages of the report's pushes by the status they have now, of all platforms and versions."""
    sheet = book.create_sheet("Statuses")
    for column, width in zip("ABCDEF", (34, 14, 12, 10, 60, 60), strict=True):
        sheet.column_dimensions[column].width = width
    sheet.append([_bold(sheet, name) for name in STATUS_COLUMNS])
    total = sum(one.count for one in counts)
    for one in counts:
        sheet.append(
            [
                _cell(sheet, f"{one.status.code} {one.status.name}".strip()),
                _cell(sheet, one.channel.analysis_name),
                _cell(sheet, one.count, "#,##0"),
                _cell(sheet, one.count / total, _PERCENT),
                _cell(sheet, one.status.meaning),
                _cell(sheet, one.status.cause.advice),
            ]
        )
