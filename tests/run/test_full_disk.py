"""On a full disk the service answers 503, logs the reason once, and recovers when there is room."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests
from aliyunsdkcore.acs_exception.exceptions import ServerException

from mps_project.launcher import disk_space
from mps_project.launcher.supervisor import Supervisor
from tests.e2e import backends
from tests.e2e.database import Database
from tests.e2e.test_server_api import call
from tests.run.conftest import Disk
from tests.support.stack import Stack

SECONDS = 120


def fill(folder: Path) -> Path:
    """Fill the disk."""
    filler = folder / "filler"
    with filler.open("ab", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"\0" * size)
    return filler


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


LINES = 40_000
TEMPLATE = """
from pushcore.push import templates
from pushcore.models import Workspace
templates.create(Workspace.objects.get(), templates.TemplateDraft("full", "d", "Hello #name#", "Body"))
"""


@pytest.mark.xdist_group("run")
def test_the_service_survives_a_full_disk_and_loses_nothing_accepted(
    disk: Disk, running: Stack, tmp_path: Path
) -> None:
    """A file push is being loaded meanwhile."""
    if not disk.small:
        pytest.skip("only root can mount a file system")
    backends.run_in_service(running, TEMPLATE)
    file = _push_file(running, tmp_path)
    filler, accepted, refused = fill(disk.folder), 0, 0
    try:
        deadline = time.monotonic() + SECONDS
        while refused < 10 and time.monotonic() < deadline:
            fill(disk.folder)
            taken = _push(running)
            accepted, refused = accepted + taken, refused + (not taken)
            time.sleep(0.5)
        assert refused == 10
        assert requests.get(f"{running.url}/healthz", timeout=30).ok
        assert running.process is not None
        assert running.process.poll() is None
        assert running.output.count("is full (") == 1
    finally:
        filler.unlink()
    running.wait_until_ready()
    wait_for(lambda: _push(running))
    database = Database(running)
    [[kept]] = database.query("SELECT count(*) FROM pushcore_message WHERE target = 'nobody'")
    assert kept >= accepted + 1
    asked = "SELECT accepted, rejected FROM pushcore_fileimport WHERE id = %s AND finished_at IS NOT NULL"
    wait_for(lambda: database.query(asked, file))
    assert database.query(asked, file) == [(LINES, 0)]
    assert database.query("SELECT count(*) FROM pushcore_message WHERE target LIKE 'file-%%'") == [(LINES,)]
    database.close()


def _push_file(stack: Stack, folder: Path) -> int:
    """Push a file, which loads from then on; returns its task's id."""
    data = "\n".join(f"file-{number},f-{number},name=Ann" for number in range(LINES)).encode()
    query = {
        "appId": stack.demo["app_id"], "workspaceId": stack.demo["workspace_id"], "templateName": "full",
        "deliveryType": "1", "expiredSeconds": "3000", "taskName": "file", "sha256": hashlib.sha256(data).hexdigest(),
    }  # fmt: skip
    answer = call(stack, "POST", "/api/v1/push/multiple/file", query, folder, data)
    assert answer["code"] == "100"
    return int(answer["data"])


def _push(stack: Stack) -> bool:
    """Push once; returns whether it was accepted. A push that is not is refused with 503."""
    try:
        return bool(backends.push_2019(stack.demo, "nobody", uuid.uuid4().hex)["ResultCode"] == "100")
    except ServerException as error:
        if error.http_status != 503:
            raise
        return False


def test_a_supervisor_survives_a_full_disk(tmp_path: Path) -> None:
    """It can neither write its list of processes nor start a program, and retries both."""

    class Program:
        name, stop_signal, stop_seconds = "sleeper", signal.SIGTERM, 1.0
        room = False

        def start(self) -> subprocess.Popen[bytes]:
            if not self.room:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return subprocess.Popen(["sleep", "600"], start_new_session=True)

    pids, program = tmp_path / "gone" / "processes.json", Program()
    supervisor = Supervisor(pids)
    with subprocess.Popen(["true"], start_new_session=True) as ended:
        ended.wait()
        supervisor.adopt([(program, ended)])
        for _ in range(20):
            supervisor.tick()
            time.sleep(0.05)
        program.room = True
        pids.parent.mkdir()

        def runs() -> bool:
            supervisor.tick()
            return pids.exists() and "sleeper" in json.loads(pids.read_text())

        wait_for(runs)
        supervisor.stop(skip_grace=lambda: True)


def test_lines_are_lost_while_the_disk_is_full_and_written_again_after() -> None:
    code = (
        "import os; from mps_project.launcher.output import write_line; out = os.dup(1);"
        "os.dup2(os.open('/dev/full', os.O_WRONLY), 1); written = write_line('lost');"
        "os.dup2(out, 1); write_line(f'kept {written}')"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "kept False\n"


def test_a_full_disk_and_its_end_are_each_logged_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(disk_space, "_CHECK_SECONDS", 0.0)
    monitor = disk_space.DiskSpaceMonitor(tmp_path)
    for free in (1 << 30, 0, 0, disk_space.FULL_BYTES + 1, 1 << 30, 1 << 30):
        monkeypatch.setattr("shutil.disk_usage", lambda _, free=free: SimpleNamespace(free=free))
        monitor.check()
    first, second = capfd.readouterr().out.splitlines()
    assert "is full" in first
    assert "was full and has room again" in second
