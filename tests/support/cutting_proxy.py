"""A TCP proxy between a device and the gateway that can cut its connections, as a phone's network does."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple, Self

WAIT_SECONDS = 30.0


class Link(NamedTuple):
    """One connection through the proxy: its two sockets."""

    device: socket.socket
    server: socket.socket

    def close(self) -> None:
        """Close both sides at once, without a DISCONNECT."""
        for end in self:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


class CuttingProxy:
    """Forward connections from a free port to a port of 127.0.0.1. A context manager.

    Attributes:
        port: Where devices connect.
        attempts: How many connections were made to it, refused ones too.
    """

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.attempts = 0
        self._links: list[Link] = []
        self._refusing = False
        self._changed = threading.Condition()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """Close all connections, as a network that is lost."""
        for link in self._take_links():
            link.close()

    def disappear(self) -> None:
        """Close all connections, and each new one at once, until `reappear`."""
        self._refusing = True
        self.cut()

    def reappear(self) -> None:
        """Forward connections again."""
        self._refusing = False

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until a condition on what happened here holds."""
        with self._changed:
            assert self._changed.wait_for(condition, WAIT_SECONDS), f"waited in vain for {what}"

    def _take_links(self) -> list[Link]:
        with self._changed:
            links, self._links = self._links, []
        return links

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # until the listener is closed
            while True:
                device, _ = self._listener.accept()
                if self._refusing:
                    device.close()
                    self._count(None)
                    continue
                link = Link(device, socket.create_connection(("127.0.0.1", self._target_port)))
                self._count(link)
                for up in (True, False):
                    threading.Thread(target=self._run, args=(link, up), daemon=True).start()

    def _count(self, link: Link | None) -> None:
        with self._changed:
            self.attempts += 1
            if link is not None:
                self._links.append(link)
            self._changed.notify_all()

    def _run(self, link: Link, up: bool) -> None:
        source, sink = (link.device, link.server) if up else (link.server, link.device)
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                self._forward(link, data, sink)
        link.close()

    def _forward(self, link: Link, data: bytes, sink: socket.socket) -> None:
        """Forward what a side of a connection sent."""
        sink.sendall(data)
