"""The preloader forks the service's programs: they share what was loaded, and do not depend on it afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from mps_project.launcher import preload
from mps_project.launcher.preload import Preloader
from mps_project.launcher.programs import WORKING_DIRECTORY
from tests.support.stack import Stack

PROGRAMS = ("gateway", "sink", "receipts", "web")


@pytest.mark.xdist_group("run")
def test_programs_are_forked_become_children_of_the_launcher_and_have_names_of_their_own(open_stack: Stack) -> None:
    assert open_stack.process is not None
    for name in PROGRAMS:
        program = psutil.Process(open_stack.pids[name])
        assert program.ppid() == open_stack.process.pid
        assert program.cmdline()[0] == f"mps: {name}"
        # Each leads a group of its own, by which it is ended with its children.
        assert os.getpgid(program.pid) == os.getsid(program.pid) == program.pid


@pytest.mark.xdist_group("run")
def test_nothing_is_open_when_a_program_is_forked(open_stack: Stack) -> None:
    """A connection or a thread that exists then would be shared by all of them, or by none."""
    preloader = psutil.Process(open_stack.pids["preloader"])
    assert preloader.net_connections("inet") == []
    assert preloader.num_threads() == 1
    assert preloader.children() == []


@pytest.mark.xdist_group("run")
def test_programs_outlive_the_preloader_and_those_that_die_meanwhile_come_back(open_stack: Stack) -> None:
    before = open_stack.pids
    open_stack.kill("preloader")
    open_stack.kill("sink")
    deadline = time.monotonic() + 60
    while {"preloader", "sink"} - open_stack.pids.keys() or any(
        open_stack.pids[name] == before[name] for name in ("preloader", "sink")
    ):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    open_stack.wait_until_ready()
    others = before.keys() - {"preloader", "sink"}
    assert {name: open_stack.pids[name] for name in others} == {name: before[name] for name in others}
    assert psutil.Process(open_stack.pids["sink"]).cmdline()[0] == "mps: sink"


def test_a_preloader_that_has_ended_is_an_error_of_the_system() -> None:
    preloader = Preloader(WORKING_DIRECTORY)
    with pytest.raises(OSError, match="the preloader is not started"):
        preloader.fork(["sink"], stdout=1, stderr=2)
    process = preloader.start()
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    with pytest.raises(OSError, match="the preloader has ended"):
        preloader.fork(["sink"], stdout=1, stderr=2)


def test_a_preloader_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preload, "_ANSWER_SECONDS", 0.1)
    preloader = Preloader(WORKING_DIRECTORY)
    process = preloader.start()
    os.kill(process.pid, signal.SIGSTOP)
    try:
        with pytest.raises(OSError, match="the preloader does not answer"):
            preloader.fork(["sink"], stdout=1, stderr=2)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()


FORK = """
import os, signal
from mps_project.launcher import processes
child = processes.fork()
if child is None:
    {ending}
print(child.wait(), child.poll(), child.returncode)
"""


@pytest.mark.parametrize(("ending", "code"), [("os._exit(7)", 7), ("os.kill(os.getpid(), signal.SIGTERM)", -15)])
def test_a_forked_process_tells_how_it_ended(ending: str, code: int) -> None:
    """As `subprocess.Popen` does."""
    printed = subprocess.run(
        [sys.executable, "-c", FORK.format(ending=ending)],
        cwd=WORKING_DIRECTORY,
        capture_output=True,
        text=True,
        check=True,
    )
    assert printed.stdout.split() == [str(code)] * 3
