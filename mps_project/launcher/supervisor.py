"""The supervisor of `mps run`: starts programs, restarts what dies, stops everything and leaves nothing.

A small loop of our own: honcho ends all processes when one ends, and the engines belong under the same roof.
"""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from mps_project.launcher import processes
from mps_project.launcher.output import write_line

FIRST_DELAY_SECONDS = 0.5
LONGEST_DELAY_SECONDS = 10.0
HEALTHY_AFTER_SECONDS = 30.0


class Startable(Protocol):
    """Something to keep running: a program of the Procfile, or an engine."""

    @property
    def name(self) -> str:
        """The name under which its output and its process id are shown."""

    @property
    def stop_signal(self) -> signal.Signals:
        """The signal that asks it to end."""

    @property
    def stop_seconds(self) -> float:
        """How long it may take to end before it is killed."""

    def start(self) -> processes.Process:
        """Start it as the leader of a session of its own."""


@dataclass(slots=True)
class _Supervised:
    what: Startable
    process: processes.Process | None
    started: float = field(default_factory=time.monotonic)
    delay: float = FIRST_DELAY_SECONDS
    restart_at: float = 0.0


class Supervisor:
    """Keeps programs running, in layers: each is stopped before those added earlier, which it depends on."""

    def __init__(self, pid_file: Path) -> None:
        """`pid_file` names the running processes, as JSON: name -> process id."""
        self._pid_file = pid_file
        self._layers: list[list[_Supervised]] = []
        self._pids_written = True

    def start(self, layer: Sequence[Startable]) -> None:
        """Start programs and keep them running."""
        self.adopt([(what, what.start()) for what in layer])

    def adopt(self, layer: Sequence[tuple[Startable, processes.Process]]) -> None:
        """Keep running what somebody has started already."""
        self._layers.append([_Supervised(what, process) for what, process in layer])
        self._write_pids()

    def tick(self) -> None:
        """Restart programs that died and whose delay is over. To be called often.

        A restart that fails is tried again after a longer delay, without end.
        """
        now, changed = time.monotonic(), not self._pids_written
        for entry in (entry for layer in self._layers for entry in layer):
            if entry.process is not None and entry.process.poll() is not None:
                self._note_death(entry, entry.process, now)
                changed = True
            if entry.process is None and now >= entry.restart_at:
                self._restart(entry, now)
                changed = True
        if changed:
            self._write_pids()

    def _restart(self, entry: _Supervised, now: float) -> None:
        try:
            entry.process, entry.started = entry.what.start(), now
        except OSError as error:
            write_line(
                f"mps: {entry.what.name} cannot be started: {error.strerror}; tried again in {entry.delay:.1f} s"
            )
            entry.restart_at = now + entry.delay
            entry.delay = min(entry.delay * 2, LONGEST_DELAY_SECONDS)

    def _note_death(self, entry: _Supervised, process: processes.Process, now: float) -> None:
        # Its children must not keep the port, or work on beside their successor.
        processes.kill_group(process.pid)
        if now - entry.started > HEALTHY_AFTER_SECONDS:
            entry.delay = FIRST_DELAY_SECONDS
        write_line(f"mps: {entry.what.name} ended with code {process.returncode}; restarted in {entry.delay:.1f} s")
        entry.process, entry.restart_at = None, now + entry.delay
        entry.delay = min(entry.delay * 2, LONGEST_DELAY_SECONDS)

    def stop(self, skip_grace: Callable[[], bool]) -> None:
        """Stop everything, the last layer first; returns when nothing is left.

        Args:
            skip_grace: Asked often meanwhile; once true, what still runs is killed at once.
        """
        for layer in reversed(self._layers):
            running = [(entry.process, entry.what) for entry in layer if entry.process is not None]
            processes.terminate(
                [(process, what.stop_signal) for process, what in running],
                max((what.stop_seconds for _, what in running), default=0.0),
                skip_grace,
            )
        self._layers.clear()
        self._pid_file.unlink(missing_ok=True)

    @property
    def pids(self) -> dict[str, int]:
        """The ids of the processes that run, or whose end is not noted yet, by name."""
        return {
            entry.what.name.lower(): entry.process.pid
            for layer in self._layers
            for entry in layer
            if entry.process is not None
        }

    def _write_pids(self) -> None:
        temporary = self._pid_file.with_suffix(".new")
        try:
            temporary.write_text(json.dumps(self.pids))
            temporary.replace(self._pid_file)
        except OSError:
            self._pids_written = False  # written with the next tick that can
        else:
            self._pids_written = True
