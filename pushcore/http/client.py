"""The HTTP engine: many calls side by side on warm connections, HTTP/2 where the server speaks it.

libcurl's multi interface does the work, told of each socket that is ready: asked to look for itself it would look at
every call under way. The address of a peer is checked when the socket is opened, so a redirect or a name that changes
its address between attempts cannot reach a private network either (server-side request forgery).
"""

from __future__ import annotations

import math
import select
import socket
import time
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, NamedTuple

import certifi
import pycurl

from pushcore.security import addresses

# A connection unused for longer is looked at before it is used again.
IDLE_SECONDS = 0.5
_LONGEST_WAIT_MS = 500
# Above so many calls under way, when an answer comes, it is waited for those of a share of them, but not for long.
_FEW = 16
_SHARE = 0.25
_PATIENCE = 0.05
USER_AGENT = "message-push-service"
PRIVATE = "the address is private, loopback or link-local"
BROKEN_OFF = "the connection broke before a byte of the answer"
NOT_STARTED = "not started: the time was spent"


class Call(NamedTuple):
    """A request. `headers` are whole lines ("name: value"), as bytes where there are very many calls; content type and
    length are the caller's and libcurl's."""

    url: str
    body: bytes
    headers: tuple[str | bytes, ...] = ()


@dataclass(slots=True)
class Answer:
    """What came back: an HTTP status, or why there is none; `header_lines` as they came.

    `error` is empty where the whole answer arrived; a status may stand beside an error (cut off in the body).
    `sent` tells whether the peer may have seen the request, `repeated` whether libcurl wrote it a second time.
    """

    status: int | None = None
    error: str = NOT_STARTED
    body: bytes = b""
    header_lines: tuple[bytes, ...] = ()
    duration_ms: int = 0
    sent: bool = False
    repeated: bool = False

    @property
    def started(self) -> bool:
        return self.error != NOT_STARTED

    @property
    def ok(self) -> bool:
        return self.status is not None and 200 <= self.status < 300 and not self.error

    def header(self, name: str) -> str:
        """The value of a header (lower case), the last where there are several; empty where there is none.

        Looked for only when asked: most answers of a vendor are asked for nothing, or for one.
        """
        wanted = f"{name}:".encode()
        size = len(wanted)
        for line in reversed(self.header_lines):
            if line[:size].lower() == wanted:
                return line[size:].decode("latin-1").strip()
        return ""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a client calls. PEM bytes; `ca` beside the well-known authorities. Times in milliseconds.

    `max_connections` is for each host; `side_by_side` limits calls to all, 0 for what the connections carry.
    `https_only`: nothing is sent in the clear. `http2`: HTTP/2 over TLS where the server offers it, and over plain TCP
    at once (prior knowledge: simulators). `repeats`: over HTTP/1.1 too, a call whose kept connection broke before a
    byte of the answer is made again at once, and its answer says so.
    """

    allow_private: bool = False
    https_only: bool = False
    http2: bool = False
    certificate: bytes = b""
    key: bytes = b""
    ca: bytes = b""
    connect_timeout_ms: int = 5_000
    timeout_ms: int = 10_000
    max_redirects: int = 0
    max_connections: int = 4
    max_streams: int = 100
    side_by_side: int = 0
    max_answer_bytes: int = 1_048_576
    repeats: bool = False
    keep_answer: bool = True

    @property
    def max_in_flight(self) -> int:
        return self.side_by_side or self.max_connections * (self.max_streams if self.http2 else 1)


class Client:
    """Calls with one kind of settings; its connections stay open between exchanges. Not for two threads at once."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._authorities = _Authorities(settings.ca)
        self._multi = self._new_multi()
        self._idle: list[_Transfer] = []
        # File descriptors of the connections the last exchange used, and when it ended (monotonic).
        self._sockets: set[int] = set()
        self._used_at = 0.0

    def exchange(self, calls: Sequence[Call], *, within: float = math.inf) -> list[Answer]:
        """Make all calls side by side, `max_in_flight` at a time; the answers stand in the order of the calls.

        Raises nothing for a bad URL, host or answer: each answer tells. Calls that could not be started `within` so
        many seconds are not made; those under way are waited for, each for `timeout_ms` at most.
        """
        answers: dict[int, Answer] = {}
        begun = time.monotonic()
        self._drop_closed()
        running: dict[Any, _Transfer] = {}
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
                    return [answers.get(place) or Answer() for place in range(len(calls))]
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
        """Wait until a socket is ready, or libcurl wants to go on, and tell libcurl which sockets are.

        It looks at all calls of a socket then. So where many are under way more answers are let come in before: a share
        of them, at the pace (seconds an answer) of the exchange so far.
        """
        ready = self._poll.poll(_LONGEST_WAIT_MS if due_ms < 0 else min(_LONGEST_WAIT_MS, due_ms))
        if ready and running > _FEW:
            time.sleep(min(_PATIENCE, running * _SHARE * pace))
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
        """libcurl says what it waits for on a socket; of sockets without a call it wants to hear nothing."""
        if what == pycurl.POLL_REMOVE:
            self._poll.unregister(descriptor)
        else:
            self._poll.register(descriptor, _EVENTS[what])

    def _drop_closed(self) -> None:
        """Start afresh where a peer has spoken on an idle connection: it says that it closes it, or has closed it.

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
        for transfer in self._idle:
            transfer.close()
        self._idle.clear()
        self._multi.close()
        self._authorities.close()

    def _start(self, call: Call, place: int, running: dict[Any, _Transfer]) -> Answer | None:
        """The answer is known at once where the call cannot be made."""
        transfer = self._idle.pop() if self._idle else _Transfer(self.settings, self._authorities.path)
        try:
            transfer.prepare(call, place)
            self._multi.add_handle(transfer.handle)
        except (pycurl.error, UnicodeEncodeError, ValueError) as error:
            transfer.close()
            return Answer(error=f"the call cannot be made: {error}")
        running[transfer.handle] = transfer
        return None

    def _collect(self, running: dict[Any, _Transfer], answers: MutableMapping[int, Answer]) -> int:
        """Take what has ended off, with its answer; how many that are."""
        before, more = len(running), 1
        while more:
            more, done, failed = self._multi.info_read(1000)
            for handle in done:
                self._end(running.pop(handle), 0, "", answers)
            for handle, code, message in failed:
                self._end(running.pop(handle), code, message or f"libcurl error {code}", answers)
        return before - len(running)

    def _end(self, transfer: _Transfer, code: int, error: str, answers: MutableMapping[int, Answer]) -> None:
        # Over HTTP/2 all calls share a few.
        looked = self.settings.http2 and len(self._sockets) >= self.settings.max_connections
        if not looked and (descriptor := transfer.handle.getinfo(pycurl.ACTIVESOCKET)) >= 0:
            self._sockets.add(descriptor)
        self._multi.remove_handle(transfer.handle)
        answers[transfer.place] = transfer.finish(code, error)
        self._idle.append(transfer)


# What libcurl waits for, as the operating system has it.
_EVENTS = {
    pycurl.POLL_NONE: 0,
    pycurl.POLL_IN: select.POLLIN,
    pycurl.POLL_OUT: select.POLLOUT,
    pycurl.POLL_INOUT: select.POLLIN | select.POLLOUT,
}


def _actions(events: int) -> int:
    """What the operating system says of a socket, as libcurl has it."""
    return (
        (pycurl.CSELECT_IN if events & (select.POLLIN | select.POLLHUP) else 0)
        | (pycurl.CSELECT_OUT if events & select.POLLOUT else 0)
        | (pycurl.CSELECT_ERR if events & (select.POLLERR | select.POLLNVAL) else 0)
    )


# libcurl's errors from before a request is written.
_NEVER_SENT = frozenset(
    {
        pycurl.E_URL_MALFORMAT,
        pycurl.E_UNSUPPORTED_PROTOCOL,
        pycurl.E_COULDNT_RESOLVE_HOST,
        pycurl.E_COULDNT_CONNECT,
        pycurl.E_SSL_CONNECT_ERROR,
        pycurl.E_PEER_FAILED_VERIFICATION,
        pycurl.E_SSL_CERTPROBLEM,
    }
)


class _Transfer:
    """A curl handle that makes one call after the other."""

    def __init__(self, settings: Settings, authorities: str) -> None:
        self._settings = settings
        self.place = 0
        self._repeated = False
        self._chunks: list[bytes] = []
        self._header_lines: list[bytes] = []
        self._body = BytesIO()
        self._received = 0
        self._begun_at = 0.0
        self._refused = False
        # libcurl works on a duplicate of each socket; ours are closed when the call has ended.
        self._opened: list[socket.socket] = []
        self._headers: tuple[str | bytes, ...] | None = None
        self._size = -1
        self._plain: bool | None = None
        self.handle = handle = pycurl.Curl()
        for option, value in _options(settings, authorities):
            handle.setopt(option, value)
        handle.setopt(pycurl.WRITEFUNCTION, self._take)
        handle.setopt(pycurl.HEADERFUNCTION, self._header_lines.append)
        # libcurl is not given the body whole, for then it would repeat a call without a word.
        handle.setopt(pycurl.READFUNCTION, self._body.read)
        handle.setopt(pycurl.SEEKFUNCTION, self._rewind)
        handle.setopt(pycurl.OPENSOCKETFUNCTION, self._open_socket)

    def prepare(self, call: Call, place: int) -> None:
        """`place`: the call's in its exchange."""
        url, content, headers = call
        self.place, self._refused, self._repeated, self._received = place, False, False, 0
        handle = self.handle
        handle.setopt(pycurl.URL, url)
        body, size = self._body, len(content)
        if size != self._size:
            handle.setopt(pycurl.POSTFIELDSIZE_LARGE, size)
            body.truncate(0)
            self._size = size
        body.seek(0)
        body.write(content)
        body.seek(0)
        self._begun_at = time.monotonic()
        if headers != self._headers:
            # Over HTTP/1.1 it would wait for a "100 Continue" with a large body.
            handle.setopt(pycurl.HTTPHEADER, headers if self._settings.http2 else (*headers, "Expect:"))
            self._headers = headers
        if self._settings.http2:
            plain = url.startswith("http:")
            if plain is not self._plain:
                known = pycurl.CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE
                handle.setopt(pycurl.HTTP_VERSION, known if plain else pycurl.CURL_HTTP_VERSION_2TLS)
                self._plain = plain

    def _rewind(self, _offset: int, _origin: int) -> int:
        """libcurl wants to write the body again: the peer redirects, or broke off without a byte of an answer.

        In the latter case the peer may have worked on it. Over HTTP/1.1 the call fails then, and the caller knows as
        much; over HTTP/2 the peer has mostly said that it did not look (RFC 9113, 8.7): the call goes on and tells.
        """
        if not self._header_lines:
            if not (self._settings.http2 or self._settings.repeats):
                return int(pycurl.SEEKFUNC_FAIL)
            self._repeated = True
        self._body.seek(0)
        return int(pycurl.SEEKFUNC_OK)

    def _take(self, chunk: bytes) -> int:
        """An endless answer is cut off."""
        self._received += len(chunk)
        if self._received > self._settings.max_answer_bytes:
            return -1
        if self._settings.keep_answer:
            self._chunks.append(chunk)
        return len(chunk)

    def _open_socket(self, _purpose: int, endpoint: tuple[Any, ...]) -> Any:
        family, kind, protocol, address = endpoint
        if family not in (socket.AF_INET, socket.AF_INET6) or not (
            self._settings.allow_private or addresses.is_public(_host(address))
        ):
            self._refused = True
            return pycurl.SOCKET_BAD
        self._opened.append(socket.socket(family, kind, protocol))
        return self._opened[-1]

    def finish(self, code: int, error: str) -> Answer:
        handle, sent = self.handle, True
        if error:
            sent = not (code in _NEVER_SENT or handle.getinfo(pycurl.PRETRANSFER_TIME) == 0)
            error = PRIVATE if self._refused else BROKEN_OFF if code == pycurl.E_SEND_FAIL_REWIND else error
        answer = Answer(
            handle.getinfo(pycurl.RESPONSE_CODE) or None,
            error,
            b"".join(self._chunks),
            tuple(self._header_lines),
            int((time.monotonic() - self._begun_at) * 1000),
            sent,
            self._repeated,
        )
        self._chunks.clear()
        self._header_lines.clear()
        if self._opened:
            self._close_sockets()
        return answer

    def close(self) -> None:
        self.handle.close()
        self._close_sockets()

    def _close_sockets(self) -> None:
        for opened in self._opened:
            opened.close()
        self._opened.clear()


def _options(settings: Settings, authorities: str) -> list[tuple[int, Any]]:
    """What all handles of a client have in common."""
    schemes = pycurl.PROTO_HTTPS | (0 if settings.https_only else pycurl.PROTO_HTTP)
    options: list[tuple[int, Any]] = [
        (pycurl.POST, 1),
        (pycurl.USERAGENT, USER_AGENT),
        (pycurl.PROTOCOLS, schemes),
        (pycurl.REDIR_PROTOCOLS, schemes),
        (pycurl.PROXY, ""),
        (pycurl.NOSIGNAL, 1),
        (pycurl.CONNECTTIMEOUT_MS, settings.connect_timeout_ms),
        (pycurl.TIMEOUT_MS, settings.timeout_ms),
    ]
    if settings.max_redirects:
        options += [
            (pycurl.FOLLOWLOCATION, 1),
            (pycurl.MAXREDIRS, settings.max_redirects),
            (pycurl.POSTREDIR, pycurl.REDIR_POST_ALL),
        ]
    if settings.http2:
        options.append((pycurl.PIPEWAIT, 1))
    else:
        options.append((pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1))
    options.append((pycurl.CAINFO, authorities))
    if settings.certificate:
        options += [(pycurl.SSLCERTTYPE, "PEM"), (pycurl.SSLCERT_BLOB, settings.certificate)]
        options += [(pycurl.SSLKEYTYPE, "PEM"), (pycurl.SSLKEY_BLOB, settings.key)]
    return options


class _Authorities:
    """The file of the well-known authorities and those beside them, as long as a client needs it.

    A file, for libcurl compares what a call and a connection have: of bytes, all quarter of a million for each call.
    """

    def __init__(self, more: bytes) -> None:
        self.path, self._file = certifi.where(), None
        if more:
            self._file = NamedTemporaryFile(prefix="mps-authorities-", suffix=".pem")  # noqa: SIM115
            self._file.write(Path(self.path).read_bytes() + b"\n" + more)
            self._file.flush()
            self.path = self._file.name

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def _host(address: tuple[Any, ...]) -> str:
    host = address[0]
    return host.decode() if isinstance(host, bytes) else str(host)
