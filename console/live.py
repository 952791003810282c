"""Live figures of push tasks: a WebSocket that sends what has changed, once a second at most.

It is served by the gateway's process, where WebSockets live, and takes the console's session. Nothing is received: the
tasks are named in the address. The page connects again when it ends, and is looked at anew then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import structlog
from channels.auth import AuthMiddlewareStack
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.contrib.auth.models import AnonymousUser, User
from django.db import Error as DatabaseFault
from django.http import HttpRequest

from console.access import Scope, roles_of
from console.progress import figures_by_id
from pushcore import ids
from pushcore.models import PushTask

log = structlog.get_logger(__name__)

MAX_TASKS = 100
# In one process; a page that is refused shows its figures as they were.
MAX_SOCKETS = 200
PERIOD_SECONDS = 1.0
# Then the page connects again, with the rights and the session it has by then.
LONGEST_SECONDS = 600.0

_REFUSED = 4403
_FULL = 4429

_open: set[TaskFigures] = set()


class TaskFigures(AsyncJsonWebsocketConsumer):
    """`?tasks=1,2,3`: sends {task id: figures} of those whose figures changed, all of them at first."""

    _watching: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        task_ids = _task_ids(self.scope)
        user: Any = self.scope.get("user") or AnonymousUser()
        if not task_ids or not user.is_active or not user.is_staff or not _same_host(self.scope):
            await self.close(_REFUSED)
        elif len(_open) >= MAX_SOCKETS:
            await self.close(_FULL)
        else:
            _open.add(self)
            await self.accept()
            self._watching = asyncio.create_task(self._watch(user, task_ids))

    async def disconnect(self, code: int) -> None:
        _open.discard(self)
        if self._watching is not None:
            self._watching.cancel()

    async def _watch(self, user: User, task_ids: list[int]) -> None:
        known: dict[str, dict[str, str]] = {}
        loop = asyncio.get_running_loop()
        end = loop.time() + LONGEST_SECONDS
        while loop.time() < end:
            try:
                found = await _figures(user, task_ids)
            except DatabaseFault:
                log.warning("live figures: the database did not answer")
            else:
                changed = {task_id: figures for task_id, figures in found.items() if known.get(task_id) != figures}
                if changed:
                    await self.send_json(changed)
                known = found
            await asyncio.sleep(PERIOD_SECONDS)
        await self.close()


@database_sync_to_async
def _figures(user: User, task_ids: list[int]) -> dict[str, dict[str, str]]:
    scope = Scope(superuser=user.is_superuser, roles=roles_of(user))
    tasks = PushTask.objects.all()
    return figures_by_id(tasks if scope.superuser else tasks.filter(workspace__in=scope.workspace_ids), task_ids)


def _task_ids(scope: Mapping[str, Any]) -> list[int]:
    named = parse_qs(scope["query_string"].decode("latin-1")).get("tasks", [""])[0].split(",")
    return [found for text in named[:MAX_TASKS] if (found := ids.parse(text)) is not None]


def _same_host(scope: Mapping[str, Any]) -> bool:
    """Whether the page is of this host, on whatever port: a browser sends the cookie whoever asks it to."""
    headers = dict(scope["headers"])
    origin, host = (headers.get(name, b"").decode("latin-1") for name in (b"origin", b"host"))
    return bool(host) and urlsplit(origin).hostname == urlsplit(f"//{host}").hostname


def socket_url(request: HttpRequest, path: str, *, own_port: int, socket_port: int) -> str:
    """The WebSocket's address for the page of the request.

    A page that comes from the web process itself (`own_port`) has it on the gateway's port; behind a proxy everything
    is one name and port.
    """
    scheme = "wss" if request.is_secure() else "ws"
    host = request.get_host()
    name, _, port = host.rpartition(":")
    if port.isdigit() and int(port) == own_port:
        host = f"{name}:{socket_port}"
    return f"{scheme}://{host}{path}"


task_figures = AuthMiddlewareStack(TaskFigures.as_asgi())
