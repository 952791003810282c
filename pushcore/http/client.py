"""Make many HTTP calls concurrently on warm connections, with HTTP/2 where the server speaks it.

libcurl's multi interface does the work and is told of each socket that is ready; left to poll by itself it would look
at every call in flight. A peer's address is checked when the socket is opened, so neither a redirect nor a name that
changes its address between attempts reaches a private network (server-side request forgery).
"""

from __future__ import annotations

import math
import select
import time
from collections.abc import MutableMapping, Sequence
from itertools import islice
from typing import Any

import pycurl

from pushcore.http.calls import HttpAnswer, HttpCall, HttpSettings
from pushcore.http.transfer import Authorities, Transfer

# A connection idle for longer is checked before it is used again.
IDLE_SECONDS = 0.5
_LONGEST_WAIT_MS = 500
# With more calls in flight than `_FEW_CALLS`, libcurl is told of ready sockets only once this share of the calls should
# be answered, and after this many seconds at most.
_FEW_CALLS = 16
_AWAITED_SHARE = 0.25
_AWAIT_SECONDS = 0.05


class HttpClient:
    """A client with one set of settings whose connections stay open between exchanges. Not thread-safe."""

    def __init__(self, settings: HttpSettings) -> None:
        self.settings = settings
        self._authorities = Authorities(settings.ca)
        self._multi = self._new_multi()
        self._idle: list[Transfer] = []
        # File descriptors of the connections the last exchange used, and when it ended (monotonic).
        self._sockets: set[int] = set()
        self._used_at = 0.0

    def exchange(self, calls: Sequence[HttpCall], *, within: float = math.inf) -> list[HttpAnswer]:
        """Make all calls concurrently, `max_in_flight` at a time.

        Args:
            calls: The calls to make.
            within: Seconds after which no more calls are started. Calls in flight are waited for, each for
                `timeout_ms` at most.

        Returns:
            The answers in the order of the calls. A bad URL, host or answer is an error in its answer; nothing is
            raised.
        """
        answers: dict[int, HttpAnswer] = {}
        begun = time.monotonic()
        self._drop_closed()
        running: dict[Any, Transfer] = {}
        waiting, most, ended = iter(enumerate(calls)), self.settings.max_in_flight, 0
        try:
            while True:
                while len(running) < most and time.monotonic() < begun + within:
                    if not (following := list(islice(waiting, most - len(running)))):
                        break
                    for place, call in following:
                        if (at_once := self._start(call, place, running)) is not None:
                            answers[place] = at_once
                if not running:
                    return [answers.get(place) or HttpAnswer() for place in range(len(calls))]
                due_ms = self._multi.timeout()
                if due_ms == 0:
                    self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
                found = self._collect(running, answers)
                if not found:
                    pace = (time.monotonic() - begun) / ended if ended else 0.0
                    self._read_on(due_ms, len(running), pace)
                    found = self._collect(running, answers)
                ended += found
        finally:
            self._used_at = time.monotonic()
            for transfer in running.values():
                self._multi.remove_handle(transfer.handle)
                transfer.close()

    def _read_on(self, due_ms: int, running: int, pace: float) -> None:
        """Wait until sockets are ready, or libcurl wants to go on, and tell libcurl which sockets are.

        libcurl then looks at all calls of a socket. So where many are in flight, more answers are awaited first: a
        share of them, at the pace (seconds per answer) of the exchange so far.
        """
        ready = self._poll.poll(_LONGEST_WAIT_MS if due_ms < 0 else min(_LONGEST_WAIT_MS, due_ms))
        if ready and running > _FEW_CALLS:
            time.sleep(min(_AWAIT_SECONDS, running * _AWAITED_SHARE * pace))
            ready = self._poll.poll(0)
        for descriptor, events in ready:
            self._act(descriptor, events)

    def _act(self, descriptor: int, events: int) -> None:
        """Tell libcurl that a socket is ready."""
        self._multi.socket_action(descriptor, _actions(events))

    def _new_multi(self) -> Any:
        # The sockets libcurl has calls on.
        self._poll = select.poll()
        multi = pycurl.CurlMulti()
        multi.setopt(pycurl.M_PIPELINING, pycurl.PIPE_MULTIPLEX)
        multi.setopt(pycurl.M_MAX_HOST_CONNECTIONS, self.settings.max_connections)
        multi.setopt(pycurl.M_MAX_CONCURRENT_STREAMS, self.settings.max_streams)
        multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        return multi

    def _watch(self, what: int, descriptor: int, _multi: Any, _data: Any) -> None:
        """Watch a socket for what libcurl waits for; called by libcurl."""
        if what == pycurl.POLL_REMOVE:
            self._poll.unregister(descriptor)
        else:
            self._poll.register(descriptor, _EVENTS[what])

    def _drop_closed(self) -> None:
        """Drop all connections if a peer has written to an idle one, which announces or completes its closing.

        libcurl would write the next call into such a connection and could not tell whether it was received.
        """
        if self._sockets and time.monotonic() - self._used_at >= IDLE_SECONDS:
            poll = select.poll()
            for descriptor in self._sockets:
                poll.register(descriptor, select.POLLIN)
            if poll.poll(0):
                self._multi.close()
                self._multi = self._new_multi()
            self._sockets.clear()

    def close(self) -> None:
        """Close all connections."""
        for transfer in self._idle:
            transfer.close()
        self._idle.clear()
        self._multi.close()
        self._authorities.close()

    def _start(self, call: HttpCall, place: int, running: dict[Any, Transfer]) -> HttpAnswer | None:
        """Start a call; return an answer only if the call cannot be made."""
        transfer = self._idle.pop() if self._idle else Transfer(self.settings, self._authorities.path)
        try:
            transfer.prepare(call, place)
            self._multi.add_handle(transfer.handle)
        except (pycurl.error, UnicodeEncodeError, ValueError) as error:
            transfer.close()
            return HttpAnswer(error=f"the call cannot be made: {error}")
        running[transfer.handle] = transfer
        return None

    def _collect(self, running: dict[Any, Transfer], answers: MutableMapping[int, HttpAnswer]) -> int:
        """Move ended calls from `running` to `answers`; return how many ended."""
        before, more = len(running), 1
        while more:
            more, done, failed = self._multi.info_read(1000)
            for handle in done:
                self._end(running.pop(handle), 0, "", answers)
            for handle, code, message in failed:
                self._end(running.pop(handle), code, message or f"libcurl error {code}", answers)
        return before - len(running)

    def _end(self, transfer: Transfer, code: int, error: str, answers: MutableMapping[int, HttpAnswer]) -> None:
        # Over HTTP/2 all calls share a few sockets, which are known already.
        all_known = self.settings.http2 and len(self._sockets) >= self.settings.max_connections
        if not all_known and (descriptor := transfer.handle.getinfo(pycurl.ACTIVESOCKET)) >= 0:
            self._sockets.add(descriptor)
        self._multi.remove_handle(transfer.handle)
        answers[transfer.place] = transfer.finish(code, error)
        self._idle.append(transfer)


# poll(2)'s events for what libcurl waits for.
_EVENTS = {
    pycurl.POLL_NONE: 0,
    pycurl.POLL_IN: select.POLLIN,
    pycurl.POLL_OUT: select.POLLOUT,
    pycurl.POLL_INOUT: select.POLLIN | select.POLLOUT,
}


def _actions(events: int) -> int:
    """Translate poll(2)'s events into libcurl's."""
    return (
        (pycurl.CSELECT_IN if events & (select.POLLIN | select.POLLHUP) else 0)
        | (pycurl.CSELECT_OUT if events & select.POLLOUT else 0)
        | (pycurl.CSELECT_ERR if events & (select.POLLERR | select.POLLNVAL) else 0)
    )
