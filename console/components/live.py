"""Live figures of push tasks, sent over a WebSocket whenever they change, at most once a second.

The gateway's process serves the socket, because WebSockets live there. The socket is authenticated by the console's
session, which is checked again every period: after a logout, a password change or a deactivation the socket closes
within `PERIOD_SECONDS`. The client sends nothing; the tasks are named in the address. The page reconnects by itself
when the socket closes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from importlib import import_module
from typing import Any
from urllib.parse import parse_qs, urlsplit

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
from pushcore.storage.retry import run_forever

MAX_TASKS = 100
# Limit of one process; a refused page keeps showing the figures it was rendered with.
MAX_SOCKETS = 200
PERIOD_SECONDS = 1.0
# A socket is closed after this time; the page then reconnects.
MAX_SOCKET_SECONDS = 600.0

# Close codes from the range for private use (RFC 6455, 7.4.2).
_REFUSED = 4403
_FULL = 4429

_open: set[TaskFigures] = set()
_sessions = import_module(settings.SESSION_ENGINE)


class _SocketEndError(Exception):
    """The socket is to be closed with a close code, None for a normal end."""

    def __init__(self, code: int | None) -> None:
        super().__init__(code)
        self.code = code


class TaskFigures(AsyncJsonWebsocketConsumer):
    """A WebSocket at `?tasks=1,2,3` that sends {task id: figures}.

    It sends the figures of all the tasks first, then of those whose figures changed.
    """

    _watching: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Accept a logged-in page of this host while there is room, and start to watch its tasks."""
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
        """Stop watching and free the socket's place."""
        _open.discard(self)
        if self._watching is not None:
            self._watching.cancel()

    async def _watch(self, session_key: str, task_ids: list[int]) -> None:
        """Send changed figures every period until `MAX_SOCKET_SECONDS` have passed or the session ends."""
        end = asyncio.get_running_loop().time() + MAX_SOCKET_SECONDS
        step = partial(self._send_changed, session_key, task_ids, {}, end)
        try:
            await run_forever(step, work="live figures")
        except _SocketEndError as ended:
            await self.close(ended.code)

    async def _send_changed(
        self, session_key: str, task_ids: list[int], sent: dict[str, dict[str, str]], end: float
    ) -> None:
        """Send the figures that changed since they were `sent`, and wait for a period.

        Raises:
            _SocketEndError: The time `end` has passed, or the session has ended.
        """
        if asyncio.get_running_loop().time() >= end:
            raise _SocketEndError(None)
        found = await _figures(session_key, task_ids)
        if found is None:
            raise _SocketEndError(_REFUSED)
        changed = {task_id: figures for task_id, figures in found.items() if sent.get(task_id) != figures}
        if changed:
            await self.send_json(changed)
            sent.update(changed)
        await asyncio.sleep(PERIOD_SECONDS)


@database_sync_to_async
def _user_of(session_key: str) -> User | None:
    """Return the console user who is logged in with the session now, or None."""
    return _find_user(session_key)


@database_sync_to_async
def _figures(session_key: str, task_ids: list[int]) -> dict[str, dict[str, str]] | None:
    """Return the figures that the session's user may see now, or None when nobody is logged in with it any more."""
    user = _find_user(session_key)
    if user is None:
        return None
    scope = Scope(superuser=user.is_superuser, roles=roles_of(user))
    tasks = PushTask.objects.all()
    return figures_by_id(tasks if scope.superuser else tasks.filter(workspace__in=scope.workspace_ids), task_ids)


def _find_user(session_key: str) -> User | None:
    """Look the user up by Django's own check: the session exists, is not expired and matches the current password."""
    request = HttpRequest()
    request.session = _sessions.SessionStore(session_key)
    user = get_user(request)
    return user if isinstance(user, User) and user.is_active and user.is_staff else None


def _task_ids(scope: Mapping[str, Any]) -> list[int]:
    """Parse the task ids in the address; malformed ones and those beyond `MAX_TASKS` are ignored."""
    named = parse_qs(scope["query_string"].decode("latin-1")).get("tasks", [""])[0].split(",")
    return [found for text in named[:MAX_TASKS] if (found := ids.parse(text)) is not None]


def _same_host(scope: Mapping[str, Any]) -> bool:
    """Return whether the page that opens the socket comes from this host, on any port.

    Browsers send the session cookie with WebSocket requests of any site, so the origin has to be checked.
    """
    headers = dict(scope["headers"])
    origin, host = (headers.get(name, b"").decode("latin-1") for name in (b"origin", b"host"))
    return bool(host) and urlsplit(origin).hostname == urlsplit(f"//{host}").hostname


def socket_url(request: HttpRequest, path: str, *, own_port: int, socket_port: int) -> str:
    """Return the WebSocket's address for the page of a request.

    A page served by the web process itself (port `own_port`) connects to the gateway's `socket_port`. Behind a proxy
    both share the host and port of the request.
    """
    scheme = "wss" if request.is_secure() else "ws"
    host = request.get_host()
    name, _, port = host.rpartition(":")
    if port.isdigit() and int(port) == own_port:
        host = f"{name}:{socket_port}"
    return f"{scheme}://{host}{path}"


task_figures = CookieMiddleware(TaskFigures.as_asgi())
