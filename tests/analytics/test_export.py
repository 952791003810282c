"""Exports show the figures of the analysis page as real numbers and dates, and contain no formula."""

from __future__ import annotations

import io
import re
import subprocess
import zipfile
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from python_calamine import CalamineWorkbook

from analytics import excel, export_jobs, queries, report_files, rollups
from analytics.models import Export, ExportChunk, MinuteRollup, QuarterRollup
from analytics.queries import Granularity, Report
from pushcore.models import Workspace
from tests.support.debian import program

EVIL = '=HYPERLINK("http://evil.example","x")'


def fill(workspace: Workspace, *counts: int) -> Report:
    """Insert sums of days, today's first: half as many arrived as were pushed, half of these were opened, and so on."""
    today = queries.report_of_days(workspace, timezone.now(), timezone.now())
    for day, count in enumerate(counts):
        start = today.start - timedelta(days=day)
        for model in (MinuteRollup, QuarterRollup):
            model.objects.create(
                workspace_id=workspace.pk, start=start, platform=1, app_version=EVIL, channel=0, kind="simple",
                pushed=count, accepted=count, arrived=count // 2, opened=count // 4, ignored=count // 8,
            )  # fmt: skip
    return Report(workspace, today.start - timedelta(days=len(counts) - 1), today.end, app_version=EVIL)


def sheets(data: bytes) -> dict[str, list[list[Any]]]:
    """Read a workbook with another library than the one that wrote it."""
    book = CalamineWorkbook.from_filelike(io.BytesIO(data))
    return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


def test_details_summary_and_filters_are_sheets(workspace: Workspace) -> None:
    report = fill(workspace, 80, 40, 0)
    found = sheets(excel.write_excel(report, Granularity.DAY))
    details, summary, filters = (found[name] for name in ("Details", "Summary", "Filters"))
    assert details[0] == list(report_files.COLUMNS)
    assert [row[1] for row in details[1:]] == [0, 40, 80]
    assert isinstance(details[1][0], date | datetime)
    assert details[3][3:5] == [40, 0.5]
    assert dict(summary)["Pushed"] == 120
    assert dict(summary)["Arrival rate"] == 0.5
    assert dict(filters)["Version"] == EVIL
    total = queries.totals(report)
    assert (dict(summary)["Pushed"], dict(summary)["Arrived"]) == (total.pushed, total.arrived)


def test_nothing_is_a_formula_and_the_chart_is_excels_own(workspace: Workspace) -> None:
    with zipfile.ZipFile(io.BytesIO(excel.write_excel(fill(workspace, 8), Granularity.DAY))) as book:
        parts = {name: book.read(name).decode("utf-8", "replace") for name in book.namelist()}
    assert not [name for name, text in parts.items() if "worksheets/" in name and re.search("<f>|<f ", text)]
    assert any("charts/chart" in name for name in parts)


def test_characters_that_a_workbook_cannot_hold_do_not_stop_the_export(workspace: Workspace) -> None:
    version = "1.0\x01\x08\x0b\x1f\ufffe\uffff \t\u2028 \U0001f600"
    report = replace(fill(workspace, 8), app_version=version)
    shown = dict(sheets(excel.write_excel(report, Granularity.DAY))["Filters"])["Version"]
    assert shown.startswith("1.0\ufffd")
    assert shown.endswith("\U0001f600")


@pytest.mark.parametrize("step", [Granularity.HOUR, Granularity.MINUTE])
def test_a_day_of_25_hours_has_25_distinct_rows(workspace: Workspace, step: Granularity) -> None:
    workspace.time_zone = "Europe/Berlin"
    workspace.save()
    noon = datetime(2026, 10, 25, 12, tzinfo=ZoneInfo("Europe/Berlin"))
    for hour, pushed in ((0, 1), (1, 2)):  # 02:00 summer time, 02:00 winter time
        for model in (MinuteRollup, QuarterRollup):
            model.objects.create(
                workspace_id=workspace.pk, start=datetime(2026, 10, 25, hour, tzinfo=UTC), platform=1, channel=0,
                kind="simple", pushed=pushed,
            )  # fmt: skip
    report = queries.report_of_days(workspace, noon, noon)
    rows = sheets(excel.write_excel(report, step))["Details"][1:]
    number = 25 * (60 if step is Granularity.MINUTE else 1)
    assert len(rows) == report_files.row_count(report, step) == number
    assert len({(row[0], row[-1]) for row in rows}) == number
    assert [(row[0].hour, row[-1], row[1]) for row in rows if row[1]] == [(2, "+02:00", 1), (2, "+01:00", 2)]
    lines = [line.split(",") for line in "".join(report_files.write_csv(report, step)).splitlines()[1:]]
    assert [(line[0], line[-1]) for line in lines if line[1] != "0"] == [
        ("2026-10-25 02:00", "UTC+02:00"), ("2026-10-25 02:00", "UTC+01:00"),
    ]  # fmt: skip
    assert len(lines) == number


def test_csv_files_begin_with_a_byte_order_mark(workspace: Workspace) -> None:
    files = (
        export_jobs.file_of(fill(workspace, 8), Granularity.DAY, "csv"),
        "".join(report_files.targets_csv([("ü", "k")])).encode(),
    )
    assert [file[:4] for file in files] == [b"\xef\xbb\xbfT"] * 2


def test_csv_has_the_same_figures(workspace: Workspace) -> None:
    lines = "".join(report_files.write_csv(fill(workspace, 80, 40), Granularity.DAY)).splitlines()
    assert lines[0].split(",") == [f"\ufeff{report_files.COLUMNS[0]}", *report_files.COLUMNS[1:]]
    assert [line.split(",")[1:5] for line in lines[1:]] == [["40", "40", "20", "50.0"], ["80", "80", "40", "50.0"]]


@pytest.mark.parametrize(("text", "safe"), [("=1+1", "'=1+1"), ("-1", "'-1"), ("@x", "'@x"), ("1.0", "1.0"), ("", "")])
def test_text_that_a_spreadsheet_takes_for_a_formula_is_inert(text: str, safe: str) -> None:
    assert report_files.escape_formula(text) == safe


def test_a_day_by_minute_has_all_its_minutes(workspace: Workspace) -> None:
    report = queries.report_of_days(workspace, timezone.now(), timezone.now())
    assert report_files.row_count(report, Granularity.MINUTE) == 1440
    assert len(sheets(excel.write_excel(report, Granularity.MINUTE))["Details"]) == 1441


def test_a_long_export_is_made_in_the_background_announced_and_deleted_later(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_jobs, "CHUNK_BYTES", 1000)
    report = fill(workspace, 80, 40, 8)
    made = export_jobs.enqueue(export_jobs.of_usage(report, Granularity.MINUTE, "xlsx", author="ann"))
    export_jobs.make(made.pk)
    export_jobs.make(made.pk)
    made.refresh_from_db()
    assert (made.rows, made.done, made.fault) == (3 * 1440, 3 * 1440, "")
    assert ExportChunk.objects.count() > 1
    data = b"".join(export_jobs.chunks_of(made))
    assert len(data) == made.size
    assert dict(sheets(data)["Summary"])["Pushed"] == 128
    assert export_jobs.purge() == 0
    Export.objects.update(created_at=timezone.now() - timedelta(days=2))
    assert export_jobs.purge() == 1
    assert not ExportChunk.objects.exists()


def test_files_of_a_workspace_are_bounded(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_jobs, "MAX_KEPT", 1)
    report = fill(workspace, 8)
    export_jobs.enqueue(export_jobs.of_usage(report, Granularity.DAY, "csv", author="ann"))
    with pytest.raises(export_jobs.TooManyExportsError):
        export_jobs.enqueue(export_jobs.of_usage(report, Granularity.DAY, "csv", author="ann"))


def test_a_file_whose_worker_died_is_made_later(workspace: Workspace) -> None:
    made = export_jobs.enqueue(export_jobs.of_usage(fill(workspace, 8), Granularity.DAY, "csv", author="ann"))
    export_jobs.make_waiting()
    assert not Export.objects.get(pk=made.pk).finished_at
    Export.objects.update(created_at=timezone.now() - timedelta(hours=1))
    export_jobs.make_waiting()
    assert Export.objects.get(pk=made.pk).finished_at


def test_a_failed_export_is_reported(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    made = export_jobs.enqueue(export_jobs.of_usage(fill(workspace, 8), Granularity.DAY, "xlsx", author="ann"))
    monkeypatch.setattr(excel, "write_excel", lambda *_: 1 / 0)
    export_jobs.make(made.pk)
    assert Export.objects.get(pk=made.pk).fault == "ZeroDivisionError"


# Longer than others: it may be installed first.
@pytest.mark.timeout(900)
def test_libreoffice_opens_it_with_the_same_totals(workspace: Workspace, tmp_path: Path) -> None:
    report = fill(workspace, 80, 40)
    (tmp_path / "report.xlsx").write_bytes(excel.write_excel(report, Granularity.DAY))
    soffice = program("soffice", "libreoffice-calc-nogui")
    command = [soffice, "--headless", "--convert-to", "csv", "--outdir", str(tmp_path), str(tmp_path / "report.xlsx")]
    subprocess.run(command, check=True, timeout=120, capture_output=True)
    rows = [line.split(",") for line in (tmp_path / "report.csv").read_text().splitlines()]
    assert sum(int(row[1]) for row in rows[1:]) == 120


def test_sums_older_than_the_retention_are_deleted(workspace: Workspace, settings: Any) -> None:
    fill(workspace, 8)
    settings.ANALYSIS_MINUTE_DAYS, settings.ANALYSIS_RETENTION_DAYS = 5, 20
    MinuteRollup.objects.update(start=timezone.now() - timedelta(days=6))
    QuarterRollup.objects.update(start=timezone.now() - timedelta(days=6))
    assert rollups.purge() == 1
    assert QuarterRollup.objects.exists()
