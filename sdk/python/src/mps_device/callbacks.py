"""Call the app's functions for what is no message, in a thread of its own, so that they may block."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from contextvars import ContextVar

from mps_device.diagnostics import Diagnostics

# The thread for which the current code runs. Where a callback is a coroutine, its event loop inherits the value, and so
# does a thread in which the coroutine stops the client: such a stop must not wait for the callback's own end.
callback_thread: ContextVar[threading.Thread | None] = ContextVar("callback_thread", default=None)


class Callbacks:
    """A thread that calls functions in the order they were added."""

    def __init__(self, diagnostics: Diagnostics) -> None:
        self._diagnostics = diagnostics
        self._queue: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="mps-device-callbacks", daemon=True)
        self._thread.start()

    def add(self, function: Callable[[], object]) -> None:
        """Have a function called."""
        self._queue.put(function)

    def stop(self) -> None:
        """End the thread, once all that was added is called; do not wait for it."""
        self._queue.put(None)

    def join(self, timeout: float) -> None:
        """Wait for the end of the thread, unless a callback of it is the caller."""
        if self._thread is not callback_thread.get():
            self._thread.join(timeout)

    def _run(self) -> None:
        callback_thread.set(self._thread)
        while (function := self._queue.get()) is not None:
            try:
                function()
            except Exception as error:  # the app's; it harms nothing of ours
                self._diagnostics.note(f"a callback failed: {type(error).__name__}: {error}")
