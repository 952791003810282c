"""The whole service, started with `python -m mps_project.run` on a data directory of its own and on free ports."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

from mps_project.launcher import processes

ROOT = Path(__file__).resolve().parent.parent.parent
START_SECONDS = 120
_INSTALLATION_VARIABLES = ("DATABASE_URL", "REDIS_URL", "MPS_SECRET_KEY", "MPS_FIELD_KEYS", "MPS_DATA_DIR")


def _interruptible(die_with_parent: Callable[[], None]) -> None:
    """Prepare a child: it stops when the run of the tests does, even if that is killed."""
    # In the background of a script SIGINT is ignored, and make would inherit that.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    die_with_parent()


def _kept_port() -> int:
    """Return a free port that no connection gets while the service is restarted: below those the kernel gives out."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Stack:
    """The whole service as a child process. A context manager that enters when the service is ready."""

    python = sys.executable

    def __init__(self, data_dir: Path, **environment: str) -> None:
        self.data_dir = data_dir
        self._environment = {name: value for name, value in os.environ.items() if name not in _INSTALLATION_VARIABLES}
        self._environment |= {
            "MPS_DATA_DIR": str(data_dir),
            "MPS_HTTP_PORT": str(_kept_port()),
            "MPS_WS_PORT": str(_kept_port()),
            "MPS_MQTT_PORT": str(_kept_port()),
            "MPS_LOG_LEVEL": "INFO",
            # Without bytecode each of a dozen processes would compile all modules.
            "PYTHONDONTWRITEBYTECODE": "",
        } | environment
        self.process: subprocess.Popen[bytes] | None = None
        data_dir.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix="stack-", suffix=".log", dir=data_dir.parent)
        os.close(descriptor)
        self._output = Path(name)

    @property
    def output(self) -> str:
        """Return what the service has printed so far."""
        return self._output.read_text(errors="replace")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._environment['MPS_HTTP_PORT']}"

    @property
    def demo(self) -> dict[str, str]:
        """Return URLs and credentials of the demo workspace."""
        return json.loads((self.data_dir / "demo.json").read_text())

    @property
    def pids(self) -> dict[str, int]:
        """Return process ids by the names in the Procfile, and of the engines."""
        return json.loads((self.data_dir / "processes.json").read_text())

    def launch(
        self,
        command: Sequence[str] = (sys.executable, "-m", "mps_project.run"),
        stdout: int | None = None,
        **environment: str,
    ) -> Stack:
        """Start the service without waiting.

        Args:
            command: What to run.
            stdout: A file descriptor to print to instead of `output`.
            environment: Further variables, for this time only.
        """
        with self._output.open("ab") as output:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self._environment | environment,
                stdout=output if stdout is None else stdout,
                stderr=output,
                start_new_session=True,
                preexec_fn=partial(_interruptible, processes.die_with_parent(signal.SIGINT)),
            )
        return self

    def start(self) -> Stack:
        """Start the service and wait until it is ready."""
        self.launch()
        self.wait_until_ready()
        return self

    def wait_until_ready(self) -> object:
        """Wait until /readyz answers 200; returns that answer."""
        assert self.process is not None
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            assert self.process.poll() is None, f"ended with {self.process.returncode}:\n{self.output[-4000:]}"
            try:
                with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:
                    if answer.status == 200:
                        return json.load(answer)
            except (urllib.error.URLError, OSError):
                pass
            time.sleep(0.3)
        raise AssertionError(f"not ready within {START_SECONDS} s:\n{self.output[-4000:]}")

    def env(self) -> dict[str, str]:
        """Return the environment of the service's processes, embedded engines' URLs included."""
        secrets = json.loads((self.data_dir / "secrets.json").read_text())
        # The file that PostgreSQL writes at its start has the directory of its socket in the fifth line.
        pid_file = self.data_dir / "postgres" / "postmaster.pid"
        sockets = quote(pid_file.read_text().splitlines()[4], safe="/")
        port = next(
            line.split()[1]
            for line in (self.data_dir / "valkey" / "valkey.conf").read_text().splitlines()
            if line.startswith("port ")
        )
        return self._environment | {
            "DATABASE_URL": f"postgresql://postgres:{quote(secrets['postgres_password'], safe='')}@/mps?host={sockets}",
            "REDIS_URL": f"redis://:{quote(secrets['valkey_password'], safe='')}@127.0.0.1:{port}/0",
            "MPS_SECRET_KEY": secrets["MPS_SECRET_KEY"],
            "MPS_FIELD_KEYS": secrets["MPS_FIELD_KEYS"],
        }

    def kill(self, name: str) -> int:
        """Kill a process of the service; returns its id."""
        pid = self.pids[name]
        os.kill(pid, signal.SIGKILL)
        return pid

    def stop(self, signum: signal.Signals = signal.SIGINT) -> int:
        """Ask the service to stop and wait; returns its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signum)
        return self.process.wait(60)

    def __enter__(self) -> Stack:
        return self.start()

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self.stop()
