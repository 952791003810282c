"""One curl handle and its options: writes calls one after the other, and reads their answers."""

from __future__ import annotations

import socket
import time
from io import BytesIO
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import certifi
import pycurl

from pushcore.http.calls import BROKEN_OFF, PRIVATE, USER_AGENT, HttpAnswer, HttpCall, HttpSettings
from pushcore.security import addresses

# libcurl's errors that occur before a request is written.
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


class Transfer:
    """A curl handle, reused for one call after the other."""

    def __init__(self, settings: HttpSettings, authorities: str) -> None:
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

    def prepare(self, call: HttpCall, place: int) -> None:
        """Set the handle up for a call; `place` is the call's index in its exchange."""
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
        """Rewind the body because libcurl writes it again: after a redirect, or a connection that broke.

        In the latter case the peer may have processed the call. Over HTTP/1.1 the call fails, so that the caller can
        decide; over HTTP/2 the peer has usually said that it did not process it (RFC 9113, 8.7), so the call goes on
        and its answer says that it was repeated.
        """
        if not self._header_lines:
            if not (self._settings.http2 or self._settings.repeat_broken):
                return int(pycurl.SEEKFUNC_FAIL)
            self._repeated = True
        self._body.seek(0)
        return int(pycurl.SEEKFUNC_OK)

    def _take(self, chunk: bytes) -> int:
        """Receive a part of the body; abort a body that is too long."""
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

    def finish(self, code: int, error: str) -> HttpAnswer:
        """End the call and return its answer.

        Args:
            code: libcurl's error code, 0 for none.
            error: libcurl's error text, empty for none.
        """
        handle, sent = self.handle, True
        if error:
            sent = not (code in _NEVER_SENT or handle.getinfo(pycurl.PRETRANSFER_TIME) == 0)
            error = PRIVATE if self._refused else BROKEN_OFF if code == pycurl.E_SEND_FAIL_REWIND else error
        answer = HttpAnswer(
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
        """Close the handle and its sockets."""
        self.handle.close()
        self._close_sockets()

    def _close_sockets(self) -> None:
        for opened in self._opened:
            opened.close()
        self._opened.clear()


def _options(settings: HttpSettings, authorities: str) -> list[tuple[int, Any]]:
    """Return the curl options that all handles of a client share."""
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


class Authorities:
    """A file of the well-known certificate authorities and further ones, for the lifetime of a client.

    It is a file because libcurl compares the authorities of call and connection: as bytes, a quarter of a million for
    each call.
    """

    def __init__(self, more: bytes) -> None:
        self.path, self._file = certifi.where(), None
        if more:
            self._file = NamedTemporaryFile(prefix="mps-authorities-", suffix=".pem")  # noqa: SIM115
            self._file.write(Path(self.path).read_bytes() + b"\n" + more)
            self._file.flush()
            self.path = self._file.name

    def close(self) -> None:
        """Delete the file."""
        if self._file is not None:
            self._file.close()


def _host(address: tuple[Any, ...]) -> str:
    host = address[0]
    return host.decode() if isinstance(host, bytes) else str(host)
