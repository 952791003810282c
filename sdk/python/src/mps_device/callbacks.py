"""Call the app's functions for what is no message, in a thread of its own, so that they may block."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from mps_device.diagnostics import Diagnostics


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
        """Wait for the end of the thread, unless it is the caller."""
        if self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def _run(self) -> None:
        while (function := self._queue.get()) is not None:
            try:
                function()
            except Exception as error:  # the app's; it harms nothing of ours
                self._diagnostics.note(f"a callback failed: {type(error).__name__}: {error}")
