"""Requests of devices (bind, unbind, report, event), those of a session one after the other."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import structlog
from django.db import Error as AnyDatabaseError

from gateway import device_requests
from gateway.broadcasts import Audience
from gateway.session import Request, Session
from gateway.threads import DatabaseThreads
from pushcore import devices

log = structlog.get_logger(__name__)

# Requests have threads of their own: however many come, connects and waiting messages do not queue behind them.
THREADS = 4


class RequestQueue:
    """Serves requests in threads and answers them. A session's own number of open ones bounds its queue."""

    def __init__(self) -> None:
        self.threads = DatabaseThreads("gateway-request", THREADS)
        # Of the sessions that have requests open, all of these, the one that is served first.
        self._open: dict[Session, list[Request]] = {}
        self._serving: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """Sessions with requests open."""
        return max(len(self._open), len(self._serving))

    def add(self, session: Session, request: Request) -> None:
        queue = self._open.get(session)
        if queue is not None:
            queue.append(request)
            return
        self._open[session] = [request]
        task = asyncio.get_running_loop().create_task(self._serve(session))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    def forget(self, session: Session) -> None:
        """The session ended: what is not begun is not served."""
        self._open.pop(session, None)

    def stop(self) -> None:
        for task in self._serving:
            task.cancel()

    async def _serve(self, session: Session) -> None:
        assert session.device is not None
        while queue := self._open.get(session):
            request = queue[0]
            answer = await self.threads.run(device_requests.serve, session.device, request.topic, request.payload)
            if answer["success"] and request.topic == "mps/report":
                await self._learn_channel(session)
            elif answer["success"] and request.topic in ("mps/bind", "mps/unbind"):
                session.read_again()
            session.answer(request, json.dumps(answer).encode())
            queue.pop(0)
        self._open.pop(session, None)

    async def _learn_channel(self, session: Session) -> None:
        """A device that has reported a vendor's token gets broadcasts there from now on, and not here as well."""
        assert session.device is not None
        ad_token = session.device.ad_token
        try:
            found = await self.threads.run(devices.find_devices, [ad_token])
        except AnyDatabaseError:
            log.exception("a device's new channel cannot be read; it is known at its next connect")
            return
        if ad_token in found:
            session.device = replace(session.device, third_channel=found[ad_token].third_channel)
            if session.broadcasts is not None:
                session.broadcasts.belongs_to(Audience.of(session.device))
