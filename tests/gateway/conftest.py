"""A gateway and a sink, running in threads of the test on real sockets, against the test's own database."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
import uvloop
from channels.routing import get_default_application
from django.conf import settings
from django.db import connection

from gateway.node.limits import UNLIMITED, Limits
from gateway.node.node import Node
from gateway.protocol.ports import State
from gateway.protocol.session import Session
from gateway.sink import Sink
from gateway.transport.listeners import Certificate, Listener, Proxies, listen
from gateway.transport.server import serve
from pushcore.devices import registry
from pushcore.devices.info import DeviceInfo
from pushcore.devices.registry import KnownDevice
from pushcore.models import Workspace
from tests.support.devices import PahoDevice

Known = tuple[KnownDevice, str]
Connect = Callable[..., PahoDevice]


@dataclass
class RunningGateway:
    """One gateway process's worth, in a thread."""

    max_keep_alive: int = 1200
    redis_url: str = ""
    node: Node | None = None
    limits: Limits = UNLIMITED
    certificate: Certificate | None = None
    proxies: Proxies | None = None
    mqtt_port: int = 0
    ws_port: int = 0
    _stop: asyncio.Event | None = None
    _loop: asyncio.AbstractEventLoop | None = None
    _ready: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> RunningGateway:
        tcp, websocket = listen("127.0.0.1", 0), listen("127.0.0.1", 0)
        self.mqtt_port, self.ws_port = tcp.getsockname()[1], websocket.getsockname()[1]

        async def run() -> None:
            self._stop, self._loop = asyncio.Event(), asyncio.get_running_loop()
            redis_url = self.redis_url or settings.REDIS_URL
            self.node = Node(redis_url, max_keep_alive=self.max_keep_alive, limits=self.limits)
            mqtt, ws = ([Listener(listener, self.certificate, self.proxies)] for listener in (tcp, websocket))
            await serve(self.node, mqtt, ws, get_default_application(), stop=self._stop, ready=self._ready.set)

        self._thread = threading.Thread(target=lambda: uvloop.run(run()))
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def call(self, work: Callable[[], object]) -> None:
        """Run something in the gateway's loop."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(work)

    def session_of(self, device: KnownDevice) -> Session:
        assert self.node is not None
        return self.node.sessions[device.id]

    def holds(self, device: KnownDevice) -> bool:
        """Whether the device has a session here that is open."""
        assert self.node is not None
        session = self.node.sessions.get(device.id)
        return session is not None and session.state is State.OPEN

    def stop(self, seconds: float = 15) -> None:
        """Drain, and be gone within so many seconds."""
        assert self._loop is not None
        assert self._stop is not None
        assert self._thread is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(seconds)
        assert not self._thread.is_alive()

    def demo(self, workspace: Workspace) -> dict[str, str]:
        """What a device needs to know to connect here."""
        return {
            "app_id": workspace.app.app_id,
            "workspace_id": workspace.workspace_id,
            "client_key": workspace.client_key,
            "mqtt_url": f"mqtt://127.0.0.1:{self.mqtt_port}",
            "ws_url": f"ws://127.0.0.1:{self.ws_port}/gateway/mqtt",
        }


@pytest.fixture
def gateway(transactional_db: None) -> Iterator[RunningGateway]:
    running = RunningGateway().start()
    yield running
    running.stop()


@pytest.fixture
def known(transactional_db: None, workspace: Workspace) -> Known:
    """A registered device and its secret."""
    return registry.register([(workspace, DeviceInfo())])[0]


@pytest.fixture
def sink(transactional_db: None) -> Iterator[Sink]:
    sink = Sink("test")

    def run() -> None:
        try:
            sink.run()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    yield sink
    sink.stop()
    thread.join(15)
    assert not thread.is_alive()


@pytest.fixture
def connect(gateway: RunningGateway, workspace: Workspace) -> Iterator[Connect]:
    """Connects a device: a new one, or a known one again."""
    made: list[PahoDevice] = []

    def connect(transport: str = "tcp", known: PahoDevice | None = None) -> PahoDevice:
        made.append(PahoDevice(gateway.demo(workspace), transport=transport, known=known).connect())
        return made[-1]

    yield connect
    for device in made:
        device.disconnect()
