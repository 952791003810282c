"""Processes that the gateway's benchmark starts: the load client, Mosquitto, and the service's own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil

from bench.servers import set_up
from mps_project.launcher import engines

SERVER_CORE, OTHER_CORE = 0, 1


class Client:
    """A `bench.devices` process."""

    def __init__(self, port: int, credentials: Path, *options: str) -> None:
        command = [sys.executable, "-m", "bench.devices", "--port", str(port), "--credentials", str(credentials)]
        self._process = subprocess.Popen([*command, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def tell(self, command: str) -> None:
        """Send a command, without waiting for its answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()

    def answer(self) -> dict[str, float]:
        """Wait for the answer to the oldest command that was sent."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            sys.exit("a load client ended")
        figures: dict[str, float] = json.loads(line)
        return figures

    def ask(self, command: str) -> dict[str, float]:
        """Send a command and wait for its answer."""
        self.tell(command)
        return self.answer()

    def end(self) -> None:
        """Kill the client."""
        self._process.kill()
        self._process.wait()


class MeasuredServer:
    """A server's processes, and what they cost."""

    def __init__(self, processes: Sequence[subprocess.Popen[bytes]]) -> None:
        self.processes = processes
        self._seen = [psutil.Process(process.pid) for process in processes]

    def cpu(self) -> float:
        """Return the seconds of CPU time spent so far."""
        return sum(sum(process.cpu_times()[:2]) for process in self._seen)

    def rss(self) -> float:
        """Return the resident memory in KiB."""
        return sum(process.memory_info().rss for process in self._seen) / 1024

    def end(self) -> None:
        """Ask all processes to end, and wait."""
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(20)


class HandOver(MeasuredServer):
    """A process that hands over a task's messages when `begin` is called."""

    def __init__(self, task_id: int, environment: dict[str, str]) -> None:
        command = [sys.executable, "-m", "bench.gateway", "--hand-over", str(task_id)]
        self._process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            preexec_fn=lambda: os.sched_setaffinity(0, (SERVER_CORE,)),
        )
        super().__init__([self._process])
        assert self._process.stdout is not None
        self._process.stdout.readline()

    def begin(self) -> None:
        """Start the hand-over."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()


def pinned(command: Sequence[str], environment: dict[str, str] | None = None, cores: Sequence[int] = (0,)) -> Any:
    """Start a process that runs on these cores alone."""
    return subprocess.Popen(command, env=environment, preexec_fn=lambda: os.sched_setaffinity(0, cores))


@contextlib.contextmanager
def mosquitto(directory: Path) -> Iterator[tuple[MeasuredServer, int]]:
    """Run a Mosquitto without limits; yields it and its port."""
    found = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        sys.exit("mosquitto is not installed: it is what the gateway is compared with (Debian package mosquitto)")
    port = engines.free_port()
    settings = directory / "mosquitto.conf"
    settings.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_connections -1\nmax_inflight_messages 0\n"
        "max_queued_messages 0\npersistence false\nset_tcp_nodelay true\nlog_type error\n"
    )
    server = MeasuredServer([pinned([found, "-c", str(settings)])])
    time.sleep(1)
    try:
        yield server, port
    finally:
        server.end()


class Service:
    """The tables and devices of a service; gateways and sinks are started when needed."""

    def __init__(self, directory: Path, environment: dict[str, str], devices: int) -> None:
        self.tcp_port, self.ws_port = engines.free_port(), engines.free_port()
        self.environment = environment | {"MPS_MQTT_PORT": str(self.tcp_port), "MPS_WS_PORT": str(self.ws_port)}
        os.environ |= self.environment
        self.credentials = directory / "credentials.json"
        self.device_ids = self._prepare(devices)

    def _prepare(self, count: int) -> list[int]:
        set_up()
        from django.db import connection

        from pushcore.devices import registry
        from pushcore.devices.info import DeviceInfo
        from pushcore.models import App, Workspace
        from pushcore.push import templates
        from pushcore.push.templates import TemplateDraft

        self.workspace = Workspace.objects.create(app=App.objects.create(app_id="B", name="b"), workspace_id="b")
        templates.create(self.workspace, TemplateDraft("news", "d", "News", "x" * 120))
        made = []
        for start in range(0, count, 1000):
            made += registry.register([(self.workspace, DeviceInfo())] * min(1000, count - start))
        self.credentials.write_text(json.dumps([[d.ad_token, d.username, secret] for d, secret in made]))
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        return [device.id for device, _ in made]

    @contextlib.contextmanager
    def gateways(self, count: int = 1, cores: Sequence[int] = (SERVER_CORE,)) -> Iterator[MeasuredServer]:
        """Run gateway processes on these cores, and wait until their nodes live."""
        command, environment = [sys.executable, "manage.py", "gateway"], self.environment
        server = MeasuredServer(
            [pinned(command, environment | {"MPS_GATEWAY_PROCESSES": str(count)}, cores) for _ in range(count)]
        )
        try:
            self._wait_for_nodes(count)
            time.sleep(1)
            yield server
        finally:
            server.end()

    def _wait_for_nodes(self, count: int) -> None:
        deadline = time.monotonic() + 60
        while len(self.nodes()) < count:
            if time.monotonic() > deadline:
                sys.exit("the gateway did not start")
            time.sleep(0.1)

    def nodes(self) -> list[Any]:
        """Return the live gateway nodes."""
        from gateway.cluster import presence
        from pushcore.storage.valkey import client

        return presence.live_nodes(client())

    @contextlib.contextmanager
    def sink(self) -> Iterator[MeasuredServer]:
        """Run a sink, and wait until it is alive."""
        from gateway.sink import is_alive
        from pushcore.storage.valkey import client

        server = MeasuredServer([pinned([sys.executable, "manage.py", "sink"], self.environment, (SERVER_CORE,))])
        try:
            while not is_alive(client()):
                time.sleep(0.1)
            yield server
        finally:
            server.end()

    @contextlib.contextmanager
    def hand_over(self, task_id: int) -> Iterator[HandOver]:
        """Run a process that is ready to hand over a task's messages."""
        handing = HandOver(task_id, self.environment)
        try:
            yield handing
        finally:
            handing.end()

    def forget(self) -> None:
        """Delete acknowledgements that no sink will read."""
        from gateway.cluster import codec
        from pushcore.storage.valkey import client

        client().delete(codec.ACKS_STREAM)

    def end_broadcasts(self) -> None:
        """End all broadcasts, so that the next run begins without any."""
        from django.utils import timezone

        from gateway.lane import notify_broadcasts_changed
        from pushcore.models import Broadcast

        Broadcast.objects.update(expire_at=timezone.now())
        notify_broadcasts_changed()
        time.sleep(0.5)

    def end(self) -> None:
        """Close the connection to the database."""
        from django.db import connection

        connection.close()
