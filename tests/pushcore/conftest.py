"""Fixtures of the domain: pushes, a lane that keeps its messages, and a callback server over real HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pushcore import ports
from pushcore.channels import Channel
from pushcore.devices import registry
from pushcore.devices.info import DeviceInfo
from pushcore.devices.registry import KnownDevice
from pushcore.models import PushTask, Workspace
from pushcore.ports import OutgoingMessage, RenderedMessage
from pushcore.push import pushes, requests
from pushcore.storage import clock
from tests.support.serving import serving


class RecordingLane:
    """A lane that claims and keeps every message; while `broken`, it raises as an unavailable one does."""

    name = "recording"

    def __init__(self) -> None:
        self.got: list[OutgoingMessage] = []
        self.withdrawn: list[tuple[int, int]] = []
        self.broken = self.behind = False

    def claims(self, outgoing: OutgoingMessage) -> bool:
        return True

    def send(self, batch: Sequence[OutgoingMessage]) -> None:
        if self.broken:
            raise ConnectionError("lane away")
        self.got.extend(batch)

    def channel_of(self, outgoing: OutgoingMessage) -> Channel:
        return Channel.SELF_BUILT

    def render(self, outgoing: OutgoingMessage) -> RenderedMessage:
        return RenderedMessage(Channel.SELF_BUILT, "{}")

    def is_behind(self) -> bool:
        return self.behind

    def withdraw(self, revoked: Sequence[tuple[int, int]]) -> None:
        self.withdrawn.extend(revoked)


class Clock:
    """The database's clock as processes read it, which a test moves. Statements that say now() keep the real one."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def pass_by(self, **length: float) -> None:
        self.at += timedelta(**length)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Hold the clock at the present moment, to the second."""
    held = Clock(datetime.fromtimestamp(int(clock.time()), UTC))
    monkeypatch.setattr(clock, "now", lambda: held.at)
    return held


@pytest.fixture
def lane(monkeypatch: pytest.MonkeyPatch) -> RecordingLane:
    recording = RecordingLane()
    monkeypatch.setattr(ports, "_lanes", [(1, recording)])
    return recording


@pytest.fixture
def known(workspace: Workspace) -> KnownDevice:
    """Return a registered Android device."""
    return registry.register([(workspace, DeviceInfo())])[0][0]


@pytest.fixture
def send(workspace: Workspace) -> Callable[..., PushTask]:
    """Accept a simple push to targets (target -> msgkey); further arguments override the request's fields."""

    def accept(target_msgkey: dict[str, str], **changes: object) -> PushTask:
        fields: dict[str, object] = {
            "task_name": "task",
            "title": "Title",
            "content": "Content",
            "delivery_type": 3,
            "expired_seconds": 300,
        }
        request = requests.SimplePush(target_msgkey=target_msgkey, **(fields | changes))  # type: ignore[arg-type]
        return pushes.accept(workspace, request, source=PushTask.Source.RPC, author="test")

    return accept


class CallbackServer(ThreadingHTTPServer):
    """A backend's callback URL. `answers` holds the statuses of the next requests; afterwards it answers 200."""

    def __init__(self) -> None:
        self.request_queue_size = 1024
        super().__init__(("127.0.0.1", 0), _CallbackHandler)
        self.requests: list[tuple[str, bytes]] = []
        self.answers: list[tuple[int, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/receipts"

    def work(self) -> None:
        """Do what a backend does before it answers."""


class _CallbackHandler(BaseHTTPRequestHandler):
    server: CallbackServer
    # Connections stay open.
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.work()
        self.server.requests.append((self.path, body))
        status, location = self.server.answers.pop(0) if self.server.answers else (200, "")
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Requests are asserted on, not printed."""


@pytest.fixture
def callback() -> Iterator[CallbackServer]:
    with serving(CallbackServer()) as server:
        yield server
