"""Request bodies while they arrive: small ones in memory, uploads in temporary files, both within a budget."""

from __future__ import annotations

import io
import tempfile
from typing import IO


class BodyBudgetError(Exception):
    """So many bodies are arriving that another exceeds the budget; or the disk for uploads is full."""


class BodyBudget:
    """What the bodies of a process may take together: bytes of memory, and files of uploads."""

    def __init__(self, memory_bytes: int, files: int) -> None:
        self._memory_bytes, self._files = memory_bytes, files

    def take_memory(self, size: int) -> None:
        """Take bytes from the budget. Raises `BodyBudgetError` where so many are not left."""
        if size > self._memory_bytes:
            raise BodyBudgetError
        self._memory_bytes -= size

    def give_memory(self, size: int) -> None:
        """Give bytes back to the budget."""
        self._memory_bytes += size

    def take_file(self) -> None:
        """Take a file from the budget. Raises `BodyBudgetError` where none is left."""
        if not self._files:
            raise BodyBudgetError
        self._files -= 1

    def give_file(self) -> None:
        """Give a file back to the budget."""
        self._files += 1


class MemoryBody:
    """A body of at most some megabytes, kept in memory."""

    __slots__ = ("_budget", "_parts", "size")

    def __init__(self, budget: BodyBudget) -> None:
        self._budget = budget
        self._parts: list[bytes] = []
        self.size = 0

    def append(self, data: bytes) -> None:
        """Add a part. Raises `BodyBudgetError`."""
        self._budget.take_memory(len(data))
        self._parts.append(data)
        self.size += len(data)

    def stream(self) -> IO[bytes]:
        """Return `wsgi.input`, once all of the body is here."""
        return io.BytesIO(self._parts[0] if len(self._parts) == 1 else b"".join(self._parts))

    def release(self) -> None:
        """Give back what it takes of the budget. A second call changes nothing."""
        self._budget.give_memory(sum(map(len, self._parts)))
        self._parts = []


class FileBody:
    """An upload: written to an unnamed temporary file (in TMPDIR, https://docs.python.org/3/library/tempfile.html)."""

    __slots__ = ("_budget", "_file", "size")

    def __init__(self, budget: BodyBudget) -> None:
        """Open the file. Raises `BodyBudgetError`."""
        budget.take_file()
        self._budget = budget
        try:
            self._file: IO[bytes] | None = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed by `release`
        except OSError as error:
            budget.give_file()
            raise BodyBudgetError from error
        self.size = 0

    def append(self, data: bytes) -> None:
        """Write a part. Raises `BodyBudgetError`, also where the disk is full."""
        assert self._file is not None
        view = memoryview(data)
        try:
            while view:
                view = view[self._file.write(view) :]
        except OSError as error:
            raise BodyBudgetError from error
        self.size += len(data)

    def stream(self) -> IO[bytes]:
        """Return `wsgi.input`, once all of the body is here."""
        assert self._file is not None
        self._file.seek(0)
        return self._file

    def release(self) -> None:
        """Give back what it takes of the budget. A second call changes nothing."""
        if self._file is not None:
            self._file.close()
            self._file = None
            self._budget.give_file()


Body = MemoryBody | FileBody
