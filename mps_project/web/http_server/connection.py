"""One client's HTTP connection: parses requests, refuses what breaks a limit, writes answers.

Runs in the event loop; the application is called in threads (`server`).
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, cast

import httptools

from mps_project.web.http_server import limits
from mps_project.web.http_server.bodies import BodyBudgetError, FileBody, MemoryBody
from mps_project.web.http_server.requests import BadHeadError, Headers, WsgiRequest, build_environ, connection_environ
from mps_project.web.http_server.responses import WsgiResponse, plain_response

if TYPE_CHECKING:
    from mps_project.web.http_server.server import HttpServer

NEVER = math.inf
_PIECE = 256 * 1024


class ConnectionState(Enum):
    """What a connection is doing."""

    IDLE = auto()  # between requests
    HEAD = auto()
    BODY = auto()
    WORKING = auto()
    WRITING = auto()
    ENDING = auto()  # nothing more is served; what still comes is discarded
    CLOSED = auto()


class _RefusedError(Exception):
    """Ends parsing; the refusal has been written."""


class HttpConnection(asyncio.Protocol):
    """A client's connection; the transport and the parser call it.

    Requests are served one after the other, in the order they came. Reading pauses while one is served.

    Attributes:
        address: The client's address, as text.
        deadline: When the server calls `expire`, by `time.monotonic()`.
    """

    def __init__(self, server: HttpServer) -> None:
        self._server = server
        self._transport: asyncio.Transport
        self._parser = httptools.HttpRequestParser(self)
        self._shared_environ: dict[str, Any] = {}
        self.address = ""
        self.state = ConnectionState.IDLE
        self.deadline = NEVER
        self._unused = self._reading_paused = self._writing_paused = False
        # What comes after a request that was refused or is too long may be anything.
        self._reading_ended = False
        self._target = b""
        self._headers: Headers = []
        self._head_bytes = 0
        # The request that arrives; those that wait for the answer to the one before; the one a thread works on.
        self._arriving: WsgiRequest | None = None
        self._waiting: deque[WsgiRequest] = deque()
        self._served: WsgiRequest | None = None
        self._body_since = 0.0
        self._response: WsgiResponse | None = None
        self._keep_alive = True

    # -- the transport's calls ------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a head; answer 503 and close where there are too many connections."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class
        client, server = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        self.address = client[0] if client else ""
        refusal = self._server.opened(self)
        if refusal:
            # Not listened to for a while, as others are that are refused: these may be very many.
            self._server.count_refusal(503)
            self._reading_ended, self._keep_alive = True, False
            self._write(plain_response(503, refusal, retry_after=10))
            return
        self._shared_environ = connection_environ(server[:2], client[:2] if client else ("", 0))
        self._unused = True
        self.deadline = time.monotonic() + limits.HEAD_SECONDS

    def connection_lost(self, exc: Exception | None) -> None:
        """Release what requests hold; the one a thread works on is released when it comes back."""
        self.state, self.deadline = ConnectionState.CLOSED, NEVER
        self._server.closed(self)
        for request in self._waiting:
            request.release()
        if self._arriving is not None and not self._arriving.checking:
            self._arriving.release()
        self._end_response()

    def data_received(self, data: bytes) -> None:
        """Parse what has come, and start or extend the deadline of what is not whole."""
        if self._reading_ended:
            return
        if self.state is ConnectionState.IDLE:
            self.state = ConnectionState.HEAD
            if not self._unused:
                self.deadline = time.monotonic() + limits.HEAD_SECONDS
        self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # Nothing is upgraded to here: the request is answered as if it had not asked (RFC 9110, 7.8).
            self._reading_ended, self._keep_alive = True, False
        except httptools.HttpParserCallbackError as error:
            if not isinstance(error.__context__, _RefusedError):
                raise
            return
        except httptools.HttpParserError:
            self._refuse(400)
            return
        if self.state is ConnectionState.HEAD and self._head_bytes > limits.MAX_HEAD_BYTES:
            self._refuse(431)
        elif self.state is ConnectionState.BODY:
            self._body_continues()
        elif self._served is not None:
            self._pause()

    def eof_received(self) -> bool:
        """Answer what is whole, and close then: the client sends no more."""
        self._keep_alive = False
        if self._served is not None or self.state is ConnectionState.WRITING:
            return True
        self._close()
        return False

    def pause_writing(self) -> None:
        """Stop writing: the client does not take its answer as fast."""
        self._writing_paused = True

    def resume_writing(self) -> None:
        """Go on with the answer."""
        self._writing_paused = False
        if self.state is ConnectionState.WRITING:
            self._write_on()

    # -- the parser's calls ---------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Begin a head."""
        self._target, self._headers = b"", []

    def on_url(self, data: bytes) -> None:
        """Take a part of the request target."""
        self._target += data

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Make a request of the head, or refuse it: too large, too many at once, not HTTP."""
        size = len(self._target) + sum(len(name) + len(value) for name, value in self._headers)
        if size > limits.MAX_HEAD_BYTES or len(self._headers) > limits.MAX_HEADERS:
            self._refuse_and_raise(431)
        if len(self._waiting) >= limits.MAX_PIPELINED:
            self._refuse_and_raise(503)
        try:
            environ = build_environ(self._parser, self._target, self._headers, self._shared_environ)
        except BadHeadError as error:
            self._refuse_and_raise(error.status)
        request = WsgiRequest(environ, keep_alive=self._parser.should_keep_alive())
        self._arriving = request
        if request.has_body:
            self._expect_body(request)

    def on_body(self, data: bytes) -> None:
        """Take a part of the body; one that becomes too long is served without it."""
        request = self._arriving
        if request is None or request.body is None:
            return
        if request.body.size + len(data) > request.limit:
            self._arrived(request, too_long=True)
            return
        try:
            request.body.append(data)
        except BodyBudgetError:
            self._refuse_and_raise(503)

    def on_message_complete(self) -> None:
        """Serve the request, or queue it behind the one that is served."""
        self._head_bytes = 0
        if self._arriving is not None:
            self._arrived(self._arriving)

    # -- a request arrives ----------------------------------------------------------------------------------------

    def _expect_body(self, request: WsgiRequest) -> None:
        bounds = self._server.limits
        request.upload = request.environ["PATH_INFO"] in bounds.upload_paths
        request.limit = bounds.upload_bytes if request.upload else bounds.body_bytes
        if request.length is not None and request.length > request.limit:
            self._arrived(request, too_long=True)
            return
        budget = self._server.budget
        try:
            request.body = FileBody(budget) if request.upload else MemoryBody(budget)
        except BodyBudgetError:
            self._refuse_and_raise(503)
        if self.state is ConnectionState.HEAD:
            self.state = ConnectionState.BODY

    def _body_continues(self) -> None:
        """Set the deadline of a body that is not whole, and have the head checked where the client waits for that."""
        request, now = self._arriving, time.monotonic()
        if request is None:
            return
        if not self._body_since:
            self._body_since = now
            # Checked when the deadline passes: a body that follows its head at once needs no check.
            self.deadline = now + limits.HEAD_CHECK_SECONDS
        if (request.upload or request.expects) and not request.checked:
            self._check_head(request)

    def _check_head(self, request: WsgiRequest) -> None:
        """Ask the application whether it would take the body; meanwhile reading pauses."""
        request.checked = request.checking = True
        self.deadline = NEVER
        self._pause()
        if not self._server.check(self, request):
            request.checking = False
            self._refuse(503)

    def head_was_checked(self, request: WsgiRequest, refusal: WsgiResponse | None) -> None:
        """Take the application's answer about the head: its refusal, or None where the body may come."""
        request.checking = False
        if self.state is ConnectionState.CLOSED:
            request.release()
        elif refusal is not None:
            request.release()
            self._arriving = None
            self._reading_ended = True
            self._answer_early(refusal)
        else:
            if request.expects:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._body_since = time.monotonic()
            self.deadline = self._body_deadline(request)
            self._resume()

    def _body_deadline(self, request: WsgiRequest) -> float:
        size = request.body.size if request.body is not None else 0
        return self._body_since + self._server.limits.body_seconds + size / limits.BODY_BYTES_PER_SECOND

    def _arrived(self, request: WsgiRequest, *, too_long: bool = False) -> None:
        """Finish a request: all of it that will be read is here."""
        self._arriving, self._body_since = None, 0.0
        if too_long:
            request.truncate()
        else:
            request.finish()
        self._waiting.append(request)
        if self._served is None and self.state is not ConnectionState.WRITING:
            self._serve_next()
        if too_long:
            self._reading_ended = True
            raise _RefusedError

    def _serve_next(self) -> None:
        self._served = request = self._waiting.popleft()
        self.state, self._unused, self.deadline = ConnectionState.WORKING, False, NEVER
        if not self._server.submit(self, request):
            self.respond(request, plain_response(503, "busy; try again", retry_after=1))

    # -- a request is answered ------------------------------------------------------------------------------------

    def respond(self, request: WsgiRequest, response: WsgiResponse) -> None:
        """Write the answer to the request that is served."""
        request.release()
        self._served = None
        if self.state is ConnectionState.CLOSED or self.state is ConnectionState.ENDING:
            response.release()
            return
        self._keep_alive = self._keep_alive and request.keep_alive and not self._server.stopping
        self._write(response, http10=request.environ["SERVER_PROTOCOL"] == "HTTP/1.0", linger=request.too_long)

    def _write(self, response: WsgiResponse, *, http10: bool = False, linger: bool = False) -> None:
        if not self._keep_alive:
            head = response.head + b"Connection: close\r\n\r\n"
        elif http10:
            head = response.head + b"Connection: keep-alive\r\n\r\n"
        else:
            head = response.head + b"\r\n"
        self._transport.write(head + response.body)
        self.state, self._response = ConnectionState.WRITING, response
        if linger:
            self._linger()
        else:
            self._write_on()

    def _write_on(self) -> None:
        """Write the answer's rest from its file, as fast as the client takes it; then turn to the next request."""
        rest = self._response.rest if self._response is not None else None
        while rest is not None and not self._writing_paused:
            piece = rest.read(_PIECE)
            if not piece:
                break
            self._transport.write(piece)
        if self._writing_paused:
            self.deadline = time.monotonic() + limits.WRITE_SECONDS
            return
        self._end_response()
        if not self._keep_alive:
            self._close()
        elif self._waiting:
            self._serve_next()
        elif self._arriving is not None:
            self.state = ConnectionState.BODY
            self._resume()
            self._body_continues()
        else:
            self.state = ConnectionState.IDLE if not self._head_bytes else ConnectionState.HEAD
            wait = limits.HEAD_SECONDS if self._head_bytes else limits.KEEP_ALIVE_SECONDS
            self.deadline = time.monotonic() + wait
            self._resume()

    def _end_response(self) -> None:
        if self._response is not None:
            self._response.release()
            self._response = None

    def _answer_early(self, response: WsgiResponse) -> None:
        """Answer a request that is not read to its end, and end the connection."""
        self._keep_alive = False
        self._write(response, linger=True)

    def _refuse_and_raise(self, status: int) -> None:
        """Refuse from within one of the parser's calls, which the exception ends."""
        self._refuse(status)
        raise _RefusedError

    def _refuse(self, status: int, text: str = "", *, retry_after: int = 0) -> None:
        self._server.count_refusal(status)
        self._reading_ended = True
        if self._arriving is not None:
            self._arriving.release()
            self._arriving = None
        if self.state in (ConnectionState.WORKING, ConnectionState.WRITING):
            # The answer to an earlier request is on its way: this one would be taken for it.
            self._close()
            return
        self._answer_early(plain_response(status, text, retry_after=retry_after or (1 if status == 503 else 0)))

    def _linger(self) -> None:
        """End our side and read on for a moment: closed at once, the client would lose the answer (RFC 9112, 9.6)."""
        self._end_response()
        self.state = ConnectionState.ENDING
        self.deadline = time.monotonic() + limits.LINGER_SECONDS
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._resume()

    def _close(self) -> None:
        self.state, self._reading_ended = ConnectionState.ENDING, True
        self.deadline = time.monotonic() + limits.WRITE_SECONDS
        self._transport.close()

    # -- time -----------------------------------------------------------------------------------------------------

    def expire(self, now: float) -> None:
        """Act on a deadline that has passed: check a head, refuse what is late, close what is idle."""
        if self.state is ConnectionState.BODY and self._arriving is not None:
            request = self._arriving
            if not request.checked:
                self._check_head(request)
                return
            self.deadline = self._body_deadline(request)
            if self.deadline <= now:
                self._refuse(408)
        elif self.state is ConnectionState.HEAD:
            self._refuse(408)
        elif self.state is ConnectionState.IDLE:
            if self._unused:
                self._server.count_refusal(408)
            self._close()
        else:
            self.abort()

    def abort(self) -> None:
        """Drop the connection, and what is not written yet."""
        self._transport.abort()

    def end(self) -> None:
        """Close an idle connection, another after its answer: the server stops."""
        self._keep_alive = False
        if self.state is ConnectionState.IDLE:
            self._close()

    def _pause(self) -> None:
        if not self._reading_paused:
            self._reading_paused = True
            self._transport.pause_reading()

    def _resume(self) -> None:
        if self._reading_paused and not self._transport.is_closing():
            self._reading_paused = False
            self._transport.resume_reading()
