"""Requests: from a head as parsed to a WSGI environment (PEP 3333)."""

from __future__ import annotations

import io
import sys
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_to_bytes

import httptools

from mps_project.web.http_server.bodies import Body

Headers = list[tuple[bytes, bytes]]


class BadHeadError(Exception):
    """A head that is answered with `status` and not served."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class WsgiRequest:
    """A request while it arrives and is worked on.

    Attributes:
        length: The length the head declares, None where it declares none.
        expects: Whether the client waits for 100 (Continue) before it sends the body.
        upload: Whether the body may be a large file.
        limit: The longest body that is read, in bytes.
        too_long: Whether the body is longer.
    """

    __slots__ = (
        "body", "checked", "checking", "chunked", "complete", "environ", "expects", "head_only", "keep_alive", "length",
        "limit", "too_long", "upload",
    )  # fmt: skip

    def __init__(self, environ: dict[str, Any], *, keep_alive: bool) -> None:
        self.environ = environ
        self.keep_alive = keep_alive
        self.chunked = environ.pop("HTTP_TRANSFER_ENCODING", "") != ""
        self.length = int(environ["CONTENT_LENGTH"]) if "CONTENT_LENGTH" in environ else None
        self.expects = environ.get("HTTP_EXPECT", "").lower() == "100-continue"
        self.head_only = environ["REQUEST_METHOD"] == "HEAD"
        self.body: Body | None = None
        self.limit = 0
        self.upload = self.too_long = self.complete = self.checking = self.checked = False

    @property
    def has_body(self) -> bool:
        """Whether a body follows the head."""
        return self.chunked or bool(self.length)

    def finish(self) -> None:
        """Give the body to the application, with a length however it was sent. Called once all of it is here."""
        self.complete = True
        if self.body is not None:
            self.environ["wsgi.input"] = self.body.stream()
            self.environ["CONTENT_LENGTH"] = str(self.body.size)

    def truncate(self) -> None:
        """Drop a body that is too long: the application sees that by its length, and nothing of it."""
        self.too_long = self.complete = True
        self.keep_alive = False
        longer = self.limit + 1 if self.body is not None else self.length
        self.environ["CONTENT_LENGTH"] = str(longer)
        self.release()

    def release(self) -> None:
        """Give back what the body takes of the budget."""
        if self.body is not None:
            self.body.release()


def build_environ(
    parser: httptools.HttpRequestParser, target: bytes, headers: Headers, shared: dict[str, Any]
) -> dict[str, Any]:
    """Return the WSGI environment of a request without its body.

    Args:
        parser: At the end of the head.
        target: The request target, as it came.
        headers: Names and values, as they came.
        shared: The variables that all requests of the connection have (`connection_environ`).

    Raises:
        BadHeadError: The head is not served: no Host, an unknown transfer coding, a malformed target.
    """
    if not target.startswith(b"/"):
        target = _origin_form(target)
    path, _, query = target.partition(b"?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": parser.get_method().decode("latin-1"),
        "PATH_INFO": (unquote_to_bytes(path) if b"%" in path else path).decode("latin-1"),
        "QUERY_STRING": query.decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{parser.get_http_version()}",
        "wsgi.input": io.BytesIO(),
    }
    environ |= shared
    for name, value in headers:
        key = _environ_key(name)
        if key is None:
            continue
        text = value.decode("latin-1")
        if key in environ:
            # Joining is right for all that may be repeated (RFC 9110, 5.3), and spoils what may not.
            text = environ[key] + ("; " if key == "HTTP_COOKIE" else ",") + text
        environ[key] = text
    if environ.get("HTTP_TRANSFER_ENCODING", "chunked").lower() != "chunked":
        raise BadHeadError(501)
    if "HTTP_HOST" not in environ and environ["SERVER_PROTOCOL"] == "HTTP/1.1":  # RFC 9112, 3.2
        raise BadHeadError(400)
    return environ


def _origin_form(target: bytes) -> bytes:
    """Return path and query of a target in absolute form, which a server accepts (RFC 9112, 3.2.2)."""
    try:
        url = httptools.parse_url(target)
    except httptools.HttpParserInvalidURLError:
        raise BadHeadError(400) from None
    if not url.schema:
        raise BadHeadError(400)
    return (url.path or b"/") + (b"?" + url.query if url.query else b"")


@lru_cache(maxsize=1024)
def _environ_key(name: bytes) -> str | None:
    """Return the WSGI variable of a header; None where it has none: `X_Real` would pass for `X-Real`."""
    if b"_" in name:
        return None
    key = name.decode("latin-1").upper().replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"


def connection_environ(server: tuple[str, int], client: tuple[str, int]) -> dict[str, Any]:
    """Return the variables that all requests of a connection have: its addresses as (host, port), and WSGI's own."""
    return {
        "SCRIPT_NAME": "",
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "REMOTE_ADDR": client[0],
        "REMOTE_PORT": str(client[1]),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
    }
