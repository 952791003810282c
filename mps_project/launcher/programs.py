"""Programs of the Procfile as children of the launcher."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from honcho.environ import parse_procfile

from mps_project.configuration import Configuration
from mps_project.launcher import processes
from mps_project.launcher.output import write_line
from mps_project.launcher.preload import Preloader

_PACKAGE = Path(__file__).resolve().parent.parent
# Programs start here: it holds the packages, in a checkout as where they are installed.
WORKING_DIRECTORY = _PACKAGE.parent
# How the Procfile names a command of `mps`.
_MPS = ["python", "-m", "mps_project"]
_STDOUT, _STDERR = 1, 2
# A longer line of output is written in pieces.
_LONGEST_LINE = 65536


@dataclass(frozen=True, slots=True)
class Program:
    """A command run in `directory`; its output is written line by line under its name.

    Attributes:
        preloader: What forks the program if it is a command of `mps`; None has it started anew.
    """

    name: str
    command: str
    directory: Path = WORKING_DIRECTORY
    preloader: Preloader | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 10.0

    def start(self) -> processes.Process:
        """Start the command as the leader of a session of its own; it is killed when the launcher dies.

        Raises:
            OSError: The preloader does not answer.
        """
        output, writing = os.pipe()
        try:
            process = self._start(writing, writing)
        except BaseException:
            os.close(output)
            raise
        finally:
            os.close(writing)
        threading.Thread(target=_copy_output, args=(self.name, output), daemon=True).start()
        return process

    def run(self) -> int:
        """Run the command to its end, with our own output; returns what it ended with, -N for signal N.

        Raises:
            OSError: The preloader does not answer.
        """
        return self._start(_STDOUT, _STDERR).wait()

    def _start(self, stdout: int, stderr: int) -> processes.Process:
        words = shlex.split(self.command)
        if self.preloader is not None and words[: len(_MPS)] == _MPS:
            return self.preloader.fork(words[len(_MPS) :], stdout=stdout, stderr=stderr)
        return subprocess.Popen(
            ["/bin/sh", "-c", f"exec {self.command}"],
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
            preexec_fn=processes.die_with_parent(),
        )


def _copy_output(name: str, descriptor: int) -> None:
    """Copy output until its end, also where nobody reads ours: a full pipe would stop the program."""
    with os.fdopen(descriptor, "rb") as output:
        while line := output.readline(_LONGEST_LINE):
            write_line(f"{name:<8}| {line.decode(errors='replace').rstrip()}")


def service_programs(configured: Configuration, preloader: Preloader | None) -> Iterator[Program]:
    """Yield the programs of the Procfile, the gateway as often as `MPS_GATEWAY_PROCESSES` says."""
    for name, command in parse_procfile((_PACKAGE / "Procfile").read_text()).processes.items():
        copies = configured.gateway_processes if name == "gateway" else 1
        for number in range(1, copies + 1):
            yield Program(name if number == 1 else f"{name}.{number}", command, preloader=preloader)


def vendor_demo(preloader: Preloader | None) -> Program:
    """Return the program that simulates the vendors for the demo app."""
    return Program("simulator", "python -m mps_project demo_vendors", preloader=preloader)
