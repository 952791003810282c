"""Serve requests of devices in threads, those of one device one after the other."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

import structlog

from gateway.cluster.connection_log import ConnectionLog
from gateway.node import device_requests
from gateway.node.threads import DatabaseThreads
from gateway.protocol.ports import DeviceRequest
from gateway.protocol.session import Session

log = structlog.get_logger(__name__)

# Requests have their own threads, so that connects and pending messages never queue behind them.
THREADS = 4
# Bytes of queued payloads of sessions that ended; requests beyond are dropped.
MAX_ENDED_BYTES = 16_777_216
# How long a stopping node continues to serve requests.
STOP_SECONDS = 1.0
# Requests that change what a device may receive.
_CHANGING = frozenset({"mps/bind", "mps/unbind", "mps/report", "mps/unregister"})


class RequestQueue:
    """Serves requests in threads and answers them.

    A session bounds its open requests. Requests of a session that ended are served too, whatever their QoS.
    """

    def __init__(self, changed: Callable[[Sequence[int]], None], log: ConnectionLog) -> None:
        """Create the queue.

        Args:
            changed: Called with devices whose user or channel may have changed, before they are answered.
            log: Keeps the requests of devices that are watched.
        """
        self._log = log
        self.threads = DatabaseThreads("gateway-request", THREADS)
        self._changed = changed
        # By device, in order; the first one is being served.
        self._open: dict[int, deque[tuple[Session, DeviceRequest]]] = {}
        self._ended_bytes = 0
        self._ended: set[Session] = set()
        self._serving: set[asyncio.Task[None]] = set()
        # Requests of sessions that had ended, dropped since the start.
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
        """Keep the requests of a session that ended, or drop them if too many of such sessions are queued."""
        queue = self._open.get(session.device.id) if session.device is not None else None
        if queue is None:
            return
        requests = [request for owner, request in queue if owner is session]
        if not requests:
            return
        size = sum(len(request.payload) for request in requests)
        if self._ended_bytes + size <= MAX_ENDED_BYTES:
            self._ended.add(session)
            self._ended_bytes += size
            return
        in_progress, *waiting = queue
        kept = [one for one in waiting if one[0] is not session]
        self.dropped += len(waiting) - len(kept)
        queue.clear()
        queue.extend((in_progress, *kept))

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
                served = partial(device_requests.serve, room=session.max_packet)
                answer = await self.threads.run(served, session.device, request.topic, request.payload)
                if answer["success"] and request.topic in _CHANGING:
                    self._changed([device_id])
                self._log.note_request(session.device.ad_token, request.topic, answer)
                session.answer(request, json.dumps(answer).encode())
                queue.popleft()
                if session in self._ended:
                    self._ended_bytes -= len(request.payload)
                    if all(owner is not session for owner, _ in queue):
                        self._ended.discard(session)
        finally:
            del self._open[device_id]
