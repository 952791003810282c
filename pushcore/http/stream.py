"""Start HTTP calls one by one and collect answers as they come, for a sender that runs for days."""

from __future__ import annotations

from typing import Any

import pycurl

from pushcore.http.calls import HttpAnswer, HttpCall, HttpSettings
from pushcore.http.client import HttpClient

# Connections that stay open, to all hosts together.
MOST_KEPT_OPEN = 512


class CallStream(HttpClient):
    """A client that starts each call at once, on a free connection or a new one.

    A caller that keeps to `max_connections` calls per host never has a call wait, so durations are times on the wire.
    """

    def __init__(self, settings: HttpSettings) -> None:
        super().__init__(settings)
        self._in_flight: dict[Any, Any] = {}
        self._answers: dict[int, HttpAnswer] = {}

    @property
    def in_flight(self) -> int:
        """How many calls are in flight."""
        return len(self._in_flight)

    def start(self, number: int, call: HttpCall) -> None:
        """Start a call. `number` identifies it in `answers`."""
        at_once = self._start(call, number, self._in_flight)
        if at_once is not None:
            self._answers[number] = at_once
        else:
            # Written now, not when answers are next looked for.
            self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)

    def fail(self, number: int, error: str) -> None:
        """Answer a call with an error, without making it."""
        self._answers[number] = HttpAnswer(error=error)

    def answers(self, wait_seconds: float) -> dict[int, HttpAnswer]:
        """Return the answers since the last call, by number; wait for the first at most `wait_seconds`."""
        due_ms = self._multi.timeout()
        if due_ms == 0:
            self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        self._collect(self._in_flight, self._answers)
        if not self._answers and self._in_flight:
            wait_ms = int(wait_seconds * 1000)
            self._look(wait_ms if due_ms < 0 else min(wait_ms, due_ms))
            self._collect(self._in_flight, self._answers)
        answers, self._answers = self._answers, {}
        return answers

    def close(self) -> None:
        """Abandon calls in flight and close all connections."""
        for transfer in self._in_flight.values():
            self._multi.remove_handle(transfer.handle)
            transfer.close()
        self._in_flight.clear()
        super().close()

    def _new_multi(self) -> Any:
        multi = super()._new_multi()
        multi.setopt(pycurl.M_MAXCONNECTS, MOST_KEPT_OPEN)
        return multi

    def _look(self, wait_ms: int) -> None:
        """Wait for ready sockets and tell libcurl; if there are none, let it handle its time-outs."""
        ready = self._poll.poll(wait_ms)
        if not ready:
            self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        for descriptor, events in ready:
            self._act(descriptor, events)
