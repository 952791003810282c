"""Several gateway processes on the same ports: each has its part of the devices, and one that dies loses no message."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from mps_project import engines
from tests.e2e import backends
from tests.support.certificates import write_certificate
from tests.support.devices import PahoDevice
from tests.support.stack import Stack

pytestmark = pytest.mark.xdist_group("run")

DEVICES = 16


@pytest.fixture
def two_gateways(tmp_path: Path) -> Iterator[Stack]:
    with Stack(tmp_path / "var", MPS_GATEWAY_PROCESSES="2") as running:
        yield running


def held(stack: Stack) -> list[int]:
    """Device connections of each gateway process, the fewest first."""
    port = urlsplit(stack.demo["mqtt_url"]).port
    return sorted(
        sum(c.status == psutil.CONN_ESTABLISHED and c.laddr.port == port for c in process.net_connections("tcp"))
        for process in (psutil.Process(stack.pids[name]) for name in ("gateway", "gateway.2"))
    )


def both_up(stack: Stack) -> bool:
    return {"gateway", "gateway.2"} <= stack.pids.keys()


def push_to_all(stack: Stack, fleet: list[PahoDevice], key: str) -> None:
    for device in fleet:
        backends.push_2019(stack.demo, device.ad_token, key, DeliveryType=1)


def test_devices_are_spread_and_those_of_a_killed_process_miss_nothing(two_gateways: Stack) -> None:
    stack = two_gateways
    fleet = [PahoDevice(stack.demo).connect() for _ in range(DEVICES)]
    try:
        spread = held(stack)
        assert spread[0] > 0
        assert sum(spread) == DEVICES
        push_to_all(stack, fleet, "before")
        for device in fleet:
            device.wait_for_key("before")
        os.kill(stack.pids["gateway.2"], signal.SIGKILL)
        push_to_all(stack, fleet, "after")
        for device in fleet:
            device.wait_for_key("after", seconds=60)
        deadline = time.monotonic() + 30
        while not both_up(stack) and time.monotonic() < deadline:
            time.sleep(0.2)
        assert sum(held(stack)) == DEVICES
    finally:
        for device in fleet:
            device.disconnect()


def test_sighup_shows_a_renewed_certificate_and_drops_nobody(tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path, "first")
    port = engines.free_port()
    running = Stack(tmp_path / "var", MPS_MQTT_TLS_PORT=str(port), MPS_TLS_CERT_FILE=certificate, MPS_TLS_KEY_FILE=key)
    with running as stack, open_tls(port, certificate) as before:
        shown = before.getpeercert(binary_form=True)
        write_certificate(tmp_path, "second")
        os.kill(stack.pids["gateway"], signal.SIGHUP)
        deadline = time.monotonic() + 30
        while shown_at(port) == shown and time.monotonic() < deadline:
            time.sleep(0.1)
        assert shown_at(port) != shown
        before.settimeout(0.5)
        with pytest.raises(TimeoutError):  # open, and silent: it has sent no CONNECT
            before.recv(1)


def open_tls(port: int, certificate: str) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=certificate)
    context.check_hostname = False
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=10))


def shown_at(port: int) -> bytes | None:
    """The certificate a newcomer is shown (DER)."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=10)) as connection:
        return connection.getpeercert(binary_form=True)


def test_a_port_that_another_program_has_is_not_shared(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        running = Stack(tmp_path / "var", MPS_GATEWAY_PROCESSES="2", MPS_MQTT_PORT=str(other.getsockname()[1])).launch()
        assert running.process is not None
        assert running.process.wait(60) == 1
        assert "the port is taken" in running.output
