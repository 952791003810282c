"""A Valkey of one's own, to be frozen, made to refuse writes, and stopped."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from types import TracebackType

import redis

from mps_project.launcher import engines


class ValkeyServer:
    """A Valkey for one test, which may harm it. A context manager that stops it."""

    def __init__(self, folder: Path) -> None:
        self._engine = engines.valkey(folder / "valkey", "secret", engines.free_port())
        self.process = self._engine.start_and_wait()
        self.url = self._engine.url
        self.admin = redis.Redis.from_url(self.url)

    def freeze(self) -> None:
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.process.pid, signal.SIGCONT)

    def stop(self) -> None:
        self.thaw()
        self.admin.close()
        self._engine.stop(self.process)

    def __enter__(self) -> ValkeyServer:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self.stop()
