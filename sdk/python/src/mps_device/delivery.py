"""Hand messages to the app's handler, one after the other, in a thread of its own.

The order is: handler, store, acknowledgement. A message whose handler fails is not acknowledged; it is tried again
after a back-off while the connection lasts, and comes again with the next one.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from mps_device.backoff import Backoff
from mps_device.callbacks import callback_thread
from mps_device.clock import Clock
from mps_device.diagnostics import Diagnostics
from mps_device.messages import LONGEST_VALIDITY_SECONDS, Message
from mps_device.store import Store


@dataclass
class _Waiting:
    """A message that waits for the handler."""

    message: Message
    packet_id: int
    connection: int
    # By the clock's `monotonic`: when it expires, and when it is due.
    expires: float
    due: float
    backoff: Backoff = field(default_factory=Backoff)


class Delivery:
    """A queue of messages and the thread that hands them over."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        diagnostics: Diagnostics,
        handler: Callable[[Message], None],
        acknowledge: Callable[[int, int], None],
    ) -> None:
        """Prepare the queue.

        Args:
            store: Remembers what was handled.
            clock: Tells time.
            diagnostics: Takes what is worth knowing.
            handler: Called with each message; what it raises means that the message was not handled.
            acknowledge: Called with the number of a connection and the packet ID of a message that was handled.
        """
        self._store = store
        self._clock = clock
        self._diagnostics = diagnostics
        self._handler = handler
        self._acknowledge = acknowledge
        self._queue: list[_Waiting] = []
        self._changed = threading.Condition()
        self._connection = 0
        # The message that the handler has now.
        self._handling: Message | None = None
        self._paused = False
        self._stopping = False
        clock.on_advance(self._wake)
        self._thread = threading.Thread(target=self._run, name="mps-device-messages", daemon=True)
        self._thread.start()

    def add(self, message: Message, packet_id: int, connection: int) -> None:
        """Queue a message that has arrived. What it revokes is not handed over any more, wherever it is."""
        if message.revokes:
            self._store.mark_seen(message.revokes, "", self._clock.time(), LONGEST_VALIDITY_SECONDS)
        now = self._clock.monotonic()
        left = message.validity if message.seconds_left is None else message.seconds_left
        with self._changed:
            self._connection = connection
            self._queue.append(_Waiting(message, packet_id, connection, now + left, now))
            self._changed.notify()

    def note_vendor_message(self, k: str, task: str) -> bool:
        """Remember a message that came by a vendor; tell whether it is new, and not with the handler now."""
        with self._changed:
            handling = self._handling
            if handling is not None and (k in (handling.k, handling.task_id) or task == handling.k):
                return False
            return self._store.mark_new(k, task, self._clock.time(), LONGEST_VALIDITY_SECONDS)

    def pause(self) -> None:
        """Hand over nothing until `resume`: whose device this is, is about to change."""
        with self._changed:
            self._paused = True

    def resume(self) -> None:
        """Go on handing over."""
        with self._changed:
            self._paused = False
            self._changed.notify()

    def discard(self) -> int:
        """Drop what waits, unacknowledged: it comes again with the next connection. Returns how many were dropped."""
        with self._changed:
            self._connection = -1
            dropped = len(self._queue)
            self._queue.clear()
        return dropped

    def stop(self) -> None:
        """End the thread, once the handler has returned; do not wait for it."""
        with self._changed:
            self._stopping = True
            self._changed.notify()

    def join(self, timeout: float) -> None:
        """Wait for the end of the thread, unless the handler is the caller."""
        if self._thread is not callback_thread.get():
            self._thread.join(timeout)

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify()

    def _run(self) -> None:
        callback_thread.set(self._thread)
        while (waiting := self._next()) is not None:
            try:
                self._hand_over(waiting)
            except sqlite3.Error as error:
                # The disk is full, or the store was closed meanwhile: not stored, so not acknowledged.
                self._diagnostics.note(f"message {waiting.message.k} could not be stored: {error}")
                self._again_later(waiting)

    def _next(self) -> _Waiting | None:
        """Wait for a message that is due; None at the end."""
        with self._changed:
            while not self._stopping:
                timeout = None
                if self._queue and not self._paused:
                    first = min(self._queue, key=lambda one: one.due)
                    left = first.due - self._clock.monotonic()
                    if left <= 0:
                        self._queue.remove(first)
                        return first
                    timeout = self._clock.block_seconds(left)
                self._changed.wait(timeout)
        return None

    def _hand_over(self, waiting: _Waiting) -> None:
        message, now = waiting.message, self._clock.monotonic()
        with self._changed:
            is_known = self._store.has_seen(message.k, message.task_id)
            self._handling = None if is_known else message
        if is_known:
            self._diagnostics.note(f"message {message.k} came again")
        elif now >= waiting.expires:
            self._diagnostics.note(f"message {message.k} has expired before it was handled")
        else:
            try:
                self._handler(message)
            except Exception as error:  # whatever it is, the message was not handled
                self._diagnostics.note(f"the handler failed with message {message.k}: {type(error).__name__}")
                self._handling = None
                self._again_later(waiting)
                return
        self._store.mark_seen(message.k, message.task_id, self._clock.time(), message.validity)
        self._handling = None
        self._acknowledge(waiting.connection, waiting.packet_id)

    def _again_later(self, waiting: _Waiting) -> None:
        with self._changed:
            if waiting.connection == self._connection:
                waiting.due = self._clock.monotonic() + waiting.backoff.next_wait()
                self._queue.append(waiting)
