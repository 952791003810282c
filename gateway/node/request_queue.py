"""Serve requests of devices in threads, those of one device one after the other."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Sequence

import structlog

from gateway.node import device_requests
from gateway.node.threads import DatabaseThreads
from gateway.protocol.ports import DeviceRequest
from gateway.protocol.session import Session

log = structlog.get_logger(__name__)

# Requests have their own threads, so that connects and pending messages never queue behind them.
THREADS = 4
# Bytes of waiting payloads of devices that left; requests beyond are dropped.
MAX_LEFT_BYTES = 16_777_216
# How long a stopping node continues to serve requests.
STOP_SECONDS = 1.0
# Requests that change what a device may receive.
_CHANGING = frozenset({"mps/bind", "mps/unbind", "mps/report", "mps/unregister"})


class RequestQueue:
    """Serves requests in threads and answers them.

    A session's open requests bound its queue. Requests of a device that left are served too, whatever their QoS.
    """

    def __init__(self, changed: Callable[[Sequence[int]], None]) -> None:
        """Create the queue.

        Args:
            changed: Called with devices whose user or channel may have changed, before they are answered.
        """
        self.threads = DatabaseThreads("gateway-request", THREADS)
        self._changed = changed
        # By device, in order; the first one is being served.
        self._open: dict[int, deque[tuple[Session, DeviceRequest]]] = {}
        self._left_bytes = 0
        self._left: set[Session] = set()
        self._serving: set[asyncio.Task[None]] = set()
        # Requests of devices that had left, dropped since the start.
        self.dropped = 0

    def __len__(self) -> int:
        """Return the number of devices with open requests."""
        return max(len(self._open), len(self._serving))

    def add(self, session: Session, request: DeviceRequest) -> None:
        """Queue a request."""
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
        """Keep the requests of a session that ended, unless too much waits of such sessions."""
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
        """Serve open requests for a while, then drop the rest."""
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
