"""What is sent in one turn of the loop, in one write."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod


class CoalescingTransport(ABC):
    """`gateway.protocol.session.Transport.write_more`, by the `write` of who inherits it."""

    __slots__ = ("_gathered",)

    def __init__(self) -> None:
        self._gathered: list[bytes] | None = None

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Send now."""

    def write_more(self, data: bytes) -> None:
        if self._gathered is None:
            self._gathered = [data]
            asyncio.get_running_loop().call_soon(self.write_gathered)
        else:
            self._gathered.append(data)

    def write_gathered(self) -> None:
        """Now."""
        gathered, self._gathered = self._gathered, None
        if gathered:
            self.write(b"".join(gathered))
