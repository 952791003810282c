"""The supervisor of `make run`: starts programs, restarts what dies, stops everything and leaves nothing.

A small loop of our own: honcho ends all processes when one ends, and the engines belong under the same roof.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from mps_project.launcher import processes

FIRST_DELAY_SECONDS = 0.5
LONGEST_DELAY_SECONDS = 10.0
HEALTHY_AFTER_SECONDS = 30.0
# A longer line of output is written in pieces.
LONGEST_LINE = 65536
_STDOUT = 1
# What a write fails with on a full disk, or over a quota or a limit of files' sizes.
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Startable(Protocol):
    """Something to keep running: a program of the Procfile, or an engine."""

    @property
    def name(self) -> str: ...
    @property
    def stop_signal(self) -> signal.Signals: ...
    @property
    def stop_seconds(self) -> float:
        """How long it may take to end before it is killed."""

    def start(self) -> subprocess.Popen[bytes]:
        """Start it as the leader of a session of its own."""


@dataclass(frozen=True, slots=True)
class Program:
    """A command of the Procfile, run by the shell in `directory`; its output is written line by line under its name."""

    name: str
    command: str
    directory: Path
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 10.0

    def start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            ["/bin/sh", "-c", f"exec {self.command}"],
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=processes.die_with_parent(),
        )
        threading.Thread(target=_copy_output, args=(self.name, process), daemon=True).start()
        return process


def _copy_output(name: str, process: subprocess.Popen[bytes]) -> None:
    """Until the end of its output. It is read even where nobody reads ours: a full pipe would stop the program."""
    assert process.stdout is not None
    with process.stdout as output:
        while line := output.readline(LONGEST_LINE):
            say(f"{name:<8}| {line.decode(errors='replace').rstrip()}")


def say(line: str) -> bool:
    """Write a line to standard output; from the moment nobody reads it any more, to nowhere.

    Returns whether it was written: one for which a full disk has no room is lost, those after it are not.
    """
    data = memoryview(f"{line}\n".encode(errors="replace"))
    try:
        while data:
            data = data[os.write(_STDOUT, data) :]
    except OSError as error:
        if error.errno in NO_ROOM:
            return False
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, _STDOUT)
        os.close(nowhere)
    return True


@dataclass(slots=True)
class _Kept:
    what: Startable
    process: subprocess.Popen[bytes] | None
    started: float = field(default_factory=time.monotonic)
    delay: float = FIRST_DELAY_SECONDS
    restart_at: float = 0.0


class Supervisor:
    """Keeps programs running, in layers: each is stopped before those added earlier, which it stands on."""

    def __init__(self, pid_file: Path) -> None:
        """`pid_file` names the running processes, as JSON: name -> process id."""
        self._pid_file = pid_file
        self._layers: list[list[_Kept]] = []
        self._pids_written = True

    def start(self, layer: Sequence[Startable]) -> None:
        self.adopt([(what, what.start()) for what in layer])

    def adopt(self, layer: Sequence[tuple[Startable, subprocess.Popen[bytes]]]) -> None:
        """Keep what somebody has started already."""
        self._layers.append([_Kept(what, process) for what, process in layer])
        self._write_pids()

    def tick(self) -> None:
        """Restart what died and whose delay is over. What fails at that is tried again: nothing ends it."""
        now, changed = time.monotonic(), not self._pids_written
        for kept in (kept for layer in self._layers for kept in layer):
            if kept.process is not None and kept.process.poll() is not None:
                self._note_death(kept, kept.process, now)
                changed = True
            if kept.process is None and now >= kept.restart_at:
                self._restart(kept, now)
                changed = True
        if changed:
            self._write_pids()

    def _restart(self, kept: _Kept, now: float) -> None:
        try:
            kept.process, kept.started = kept.what.start(), now
        except OSError as error:
            say(f"mps: {kept.what.name} cannot be started: {error.strerror}; tried again in {kept.delay:.1f} s")
            kept.restart_at = now + kept.delay
            kept.delay = min(kept.delay * 2, LONGEST_DELAY_SECONDS)

    def _note_death(self, kept: _Kept, process: subprocess.Popen[bytes], now: float) -> None:
        # Its children must not keep the port, or work on beside their successor.
        processes.kill_group(process.pid)
        if now - kept.started > HEALTHY_AFTER_SECONDS:
            kept.delay = FIRST_DELAY_SECONDS
        say(f"mps: {kept.what.name} ended with code {process.returncode}; restarted in {kept.delay:.1f} s")
        kept.process, kept.restart_at = None, now + kept.delay
        kept.delay = min(kept.delay * 2, LONGEST_DELAY_SECONDS)

    def stop(self, hurried: Callable[[], bool]) -> None:
        """Stop everything, the last layer first; returns when nothing is left. `hurried`: patience has ended."""
        for layer in reversed(self._layers):
            running = [(kept.process, kept.what) for kept in layer if kept.process is not None]
            processes.end(
                [(process, what.stop_signal) for process, what in running],
                max((what.stop_seconds for _, what in running), default=0.0),
                hurried,
            )
        self._layers.clear()
        self._pid_file.unlink(missing_ok=True)

    def _write_pids(self) -> None:
        pids = {
            kept.what.name.lower(): kept.process.pid
            for layer in self._layers
            for kept in layer
            if kept.process is not None
        }
        temporary = self._pid_file.with_suffix(".new")
        try:
            temporary.write_text(json.dumps(pids))
            temporary.replace(self._pid_file)
        except OSError:
            self._pids_written = False  # written with the next tick that can
        else:
            self._pids_written = True
