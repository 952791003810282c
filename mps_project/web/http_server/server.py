"""The HTTP server of one process: its socket, its threads, its deadlines."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from queue import SimpleQueue
from typing import Any

from mps_project.web.http_server import limits as bounds
from mps_project.web.http_server.bodies import BodyBudget
from mps_project.web.http_server.connection import HttpConnection
from mps_project.web.http_server.limits import HttpLimits
from mps_project.web.http_server.requests import WsgiRequest
from mps_project.web.http_server.responses import WsgiApplication, run_application
from pushcore.inbound.head_check import HEAD_CHECK
from pushcore.security.proxies import is_in, source_network

_TICK_SECONDS = 0.1


class _ThreadPool:
    """Threads that call the application, behind a bounded queue."""

    def __init__(self, server: HttpServer, threads: int, waiting: int) -> None:
        self._server = server
        self._longest = waiting
        self._queue: SimpleQueue[tuple[HttpConnection, WsgiRequest, bool] | None] = SimpleQueue()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def put(self, connection: HttpConnection, request: WsgiRequest, *, check: bool = False) -> bool:
        """Queue a request, or the check of its head; returns False where too many wait already."""
        if self._queue.qsize() >= self._longest:
            return False
        self._queue.put((connection, request, check))
        return True

    def _work(self) -> None:
        server = self._server
        while (taken := self._queue.get()) is not None:
            connection, request, check = taken
            if check:
                environ = request.environ | {HEAD_CHECK: True}
                answer = run_application(server.application, environ, head_only=False)
                server.call_in_loop(connection.head_was_checked, request, None if answer.status == 100 else answer)
            else:
                answer = run_application(server.application, request.environ, head_only=request.head_only)
                server.call_in_loop(connection.respond, request, answer)

    def stop(self) -> None:
        for _ in self._threads:
            self._queue.put(None)


class HttpServer:
    """Serves a WSGI application.

    Args:
        application: Called in threads, one request at a time each.
        limits: What clients may cost.
        threads: How many requests are worked on at one time.
        own_threads: Paths that have a thread of their own each, which answers however busy the others are.
        count_refusal: Called with the status of every request and connection that the server refuses by itself.
    """

    def __init__(
        self,
        application: WsgiApplication,
        limits: HttpLimits,
        *,
        threads: int,
        own_threads: tuple[str, ...] = (),
        count_refusal: Callable[[int], None] = lambda _: None,
    ) -> None:
        self.application = application
        self.limits = limits
        self.budget = BodyBudget(bounds.BODY_MEMORY_BYTES, bounds.UPLOADS)
        self.stopping = False
        self.count_refusal = count_refusal
        self._connections: set[HttpConnection] = set()
        self._by_network: dict[str, int] = {}
        self._main = _ThreadPool(self, threads, bounds.MAX_WAITING)
        self._own: Mapping[str, _ThreadPool] = {path: _ThreadPool(self, 1, bounds.MAX_WAITING) for path in own_threads}
        self._loop: asyncio.AbstractEventLoop

    async def run(self, address: str, port: int, stop: asyncio.Event, graceful_seconds: float) -> None:
        """Listen and serve until `stop` is set; then finish what is under way, for at most `graceful_seconds`.

        Raises `OSError` where the address cannot be listened on.
        """
        self._loop = asyncio.get_running_loop()
        listening = await self._loop.create_server(
            lambda: HttpConnection(self), address, port, backlog=1024, reuse_port=True
        )
        clock = asyncio.create_task(self._watch_deadlines())
        await stop.wait()
        self.stopping = True
        listening.close()
        until = time.monotonic() + graceful_seconds
        await asyncio.sleep(0)  # what was accepted together with the stop makes itself known
        while self._connections and time.monotonic() < until:
            for connection in list(self._connections):
                connection.end()
            await asyncio.sleep(_TICK_SECONDS)
        for connection in list(self._connections):
            connection.abort()
        while self._connections:
            await asyncio.sleep(0)
        clock.cancel()
        for pool in (self._main, *self._own.values()):
            pool.stop()

    async def _watch_deadlines(self) -> None:
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            now = time.monotonic()
            for connection in [one for one in self._connections if one.deadline <= now]:
                connection.expire(now)

    # -- what connections call ------------------------------------------------------------------------------------

    def opened(self, connection: HttpConnection) -> str:
        """Count a new connection; returns why it is refused, or an empty text."""
        self._connections.add(connection)
        key = source_network(connection.address)
        count = self._by_network[key] = self._by_network.get(key, 0) + 1
        most, most_of_one = self.limits.connections, self.limits.connections_per_address
        if most and len(self._connections) > most:
            return "too many connections"
        if most_of_one and count > most_of_one and not is_in(connection.address, self.limits.exempt):
            return "too many connections from this address"
        return ""

    def closed(self, connection: HttpConnection) -> None:
        """Count a connection no more."""
        self._connections.discard(connection)
        key = source_network(connection.address)
        if self._by_network[key] > 1:
            self._by_network[key] -= 1
        else:
            del self._by_network[key]

    def submit(self, connection: HttpConnection, request: WsgiRequest) -> bool:
        """Have a thread answer the request; returns False where too many wait."""
        return self._own.get(request.environ["PATH_INFO"], self._main).put(connection, request)

    def check(self, connection: HttpConnection, request: WsgiRequest) -> bool:
        """Have a thread ask the application about a head whose body has not come; returns False where too many wait."""
        return self._main.put(connection, request, check=True)

    def call_in_loop(self, function: Callable[..., object], *arguments: Any) -> None:
        """Have the event loop call a function. Safe from any thread."""
        try:
            self._loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:  # the loop is closed: the server has stopped
            return
