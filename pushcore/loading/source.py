"""Sources of messages: where the messages of a push task come from, in blocks, and how far these are committed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from pushcore.loading.messages import NewMessage
from pushcore.models import PushTask, TaskLoad


class Block(Protocol):
    """What is written in one transaction."""

    @property
    def messages(self) -> Sequence[NewMessage]:
        """The messages."""

    @property
    def rows(self) -> bytes:
        """The same in COPY's text format."""

    @property
    def targets(self) -> int:
        """For how many of the push's targets it is, whether they get messages or not."""


R = TypeVar("R")
B = TypeVar("B", bound=Block)


class TakenError(Exception):
    """Another worker has continued the source, or the block before was not committed."""


class Source(ABC, Generic[R, B]):
    """Where the messages of a task come from. Of `R` a block is made, `B`.

    Attributes:
        task: The push.
        load: How far its messages are made; of another worker's progress it knows nothing.
    """

    task: PushTask
    load: TaskLoad

    @abstractmethod
    def read(self) -> Iterator[R]:
        """Read on from the committed position, one block after the other."""

    @abstractmethod
    def prepare(self, read: R) -> B:
        """Make a block of what was read: it is called in order, while blocks before are still being written."""

    @abstractmethod
    def claim(self, block: B, now: datetime) -> B:
        """Claim the block's idempotency keys in its transaction; return it without messages whose keys are taken."""

    @abstractmethod
    def advance(self, block: B) -> None:
        """Move the committed position over the block, in its transaction; those before it are committed.

        Raises:
            TakenError: The position is not where the block begins.
        """

    @abstractmethod
    def finish(self) -> None:
        """Note that all that was to be read is made, or when there is more to read."""

    def abandon(self) -> None:
        """Note that the rest shall not be made."""
        self.finish()
