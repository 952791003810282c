"""Programs of the Procfile as children of the launcher."""

from __future__ import annotations

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

_PACKAGE = Path(__file__).resolve().parent.parent
# Programs start here: it holds the packages, in a checkout as where they are installed.
WORKING_DIRECTORY = _PACKAGE.parent
# A longer line of output is written in pieces.
_LONGEST_LINE = 65536


@dataclass(frozen=True, slots=True)
class Program:
    """A command run by the shell in `directory`; its output is written line by line under its name."""

    name: str
    command: str
    directory: Path = WORKING_DIRECTORY
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 10.0

    def start(self) -> subprocess.Popen[bytes]:
        """Start the command as the leader of a session of its own; it is killed when the launcher dies."""
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
    """Copy output until its end, also where nobody reads ours: a full pipe would stop the program."""
    assert process.stdout is not None
    with process.stdout as output:
        while line := output.readline(_LONGEST_LINE):
            write_line(f"{name:<8}| {line.decode(errors='replace').rstrip()}")


def service_programs(configured: Configuration) -> Iterator[Program]:
    """Yield the programs of the Procfile, the gateway as often as `MPS_GATEWAY_PROCESSES` says."""
    for name, command in parse_procfile((_PACKAGE / "Procfile").read_text()).processes.items():
        copies = configured.gateway_processes if name == "gateway" else 1
        for number in range(1, copies + 1):
            yield Program(name if number == 1 else f"{name}.{number}", command)


def vendor_demo() -> Program:
    """Return the program that simulates the vendors for the demo app."""
    return Program("simulator", "python -m mps_project demo_vendors")
