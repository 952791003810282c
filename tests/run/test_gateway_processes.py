"""Gateway processes under the supervisor: their certificates, and ports that no other program shares."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import time
from pathlib import Path

import pytest

from tests.run.conftest import TlsPort
from tests.support.certificates import write_certificate
from tests.support.stack import Stack

pytestmark = pytest.mark.xdist_group("run")


def test_sighup_shows_a_renewed_certificate_and_drops_nobody(open_stack: Stack, tls_port: TlsPort) -> None:
    with open_tls(tls_port.port, tls_port.certificate) as before:
        shown = before.getpeercert(binary_form=True)
        write_certificate(tls_port.folder, "second")
        os.kill(open_stack.pids["gateway"], signal.SIGHUP)
        deadline = time.monotonic() + 30
        while shown_at(tls_port.port) == shown and time.monotonic() < deadline:
            time.sleep(0.1)
        assert shown_at(tls_port.port) != shown
        before.settimeout(0.5)
        with pytest.raises(TimeoutError):  # open, and silent: it has sent no CONNECT
            before.recv(1)


def open_tls(port: int, certificate: str) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=certificate)
    context.check_hostname = False
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=10))


def shown_at(port: int) -> bytes | None:
    """Return the certificate (DER) that a new connection is shown."""
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
