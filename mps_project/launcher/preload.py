"""The launcher's side of the preloader (`mps_project.launcher.preloader`), which forks programs on request."""

from __future__ import annotations

import errno
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from mps_project.launcher import processes

# It answers once all modules are loaded.
_ANSWER_SECONDS = 60.0
_LONGEST_ANSWER = 32


class Preloader:
    """The process that forks the service's programs. The calling process must adopt orphans (`processes`)."""

    name = "preloader"
    stop_signal = signal.SIGTERM
    stop_seconds = 5.0

    def __init__(self, directory: Path) -> None:
        """`directory`: where the programs start."""
        self._directory = directory
        self._connection: socket.socket | None = None

    def start(self) -> processes.Process:
        """Start it as the leader of a session of its own; it prints where we do."""
        if self._connection is not None:
            self._connection.close()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._connection = ours
        ours.settimeout(_ANSWER_SECONDS)
        with theirs:
            return subprocess.Popen(
                [sys.executable, "-m", "mps_project.launcher.preloader", str(theirs.fileno())],
                cwd=self._directory,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                pass_fds=[theirs.fileno()],
                preexec_fn=processes.die_with_parent(),
            )

    def fork(self, arguments: Sequence[str], *, stdout: int, stderr: int) -> processes.ForkedProcess:
        """Run `mps` with arguments in a fork of the preloader that leads a session of its own, as our child.

        Args:
            arguments: The command of `mps` and its own arguments.
            stdout: The file descriptor of its standard output.
            stderr: That of its standard error.

        Raises:
            OSError: The preloader has ended, or does not answer in time.
        """
        connection = self._connection
        if connection is None:
            raise OSError(errno.ENOTCONN, "the preloader is not started")
        try:
            socket.send_fds(connection, [json.dumps(list(arguments)).encode()], [stdout, stderr])
            answer = connection.recv(_LONGEST_ANSWER)
        except TimeoutError:
            # What it forks now it has nobody to tell of, and kills.
            connection.close()
            raise OSError(errno.ETIMEDOUT, "the preloader does not answer") from None
        except OSError:
            answer = b""
        if not answer:
            connection.close()
            raise OSError(errno.ECONNRESET, "the preloader has ended")
        return processes.ForkedProcess(int(answer))
