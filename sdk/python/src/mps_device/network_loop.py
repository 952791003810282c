"""The client's network thread: runs what other threads post to it, timers, and one connection."""

from __future__ import annotations

import contextlib
import selectors
import socket
import sqlite3
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable

from mps_device.clock import Clock
from mps_device.connection import Connection, Happening
from mps_device.diagnostics import Diagnostics
from mps_device.errors import NotRunningError


class NetworkLoop(ABC):
    """A thread to which all state of the connection belongs. Subclasses say what happens in it.

    Attributes:
        has_ended: Whether the thread takes nothing more.
    """

    def __init__(self, clock: Clock, diagnostics: Diagnostics, keep_alive: int) -> None:
        self.diagnostics = diagnostics
        self.has_ended = False
        self._clock = clock
        self._keep_alive = keep_alive
        self._connection: Connection | None = None
        self._stopping = False
        self._ending = threading.Lock()
        self._commands: deque[Callable[[], None]] = deque()
        self._timers: dict[str, float] = {}
        self._wake_out, self._wake_in = socket.socketpair()
        self._wake_out.setblocking(False)
        self._wake_in.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._wake_out, selectors.EVENT_READ)
        # The connection's socket, and what is waited for.
        self._watched: tuple[socket.socket, int] | None = None
        self._thread = threading.Thread(target=self._run, name="mps-device", daemon=True)
        clock.on_advance(self._wake)

    # -- for other threads ----------------------------------------------------------------------------------------

    def post(self, command: Callable[[], None]) -> None:
        """Have a function called by the network thread.

        Raises:
            NotRunningError: The thread has ended.
        """
        with self._ending:
            if self.has_ended:
                raise NotRunningError("the client was stopped")
            self._commands.append(command)
        self._wake()

    def stop(self) -> None:
        """End the thread; wait for it unless it is the caller."""
        self._stopping = True
        self._wake()
        self.join()

    def join(self) -> None:
        """Wait for the thread to end."""
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # it is awake, or has ended
            self._wake_in.send(b"\0")

    # -- what subclasses do ---------------------------------------------------------------------------------------

    @abstractmethod
    def _process(self, happening: Happening) -> None:
        """Process what happened on the connection."""

    @abstractmethod
    def _timer_is_due(self, name: str) -> None:
        """Do what a timer was started for."""

    @abstractmethod
    def _store_failed(self, error: Exception) -> None:
        """Go on after the store could not be used, such as on a full disk."""

    @abstractmethod
    def _stopped(self) -> None:
        """Close the connection: the thread ends. Commands that were posted run after this."""

    @abstractmethod
    def _ended(self) -> None:
        """Tell who waits that the thread has ended."""

    # -- the thread -----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._stopping:
                try:
                    self._step()
                except (sqlite3.Error, OSError) as error:
                    self._store_failed(error)
        except Exception as error:
            self.diagnostics.note(f"the client has ended by a fault: {type(error).__name__}: {error}", warning=True)
            raise
        finally:
            self._stopped()
            with self._ending:
                self.has_ended = True
            while self._commands:
                self._commands.popleft()()
            self._ended()
            self._selector.close()
            self._wake_in.close()
            self._wake_out.close()

    def _step(self) -> None:
        while self._commands and not self._stopping:
            self._commands.popleft()()
        self._run_timers()
        if not self._commands and not self._stopping:
            self._wait()

    def _wait(self) -> None:
        """Wait for a command, a timer or the connection, and process what it brings."""
        connection = self._connection
        self._watch(connection)
        has_input = connection is not None and connection.has_buffered_input
        for key, events in self._selector.select(0 if has_input else self._timeout()):
            if key.fileobj is self._wake_out:
                with contextlib.suppress(BlockingIOError):
                    while self._wake_out.recv(4096):
                        pass
            elif connection is not None:
                if events & selectors.EVENT_WRITE:
                    connection.write()
                has_input |= bool(events & selectors.EVENT_READ)
        if connection is not None:
            if has_input:
                connection.read()
            connection.check_keep_alive()
            for happening in connection.happened():
                if self._connection is connection:
                    self._process(happening)

    def _watch(self, connection: Connection | None) -> None:
        wanted = None
        if connection is not None and (sock := connection.socket) is not None:
            wanted = sock, selectors.EVENT_READ | (selectors.EVENT_WRITE if connection.wants_write else 0)
        if wanted != self._watched:
            self._unwatch()
            if wanted is not None:
                self._selector.register(*wanted)
            self._watched = wanted

    def _unwatch(self) -> None:
        if self._watched is not None:
            self._selector.unregister(self._watched[0])
            self._watched = None

    # -- timers ---------------------------------------------------------------------------------------------------

    def start_timer(self, name: str, seconds: float) -> None:
        """Start a timer, or start it anew. All end with the connection."""
        self._timers[name] = self._clock.monotonic() + seconds

    def has_timer(self, name: str) -> bool:
        """Tell whether a timer runs."""
        return name in self._timers

    def _run_timers(self) -> None:
        now = self._clock.monotonic()
        for name in [name for name, due in self._timers.items() if due <= now]:
            if self._timers.pop(name, None) is not None:  # else one before it has ended it
                self._timer_is_due(name)

    def _timeout(self) -> float | None:
        """Return for how long to wait at most; None: for as long as it takes."""
        timeouts = []
        if self._timers:
            left = max(0.0, min(self._timers.values()) - self._clock.monotonic())
            timeouts.append(self._clock.block_seconds(left))
        if self._connection is not None:
            # Paho's keep alive goes by the system's clock.
            timeouts.append(self._keep_alive / 10)
        return min((one for one in timeouts if one is not None), default=None)
