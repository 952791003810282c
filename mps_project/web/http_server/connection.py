"""One client's connection: heads and bodies in, answers out. Runs in the event loop; no work is done here."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, cast

import httptools

from mps_project.web.http_server import limits
from mps_project.web.http_server.bodies import FileBody, MemoryBody, NoRoomError
from mps_project.web.http_server.requests import BadHeadError, Headers, Request, environ_of, fixed_variables
from mps_project.web.http_server.responses import Response, plain

if TYPE_CHECKING:
    from mps_project.web.http_server.server import Server

NEVER = math.inf
_PIECE = 256 * 1024


class State(Enum):
    IDLE = auto()  # between requests
    HEAD = auto()
    BODY = auto()
    WORKING = auto()
    WRITING = auto()
    ENDING = auto()  # nothing more is served; what still comes is thrown away
    CLOSED = auto()


class _RefusedError(Exception):
    """Ends parsing; the refusal has been written."""


class Connection(asyncio.Protocol):
    """See the module. `deadline`: when the server calls `expire`, by `time.monotonic()`."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._transport: asyncio.Transport
        self._parser = httptools.HttpRequestParser(self)
        self._fixed: dict[str, Any] = {}
        self.address = ""
        self.state = State.IDLE
        self.deadline = NEVER
        self._new = self._paused = self._full = False
        # No more is read: what comes after a request that was refused or cut may be anything.
        self._deaf = False
        self._target = b""
        self._headers: Headers = []
        self._head_bytes = 0
        # Arriving; here, and waiting for the answer to the one before it; in the hands of a thread.
        self._arriving: Request | None = None
        self._waiting: deque[Request] = deque()
        self._served: Request | None = None
        self._body_since = 0.0
        self._response: Response | None = None
        self._keep_alive = True

    # -- the transport's calls ------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class
        client, server = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        self.address = client[0] if client else ""
        refusal = self._server.opened(self)
        if refusal:
            # Not listened to for a while, as others are that are refused: these may be very many.
            self._server.count_refusal(503)
            self._deaf, self._keep_alive = True, False
            self._write(plain(503, refusal, retry_after=10))
            return
        self._fixed = fixed_variables(server[:2], client[:2] if client else ("", 0))
        self._new = True
        self.deadline = time.monotonic() + limits.HEAD_SECONDS

    def connection_lost(self, exc: Exception | None) -> None:
        self.state, self.deadline = State.CLOSED, NEVER
        self._server.closed(self)
        for request in self._waiting:
            request.release()
        # What a thread has in hand is released when it is given back.
        if self._arriving is not None and not self._arriving.checking:
            self._arriving.release()
        self._end_response()

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        if self.state is State.IDLE:
            self.state = State.HEAD
            if not self._new:
                self.deadline = time.monotonic() + limits.HEAD_SECONDS
        self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # Nothing is upgraded to here: the request is answered as if it had not asked (RFC 9110, 7.8).
            self._deaf, self._keep_alive = True, False
        except httptools.HttpParserCallbackError as error:
            if not isinstance(error.__context__, _RefusedError):
                raise
            return
        except httptools.HttpParserError:
            self._refuse(400)
            return
        if self.state is State.HEAD and self._head_bytes > limits.MAX_HEAD_BYTES:
            self._refuse(431)
        elif self.state is State.BODY:
            self._body_begun()
        elif self._served is not None:
            self._pause()

    def eof_received(self) -> bool:
        """The client sends no more. What is whole is answered; that we close then."""
        self._keep_alive = False
        if self._served is not None or self.state is State.WRITING:
            return True
        self._close()
        return False

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        if self.state is State.WRITING:
            self._write_on()

    # -- the parser's calls ---------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._target, self._headers = b"", []

    def on_url(self, data: bytes) -> None:
        self._target += data

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        size = len(self._target) + sum(len(name) + len(value) for name, value in self._headers)
        if size > limits.MAX_HEAD_BYTES or len(self._headers) > limits.MAX_HEADERS:
            self._stop_with(431)
        if len(self._waiting) >= limits.MAX_PIPELINED:
            self._stop_with(503)
        try:
            environ = environ_of(self._parser, self._target, self._headers, self._fixed)
        except BadHeadError as error:
            self._stop_with(error.status)
        request = Request(environ, keep_alive=self._parser.should_keep_alive())
        self._arriving = request
        if request.has_body:
            self._expect_body(request)

    def on_body(self, data: bytes) -> None:
        request = self._arriving
        if request is None or request.body is None:
            return
        if request.body.size + len(data) > request.limit:
            self._arrived(request, overlong=True)
            return
        try:
            request.body.append(data)
        except NoRoomError:
            self._stop_with(503)

    def on_message_complete(self) -> None:
        self._head_bytes = 0
        if self._arriving is not None:
            self._arrived(self._arriving)

    # -- a request arrives ----------------------------------------------------------------------------------------

    def _expect_body(self, request: Request) -> None:
        bounds = self._server.limits
        request.upload = request.environ["PATH_INFO"] in bounds.upload_paths
        request.limit = bounds.upload_bytes if request.upload else bounds.body_bytes
        if request.length is not None and request.length > request.limit:
            self._arrived(request, overlong=True)
            return
        budget = self._server.budget
        try:
            request.body = FileBody(budget) if request.upload else MemoryBody(budget)
        except NoRoomError:
            self._stop_with(503)
        if self.state is State.HEAD:
            self.state = State.BODY

    def _body_begun(self) -> None:
        """A part of a body has come, and it is not whole."""
        request, now = self._arriving, time.monotonic()
        if request is None:
            return
        if not self._body_since:
            self._body_since = now
            # Looked at by the server's clock: a body that follows its head at once needs no look of its own.
            self.deadline = now + limits.HEAD_CHECK_SECONDS
        if (request.upload or request.expects) and not request.checked:
            self._check_head(request)

    def _check_head(self, request: Request) -> None:
        """Ask the application whether it would take the body; meanwhile nothing is read."""
        request.checked = request.checking = True
        self.deadline = NEVER
        self._pause()
        if not self._server.check(self, request):
            request.checking = False
            self._refuse(503)

    def head_checked(self, request: Request, refusal: Response | None) -> None:
        """The application's word about the head: its refusal, or None where the body may come."""
        request.checking = False
        if self.state is State.CLOSED:
            request.release()
        elif refusal is not None:
            request.release()
            self._arriving = None
            self._deaf = True
            self._answer_early(refusal)
        else:
            if request.expects:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._body_since = time.monotonic()
            self.deadline = self._body_deadline(request)
            self._resume()

    def _body_deadline(self, request: Request) -> float:
        size = request.body.size if request.body is not None else 0
        return self._body_since + self._server.limits.body_seconds + size / limits.BODY_BYTES_PER_SECOND

    def _arrived(self, request: Request, *, overlong: bool = False) -> None:
        """All of the request that will be read is here."""
        self._arriving, self._body_since = None, 0.0
        if overlong:
            request.cut()
        else:
            request.finish()
        self._waiting.append(request)
        if self._served is None and self.state is not State.WRITING:
            self._serve_next()
        if overlong:
            self._deaf = True
            raise _RefusedError

    def _serve_next(self) -> None:
        self._served = request = self._waiting.popleft()
        self.state, self._new, self.deadline = State.WORKING, False, NEVER
        if not self._server.submit(self, request):
            self.respond(request, plain(503, "busy; try again", retry_after=1))

    # -- and is answered ------------------------------------------------------------------------------------------

    def respond(self, request: Request, response: Response) -> None:
        """Write the answer to the request that is served."""
        request.release()
        self._served = None
        if self.state is State.CLOSED or self.state is State.ENDING:
            response.release()
            return
        self._keep_alive = self._keep_alive and request.keep_alive and not self._server.stopping
        self._write(response, http10=request.environ["SERVER_PROTOCOL"] == "HTTP/1.0", cut=request.overlong)

    def _write(self, response: Response, *, http10: bool = False, cut: bool = False) -> None:
        if not self._keep_alive:
            head = response.head + b"Connection: close\r\n\r\n"
        elif http10:
            head = response.head + b"Connection: keep-alive\r\n\r\n"
        else:
            head = response.head + b"\r\n"
        self._transport.write(head + response.body)
        self.state, self._response = State.WRITING, response
        if cut:
            self._linger()
        else:
            self._write_on()

    def _write_on(self) -> None:
        """Write what follows from a file, as fast as it is read; then take the next request."""
        rest = self._response.rest if self._response is not None else None
        while rest is not None and not self._full:
            piece = rest.read(_PIECE)
            if not piece:
                break
            self._transport.write(piece)
        if self._full:
            self.deadline = time.monotonic() + limits.WRITE_SECONDS
            return
        self._end_response()
        if not self._keep_alive:
            self._close()
        elif self._waiting:
            self._serve_next()
        elif self._arriving is not None:
            self.state = State.BODY
            self._resume()
            self._body_begun()
        else:
            self.state = State.IDLE if not self._head_bytes else State.HEAD
            wait = limits.HEAD_SECONDS if self._head_bytes else limits.KEEP_ALIVE_SECONDS
            self.deadline = time.monotonic() + wait
            self._resume()

    def _end_response(self) -> None:
        if self._response is not None:
            self._response.release()
            self._response = None

    def _answer_early(self, response: Response) -> None:
        """Answer a request that is not read to its end, and end the connection."""
        self._keep_alive = False
        self._write(response, cut=True)

    def _stop_with(self, status: int) -> None:
        """Refuse from within the parser."""
        self._refuse(status)
        raise _RefusedError

    def _refuse(self, status: int, text: str = "", *, retry_after: int = 0) -> None:
        self._server.count_refusal(status)
        self._deaf = True
        if self._arriving is not None:
            self._arriving.release()
            self._arriving = None
        if self.state in (State.WORKING, State.WRITING):
            # The answer to an earlier request is on its way: this one would be taken for it.
            self._close()
            return
        self._answer_early(plain(status, text, retry_after=retry_after or (1 if status == 503 else 0)))

    def _linger(self) -> None:
        self._end_response()
        self.state = State.ENDING
        self.deadline = time.monotonic() + limits.LINGER_SECONDS
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._resume()

    def _close(self) -> None:
        self.state, self._deaf, self.deadline = State.ENDING, True, time.monotonic() + limits.WRITE_SECONDS
        self._transport.close()

    # -- time -----------------------------------------------------------------------------------------------------

    def expire(self, now: float) -> None:
        """The deadline has passed."""
        if self.state is State.BODY and self._arriving is not None:
            request = self._arriving
            if not request.checked:
                self._check_head(request)
                return
            self.deadline = self._body_deadline(request)
            if self.deadline <= now:
                self._refuse(408)
        elif self.state is State.HEAD:
            self._refuse(408)
        elif self.state is State.IDLE:
            if self._new:
                self._server.count_refusal(408)
            self._close()
        else:
            self._transport.abort()

    def end(self) -> None:
        """The server stops: an idle connection is closed, another after its answer."""
        self._keep_alive = False
        if self.state is State.IDLE:
            self._close()

    def _pause(self) -> None:
        if not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def _resume(self) -> None:
        if self._paused and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()
