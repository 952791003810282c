"""Run an HTTP server of the standard library in a thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import HTTPServer
from typing import TypeVar

Server = TypeVar("Server", bound=HTTPServer)

# How often the server checks whether to stop. Every test waits for that; the default is half a second.
POLL_SECONDS = 0.02


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    """Serve requests inside the `with`; afterwards the port is closed and the thread has ended."""
    thread = threading.Thread(target=server.serve_forever, args=[POLL_SECONDS], daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
