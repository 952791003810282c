"""`make bench-file_push`: a multiple push from a file, up to durable rows, beside PostgreSQL's own COPY.

Starts PostgreSQL and Valkey in a temporary directory (durable: fsync and synchronous_commit on), registers devices
and binds half of the file's users to them. Each of `--runs` runs, in a process of its own, uploads a file
(`pushcore.file_push.upload`), loads it (`load`), and writes the same rows into the same table with one plain COPY. Peak
memory is that of the process.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.report import report
from bench.servers import servers, set_up

DEVICES = 50_000


def prepare() -> None:
    """Create the tables, a template, devices, and users bound to them."""
    set_up()
    from django.db import connection
    from django.utils import timezone

    from pushcore.devices import registry
    from pushcore.devices.info import DeviceInfo
    from pushcore.models import App, Binding, Workspace
    from pushcore.push import templates
    from pushcore.push.templates import TemplateDraft

    workspace = Workspace.objects.create(app=App.objects.create(app_id="BENCH", name="bench"), workspace_id="bench")
    templates.create(workspace, TemplateDraft("hello", "d", "Hello #name#", "Your order #order# is on its way"))
    for start in range(0, DEVICES, 1000):
        made = registry.register([(workspace, DeviceInfo())] * 1000)
        now = timezone.now()
        Binding.objects.bulk_create(
            Binding(workspace=workspace, device_id=device.id, user_id=f"user{(start + n) * 2}", bound_at=now)
            for n, (device, _) in enumerate(made)
        )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def one_run(megabytes: float, run: int) -> dict[str, Any]:
    """Upload and load a file, then COPY the same rows; runs in a process of its own."""
    import django

    django.setup()
    from django.conf import settings
    from django.db import connection

    from pushcore.file_push import upload
    from pushcore.loading import load
    from pushcore.models import FileImport, PushTask, Workspace
    from pushcore.push.requests import FilePush

    settings.MAX_FILE_BYTES = 1 << 40
    path = Path(tempfile.gettempdir()) / f"mps-bench-{os.getpid()}"
    lines = write_file(path, megabytes, run)
    digest = hashlib.sha256()
    with path.open("rb") as source:
        while data := source.read(1 << 20):
            digest.update(data)
    workspace = Workspace.objects.get(workspace_id="bench")
    request = FilePush(delivery_type=3, expired_seconds=3600, template_name="hello", sha256=digest.hexdigest())
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    with path.open("rb") as source:
        task = upload.receive(workspace, request, source.read, source=PushTask.Source.REST, author="bench")
    uploaded = time.perf_counter()
    while not FileImport.objects.get(pk=task.pk).finished_at:
        load.load_all(budget_seconds=3600)
    loaded = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    path.unlink()
    file = FileImport.objects.get(pk=task.pk)
    assert (file.accepted, file.rejected) == (lines, 0), (file.accepted, file.rejected, lines)
    copied = io.BytesIO()
    with connection.cursor() as cursor:
        cursor.copy_expert(f"COPY (SELECT * FROM pushcore_message WHERE task_id = {task.pk}) TO STDOUT", copied)
        cursor.execute("DELETE FROM pushcore_message WHERE task_id = %s", [task.pk])
        cursor.execute("VACUUM pushcore_message")
        rows = copied.getvalue().count(b"\n")
        copied.seek(0)
        started = time.perf_counter()
        cursor.copy_expert("COPY pushcore_message FROM STDIN", copied, 1 << 18)
        copy_seconds = time.perf_counter() - started
        cursor.execute("TRUNCATE pushcore_message, pushcore_messagekey")
    return {
        "lines": lines,
        "size": file.size,
        "upload": file.size / 2**20 / (uploaded - began),
        "load": lines / (loaded - uploaded),
        "copy": rows / copy_seconds,
        "base": base / 1024,
        "peak": peak / 1024,
    }


def write_file(path: Path, megabytes: float, run: int) -> int:
    """Write a file of records; half of its users are bound."""
    wanted, lines = int(megabytes * 2**20), 0
    with path.open("w") as target:
        while target.tell() < wanted:
            target.writelines(
                f"user{n % (2 * DEVICES)},m{run}-{n},name=Customer {n},order={n * 7}\n"
                for n in range(lines, lines + 5000)
            )
            lines += 5000
    return lines


def main() -> bool:
    """Measure as the command line says; returns whether every target is met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=50, help="size of the file (default 50)")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--step", choices=["prepare", "run"], help=argparse.SUPPRESS)
    parser.add_argument("--number", type=int, default=0, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step == "prepare":
        prepare()
        return True
    if arguments.step == "run":
        print(json.dumps(one_run(arguments.megabytes, arguments.number)))
        return True
    return measure(arguments)


def measure(arguments: argparse.Namespace) -> bool:
    """Start the engines, and a fresh process for each run."""
    with servers() as (_, environment):
        command = [sys.executable, "-m", "bench.file_push", "--megabytes", str(arguments.megabytes)]
        subprocess.run([*command, "--step", "prepare"], env=environment, check=True)
        step = [*command, "--step", "run", "--number"]
        answers = [
            subprocess.run([*step, str(number)], env=environment, check=True, stdout=subprocess.PIPE)
            for number in range(arguments.runs)
        ]
        runs = [json.loads(answer.stdout) for answer in answers]
    return show(runs)


def show(runs: list[dict[str, Any]]) -> bool:
    """Print a line for each run and report the medians; returns whether every target is met."""
    middle = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    rows = [
        {
            "run": name,
            "lines": f"{run['lines']:,.0f}",
            "MB": f"{run['size'] / 2**20:.0f}",
            "upload MB/s": f"{run['upload']:.0f}",
            "file to durable rows, lines/s": f"{run['load']:,.0f}",
            "plain COPY, rows/s": f"{run['copy']:,.0f}",
            "ratio": f"{run['load'] / run['copy']:.2f}",
            "peak RSS, MB": f"{run['peak']:.0f} (before: {run['base']:.0f})",
        }
        for name, run in [*((str(number), run) for number, run in enumerate(runs, 1)), ("median", middle)]
    ]
    figures = {"lines_per_second": middle["load"], "copy_rows_per_second": middle["copy"], "peak_mb": middle["peak"]}
    return report("multiple push from a file", rows, figures, {"peak_mb": 200})


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
