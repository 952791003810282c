"""Requests of devices (bind, unbind, report, event), those of a device one after the other."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Sequence

import structlog

from gateway.node import device_requests
from gateway.node.threads import DatabaseThreads
from gateway.protocol.ports import Request
from gateway.protocol.session import Session

log = structlog.get_logger(__name__)

# Requests have threads of their own: however many come, connects and waiting messages do not queue behind them.
THREADS = 4
# Payloads that wait of devices which have left, after having asked; beyond, what such a device asked is not served.
MAX_LEFT_BYTES = 16_777_216
# How long a node that stops goes on serving what it was asked.
STOP_SECONDS = 1.0
# After these a device may be given something else, or nothing more: it has ended.
_CHANGING = frozenset({"mps/bind", "mps/unbind", "mps/report", "mps/unregister"})


class RequestQueue:
    """Serves requests in threads and answers them. What is open of a session bounds its queue; what a device asked
    before it left is served as well, whatever its QoS."""

    def __init__(self, changed: Callable[[Sequence[int]], None]) -> None:
        """`changed` is told of devices whose user or channel may have changed, before they are answered."""
        self.threads = DatabaseThreads("gateway-request", THREADS)
        self._changed = changed
        # By device, in the order they came, the one that is served first.
        self._open: dict[int, deque[tuple[Session, Request]]] = {}
        self._left_bytes = 0
        self._left: set[Session] = set()
        self._serving: set[asyncio.Task[None]] = set()
        # Of devices that had left, and too much was waiting: since the start.
        self.dropped = 0

    def __len__(self) -> int:
        """Devices with requests open."""
        return max(len(self._open), len(self._serving))

    def add(self, session: Session, request: Request) -> None:
        assert session.device is not None
        device_id = session.device.id
        queue = self._open.get(device_id)
        if queue is not None:
            queue.append((session, request))
            return
        self._open[device_id] = deque([(session, request)])
        task = asyncio.get_running_loop().create_task(self._serve(device_id))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    def session_ended(self, session: Session) -> None:
        """The device has left: what it asked is served all the same, unless too much waits of such devices."""
        queue = self._open.get(session.device.id) if session.device is not None else None
        if queue is None:
            return
        mine = [request for asking, request in queue if asking is session]
        if not mine:
            return
        size = sum(len(request.payload) for request in mine)
        if self._left_bytes + size <= MAX_LEFT_BYTES:
            self._left.add(session)
            self._left_bytes += size
            return
        begun, *waiting = queue
        kept = [one for one in waiting if one[0] is not session]
        self.dropped += len(waiting) - len(kept)
        queue.clear()
        queue.extend((begun, *kept))

    async def stop(self) -> None:
        """Serve what was asked, for a while; no more after that."""
        if self._serving:
            _, late = await asyncio.wait(self._serving, timeout=STOP_SECONDS)
            for task in late:
                task.cancel()

    async def _serve(self, device_id: int) -> None:
        queue = self._open[device_id]
        try:
            while queue:
                session, request = queue[0]
                assert session.device is not None
                answer = await self.threads.run(device_requests.serve, session.device, request.topic, request.payload)
                if answer["success"] and request.topic in _CHANGING:
                    self._changed([device_id])
                session.answer(request, json.dumps(answer).encode())
                queue.popleft()
                if session in self._left:
                    self._left_bytes -= len(request.payload)
                    if all(asking is not session for asking, _ in queue):
                        self._left.discard(session)
        finally:
            del self._open[device_id]
