"""A database server that the launcher runs as its child."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mps_project.launcher import processes
from mps_project.launcher.engines.errors import EngineError
from mps_project.launcher.engines.system_user import group_of

START_SECONDS = 60.0
# An engine whose last run was killed may need a moment until its data is let go of.
START_ATTEMPTS = 4
RETRY_SECONDS = 1.0
# A log is emptied when it is longer: faults that repeat must not fill the disk.
LONGEST_LOG_BYTES = 16 * 1024 * 1024


@dataclass(slots=True)
class Engine:
    """A server to run: its command, how it is told to stop, and how to know that it answers.

    Attributes:
        url: How clients reach it, the password included.
        stop_signal: The signal that ends it in order.
        answers: Tells whether it takes connections.
        log: Where its output goes.
        user: The system user it runs as; None: the same as we.
        temporary: A directory to remove once it has stopped.
        stop_seconds: How long it may take to stop before it is killed.
    """

    name: str
    command: Sequence[str]
    url: str
    stop_signal: signal.Signals
    answers: Callable[[], bool]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    temporary: Path | None = None
    stop_seconds: float = 20.0

    def start(self) -> subprocess.Popen[bytes]:
        """Start it without waiting. Its output goes to its log, for its owner alone: failed statements are in there."""
        log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            return subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=self.user,
                group=group_of(self.user),
                extra_groups=[] if self.user else None,
                env={**os.environ, **self.environment},
                preexec_fn=processes.die_with_parent(self.stop_signal),
            )
        finally:
            os.close(log)

    def start_and_wait(self, cancelled: Callable[[], bool] = lambda: False) -> subprocess.Popen[bytes]:
        """Start it and wait until it answers, or until `cancelled` says that nobody wants it any more.

        Raises:
            EngineError: It ended again and again, or did not answer in time; nothing is left behind.
        """
        deadline = time.monotonic() + START_SECONDS
        for attempt in range(1, START_ATTEMPTS + 1):
            process = self.start()
            while process.poll() is None and not cancelled() and time.monotonic() < deadline:
                if self.answers():
                    return process
                time.sleep(0.05)
            if cancelled():
                return process
            if process.poll() is None:
                self.stop(process)
                raise EngineError(f"{self.name} did not answer within {START_SECONDS:.0f} s; see {self.log}")
            if attempt < START_ATTEMPTS:
                time.sleep(RETRY_SECONDS)
        self.clean_up()
        raise EngineError(f"{self.name} ended at start with code {process.returncode}; see {self.log}")

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        """Stop it and reap it, by force if it takes too long."""
        processes.terminate([(process, self.stop_signal)], self.stop_seconds)
        self.clean_up()

    def clean_up(self) -> None:
        """Remove the files it needs only while it runs."""
        if self.temporary:
            shutil.rmtree(self.temporary, ignore_errors=True)

    def limit_log(self) -> None:
        """Empty a log that has grown too long. The engine goes on appending."""
        with contextlib.suppress(OSError):  # nothing that ends a service
            if self.log.stat().st_size > LONGEST_LOG_BYTES:
                os.truncate(self.log, 0)


def free_port() -> int:
    """Return a loopback port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
