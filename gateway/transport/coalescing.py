"""Coalesce what is sent in one turn of the event loop into one write."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod


class CoalescingTransport(ABC):
    """Implements `Transport.write_more` on top of the subclass's `write`."""

    __slots__ = ("_gathered",)

    def __init__(self) -> None:
        self._gathered: list[bytes] | None = None

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Send at once."""

    def write_more(self, data: bytes) -> None:
        """Send at the end of this turn of the loop."""
        if self._gathered is None:
            self._gathered = [data]
            asyncio.get_running_loop().call_soon(self.write_gathered)
        else:
            self._gathered.append(data)

    def write_gathered(self) -> None:
        """Flush what was gathered."""
        gathered, self._gathered = self._gathered, None
        if gathered:
            self.write(b"".join(gathered))
