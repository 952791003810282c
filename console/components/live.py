"""Live figures of push tasks, sent over a WebSocket whenever they change, at most once a second.

The gateway's process serves the socket, because WebSockets live there. The socket is authenticated by the console's
session, which is checked again every period: after a logout, a password change or a deactivation the socket closes
within `PERIOD_SECONDS`. The client sends nothing; the tasks are named in the address. The page reconnects by itself
when the socket closes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
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
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import translation

from console.access.rights import Right, Scope, roles_of
from console.components import task_report
from console.components.progress import figures_by_id
from pushcore.models import PushTask
from pushcore.storage import ids
from pushcore.storage.retry import run_forever

MAX_TASKS = 100
# Limit of one process; a refused page keeps showing the figures it was rendered with.
MAX_SOCKETS = 200
PERIOD_SECONDS = 1.0
# A report is counted anew after this many times what counting it took: a page keeps the database busy for 5 % at most.
REPORT_PAUSE_FACTOR = 20.0
# A socket is closed after this time; the page then reconnects.
MAX_SOCKET_SECONDS = 600.0

# Close codes from the range for private use (RFC 6455, 7.4.2).
_REFUSED = 4403
_FULL = 4429

_open: set[TaskFigures] = set()
_sessions = import_module(settings.SESSION_ENGINE)
# Reports may take seconds to count: one at a time, and not in the thread that everybody's figures are read in.
counting = ThreadPoolExecutor(1, thread_name_prefix="live-report")


@dataclass
class _Report:
    """The report of the task that the page is about.

    Attributes:
        task_id: The task.
        html: The report as it was sent last.
        due: When it is counted again, by the loop's clock.
    """

    task_id: int
    html: str = ""
    due: float = 0.0


class _SocketEndError(Exception):
    """The socket is to be closed with a close code, None for a normal end."""

    def __init__(self, code: int | None) -> None:
        super().__init__(code)
        self.code = code


class TaskFigures(AsyncJsonWebsocketConsumer):
    """A WebSocket at `?tasks=1,2,3` that sends {task id: figures}.

    It sends the figures of all the tasks first, then of those whose figures changed. With `&report=1` it also sends
    {"report": HTML}, first and whenever it changed. Texts are in the language of `&lang=`.
    """

    _watching: asyncio.Task[None] | None = None
    _report: _Report | None = None
    _language = settings.LANGUAGE_CODE

    async def connect(self) -> None:
        """Accept a logged-in page of this host while there is room, and start to watch its tasks."""
        task_ids = _task_ids(self.scope)
        self._language = _language(self.scope)
        wanted = ids.parse(_parameter(self.scope, "report"))
        self._report = None if wanted is None else _Report(wanted)
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
        """Send the figures that changed since they were `sent`, and the report if it did, and wait for a period.

        Raises:
            _SocketEndError: The time `end` has passed, or the session has ended.
        """
        if asyncio.get_running_loop().time() >= end:
            raise _SocketEndError(None)
        found = await _figures(session_key, task_ids, self._language)
        if found is None:
            raise _SocketEndError(_REFUSED)
        changed = {task_id: figures for task_id, figures in found.items() if sent.get(task_id) != figures}
        if changed:
            await self.send_json(changed)
            sent.update(changed)
        await self._send_report(session_key)
        await asyncio.sleep(PERIOD_SECONDS)

    async def _send_report(self, session_key: str) -> None:
        """Count the report when it is due, and send it if it changed."""
        report, loop = self._report, asyncio.get_running_loop()
        if report is None or loop.time() < report.due:
            return
        html, seconds = await _report_html(session_key, report.task_id, self._language)
        report.due = loop.time() + REPORT_PAUSE_FACTOR * seconds
        if html and html != report.html:
            report.html = html
            await self.send_json({"report": html})


@database_sync_to_async
def _user_of(session_key: str) -> User | None:
    """Return the console user who is logged in with the session now, or None."""
    return _find_user(session_key)


@database_sync_to_async
def _figures(session_key: str, task_ids: list[int], language: str) -> dict[str, dict[str, str]] | None:
    """Return the figures that the session's user may see now, or None when nobody is logged in with it any more."""
    user = _find_user(session_key)
    if user is None:
        return None
    with translation.override(language):
        return figures_by_id(_tasks_of(_scope_of(user)), task_ids)


def _count_report(session_key: str, task_id: int, language: str) -> tuple[str, float]:
    """Return the report of a task as HTML, and how many seconds counting it took.

    The report is empty if the session's user may not see the task.
    """
    user = _find_user(session_key)
    if user is None:
        return "", 0.0
    scope = _scope_of(user)
    task = _tasks_of(scope).filter(pk=task_id).select_related("workspace").first()
    if task is None:
        return "", 0.0
    with translation.override(language):
        start = time.perf_counter()
        report = task_report.report_of(task)
        seconds = time.perf_counter() - start
        may_export, may_decide = (scope.may(right, task.workspace.app_id) for right in (Right.EXPORT, Right.PUSH))
        return task_report.render(task, report, may_export=may_export, may_decide=may_decide), seconds


_report_html = database_sync_to_async(_count_report, thread_sensitive=False, executor=counting)


def _scope_of(user: User) -> Scope:
    return Scope(superuser=user.is_superuser, roles=roles_of(user))


def _tasks_of(scope: Scope) -> QuerySet[PushTask]:
    """Return the tasks the user may see."""
    tasks = PushTask.objects.all()
    return tasks if scope.superuser else tasks.filter(workspace__in=scope.workspace_ids)


def _find_user(session_key: str) -> User | None:
    """Look the user up by Django's own check: the session exists, is not expired and matches the current password."""
    request = HttpRequest()
    request.session = _sessions.SessionStore(session_key)
    user = get_user(request)
    return user if isinstance(user, User) and user.is_active and user.is_staff else None


def _task_ids(scope: Mapping[str, Any]) -> list[int]:
    """Parse the task ids in the address; malformed ones and those beyond `MAX_TASKS` are ignored."""
    named = _parameter(scope, "tasks").split(",")
    return [found for text in named[:MAX_TASKS] if (found := ids.parse(text)) is not None]


def _parameter(scope: Mapping[str, Any], name: str) -> str:
    """Return a parameter of the address; empty if it has none of that name."""
    return parse_qs(scope["query_string"].decode("latin-1")).get(name, [""])[0]


def _language(scope: Mapping[str, Any]) -> str:
    """Return the language that the page is in; English for one that the console does not speak."""
    wanted = _parameter(scope, "lang").lower()
    return wanted if wanted in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE


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
