"""Calls that come and go: started one by one, with answers as they come, for a sender that goes on for days."""

from __future__ import annotations

from typing import Any

import pycurl

from pushcore.http.client import Answer, Call, Client, Settings

# Connections that stay open, to all hosts together.
MOST_KEPT_OPEN = 512


class CallStream(Client):
    """Makes a call when it is told to, on a connection that is free or a new one: whoever starts no more than
    `max_connections` to a host at once has none wait, so that times are times on the wire."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._under_way: dict[Any, Any] = {}
        self._answers: dict[int, Answer] = {}

    @property
    def under_way(self) -> int:
        return len(self._under_way)

    def start(self, number: int, call: Call) -> None:
        """Begin a call; `number` names it in `answers`."""
        at_once = self._start(call, number, self._under_way)
        if at_once is not None:
            self._answers[number] = at_once
        else:
            # Written now, not when answers are next looked for.
            self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)

    def fail(self, number: int, error: str) -> None:
        """Answer a call that is not made."""
        self._answers[number] = Answer(error=error)

    def answers(self, wait_seconds: float) -> dict[int, Answer]:
        """What has come since this was last asked; waits for the first for so long at most."""
        due_ms = self._multi.timeout()
        if due_ms == 0:
            self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        self._collect(self._under_way, self._answers)
        if not self._answers and self._under_way:
            wait_ms = int(wait_seconds * 1000)
            self._look(wait_ms if due_ms < 0 else min(wait_ms, due_ms))
            self._collect(self._under_way, self._answers)
        found, self._answers = self._answers, {}
        return found

    def close(self) -> None:
        for transfer in self._under_way.values():
            self._multi.remove_handle(transfer.handle)
            transfer.close()
        self._under_way.clear()
        super().close()

    def _new_multi(self) -> Any:
        multi = super()._new_multi()
        multi.setopt(pycurl.M_MAXCONNECTS, MOST_KEPT_OPEN)
        return multi

    def _look(self, wait_ms: int) -> None:
        """Wait for sockets that are ready, and tell libcurl; without any, that time has passed."""
        ready = self._poll.poll(wait_ms)
        if not ready:
            self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        for descriptor, events in ready:
            self._act(descriptor, events)
