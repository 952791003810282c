"""Live figures of push tasks: a WebSocket that sends what has changed, once a second at most.

It is served by the gateway's process, where WebSockets live, and takes the console's session, which is looked at again
each time: after a logout, a change of the password or a deactivation the socket ends within a period. Nothing is
received: the tasks are named in the address. The page connects again when it ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from importlib import import_module
from typing import Any
from urllib.parse import parse_qs, urlsplit

import structlog
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.sessions import CookieMiddleware
from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.models import User
from django.http import HttpRequest

from console.access.rights import Scope, roles_of
from console.components.progress import figures_by_id
from pushcore.models import PushTask
from pushcore.storage import ids
from pushcore.storage.outages import DatabaseFault

log = structlog.get_logger(__name__)

MAX_TASKS = 100
# In one process; a page that is refused shows its figures as they were.
MAX_SOCKETS = 200
PERIOD_SECONDS = 1.0
# Then the page connects again.
LONGEST_SECONDS = 600.0

_REFUSED = 4403
_FULL = 4429

_open: set[TaskFigures] = set()
_sessions = import_module(settings.SESSION_ENGINE)


class TaskFigures(AsyncJsonWebsocketConsumer):
    """`?tasks=1,2,3`: sends {task id: figures} of those whose figures changed, all of them at first."""

    _watching: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Accept a logged-in page of this host, while there is room, and start to watch its tasks."""
        task_ids = _task_ids(self.scope)
        session_key = self.scope["cookies"].get(settings.SESSION_COOKIE_NAME, "")
        if not task_ids or not _same_host(self.scope) or await _user_of(session_key) is None:
            await self.close(_REFUSED)
        elif len(_open) >= MAX_SOCKETS:
            await self.close(_FULL)
        else:
            _open.add(self)
            await self.accept()
            self._watching = asyncio.create_task(self._watch(session_key, task_ids))

    async def disconnect(self, code: int) -> None:
        """Stop watching."""
        _open.discard(self)
        if self._watching is not None:
            self._watching.cancel()

    async def _watch(self, session_key: str, task_ids: list[int]) -> None:
        known: dict[str, dict[str, str]] = {}
        loop = asyncio.get_running_loop()
        end = loop.time() + LONGEST_SECONDS
        while loop.time() < end:
            try:
                found = await _figures(session_key, task_ids)
            except DatabaseFault:
                log.warning("live figures: the database did not answer")
            else:
                if found is None:
                    await self.close(_REFUSED)
                    return
                changed = {task_id: figures for task_id, figures in found.items() if known.get(task_id) != figures}
                if changed:
                    await self.send_json(changed)
                known = found
            await asyncio.sleep(PERIOD_SECONDS)
        await self.close()


@database_sync_to_async
def _user_of(session_key: str) -> User | None:
    """Who is logged in with the session at this time, and may use the console."""
    return _find_user(session_key)


@database_sync_to_async
def _figures(session_key: str, task_ids: list[int]) -> dict[str, dict[str, str]] | None:
    """As the session's user may see them at this time; None where nobody is logged in with it any more."""
    user = _find_user(session_key)
    if user is None:
        return None
    scope = Scope(superuser=user.is_superuser, roles=roles_of(user))
    tasks = PushTask.objects.all()
    return figures_by_id(tasks if scope.superuser else tasks.filter(workspace__in=scope.workspace_ids), task_ids)


def _find_user(session_key: str) -> User | None:
    """By Django's own check: the session is there, has not expired, and is of the present password."""
    request = HttpRequest()
    request.session = _sessions.SessionStore(session_key)
    user = get_user(request)
    return user if isinstance(user, User) and user.is_active and user.is_staff else None


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


task_figures = CookieMiddleware(TaskFigures.as_asgi())
