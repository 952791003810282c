"""The supervisor of `make run`: starts processes, restarts what dies, stops everything and leaves nothing.

A small loop of our own: honcho ends all processes when one ends, and the engines belong under the same roof.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mps_project.processes import die_with_parent, kill_group

FIRST_DELAY_SECONDS = 0.5
LONGEST_DELAY_SECONDS = 10.0
HEALTHY_AFTER_SECONDS = 30.0
STOP_SECONDS = 10.0


@dataclass(slots=True)
class Program:
    """One process to keep running."""

    name: str
    command: str
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    delay: float = FIRST_DELAY_SECONDS
    restart_at: float = 0.0

    def start(self) -> None:
        """Start it in a session of its own; a line of its output is written under its name."""
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", f"exec {self.command}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
        self.started = time.monotonic()
        threading.Thread(target=_copy_output, args=(self.name, self.process), daemon=True).start()


def _copy_output(name: str, process: subprocess.Popen[bytes]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        sys.stdout.write(f"{name:<8}| {line.decode(errors='replace').rstrip()}\n")
        sys.stdout.flush()


@dataclass(slots=True)
class Supervisor:
    """Keeps programs running until `stop` is called. `pid_file` names the processes that run, as JSON."""

    programs: Sequence[Program]
    pid_file: Path
    also: Callable[[], dict[str, int]] = dict
    _ending: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        for program in self.programs:
            program.start()
        self.write_pids()

    def request_stop(self) -> None:
        self._ending.set()

    @property
    def ending(self) -> bool:
        return self._ending.is_set()

    def tick(self, seconds: float) -> None:
        """Wait up to `seconds` (less when a stop is asked for), then restart what died and whose delay is over."""
        self._ending.wait(seconds)
        if self.ending:
            return
        now, changed = time.monotonic(), False
        for program in self.programs:
            if program.process is not None and program.process.poll() is not None:
                self._note_death(program, now)
            if program.process is None and now >= program.restart_at:
                program.start()
                changed = True
        if changed:
            self.write_pids()

    def _note_death(self, program: Program, now: float) -> None:
        assert program.process is not None
        # Its children must not keep the port, or work on beside their successor.
        kill_group(program.process.pid, signal.SIGKILL)
        if now - program.started > HEALTHY_AFTER_SECONDS:
            program.delay = FIRST_DELAY_SECONDS
        sys.stderr.write(
            f"mps: {program.name} ended with code {program.process.returncode}; restarted in {program.delay:.1f} s\n"
        )
        program.restart_at = now + program.delay
        program.delay = min(program.delay * 2, LONGEST_DELAY_SECONDS)
        program.process = None

    def stop(self) -> None:
        """Ask all to end, then force those that do not; returns when none is left."""
        running = [program.process for program in self.programs if program.process is not None]
        for process in running:
            if process.poll() is None:
                # The leader passes it on as it sees fit (gunicorn and celery have children of their own to end).
                os.kill(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for process in running:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                pass
            finally:
                kill_group(process.pid, signal.SIGKILL)
                process.wait()
        self.pid_file.unlink(missing_ok=True)

    def write_pids(self) -> None:
        """Tell operators and scripts which processes run."""
        pids = {program.name: program.process.pid for program in self.programs if program.process is not None}
        temporary = self.pid_file.with_suffix(".new")
        temporary.write_text(json.dumps(pids | self.also()))
        temporary.replace(self.pid_file)
