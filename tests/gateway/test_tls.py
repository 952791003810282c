"""Devices over TLS, on TCP and WebSocket: the same protocol, and certificates renewed without a disconnect."""

from __future__ import annotations

import json
import queue
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mqtt5
import pytest
from cryptography import x509
from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from gateway.management.commands.gateway import _certificate, _reload
from gateway.transport.listeners import Certificate, CertificateError
from mps_device import Config, Message, PushClient, Store
from pushcore.models import Workspace
from tests.gateway.conftest import Known, RunningGateway
from tests.gateway.pushing import flood, send, wait_for
from tests.support.certificates import write_certificate
from tests.support.raw_device import open_websocket


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return Certificate(*write_certificate(tmp_path))


@pytest.fixture
def secure(transactional_db: None, certificate: Certificate) -> Iterator[RunningGateway]:
    """A gateway whose doors are TLS."""
    running = RunningGateway(certificate=certificate).start()
    yield running
    running.stop()


def trusting(folder: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(folder / "server.crt"))


def open_tls(port: int, context: ssl.SSLContext) -> ssl.SSLSocket:
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=15), server_hostname="localhost")


@pytest.mark.parametrize("transport", ["mqtts", "wss"])
def test_a_device_of_the_python_sdk_registers_and_receives_over_tls(
    secure: RunningGateway, tmp_path: Path, workspace: Workspace, transport: str
) -> None:
    received: queue.Queue[Message] = queue.Queue()
    config = Config(
        endpoint=f"{transport}://localhost:{secure.ws_port if transport == 'wss' else secure.mqtt_port}",
        app_id=workspace.app.app_id,
        workspace_id=workspace.workspace_id,
        client_key=workspace.client_key,
        platform="android",
        ca_file=str(tmp_path / "server.crt"),
    )
    with PushClient(config, Store(None)) as client:
        client.on_message = received.put
        client.start(consent=True)
        client.bind("ann", timeout=15)
        sent = [send(workspace, str(client.token), f"k{number}") for number in range(5)]
        assert [received.get(timeout=15).k for _ in sent] == [str(one.pk) for one in sent]


def common_name(connection: ssl.SSLSocket) -> str:
    shown = connection.getpeercert(binary_form=True)
    assert shown is not None
    return x509.load_der_x509_certificate(shown).subject.rfc4514_string()


@pytest.mark.parametrize("transport", ["tcp", "websockets"])
def test_a_device_receives_over_tls(
    secure: RunningGateway, tmp_path: Path, workspace: Workspace, username: str, known: Known, transport: str
) -> None:
    received: queue.Queue[MQTTMessage] = queue.Queue()
    client = Client(CallbackAPIVersion.VERSION2, known[0].ad_token, protocol=MQTTv5, transport=transport)
    client.tls_set_context(trusting(tmp_path))
    client.username_pw_set(username, known[1])
    client.on_message = lambda _client, _data, message: received.put(message)
    if transport == "websockets":
        client.ws_set_options(path="/gateway/mqtt")
    client.connect("localhost", secure.ws_port if transport == "websockets" else secure.mqtt_port)
    client.loop_start()
    try:
        message = send(workspace, known[0].ad_token, "one")
        assert json.loads(received.get(timeout=15).payload)["k"] == str(message.id)
    finally:
        client.disconnect()
        client.loop_stop()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_tls_before_1_2_is_refused(secure: RunningGateway, tmp_path: Path) -> None:
    old = trusting(tmp_path)
    old.minimum_version = ssl.TLSVersion.TLSv1
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        open_tls(secure.mqtt_port, old)


def test_a_connection_without_tls_is_closed(secure: RunningGateway) -> None:
    with socket.create_connection(("127.0.0.1", secure.mqtt_port), timeout=15) as connection:
        connection.sendall(mqtt5.ConnectPacket("x").write())
        heard = connection.recv(100)
        assert not heard.startswith(b"\x20")


def test_a_renewed_certificate_applies_to_new_connections_and_ends_none(
    secure: RunningGateway, certificate: Certificate, tmp_path: Path
) -> None:
    with open_tls(secure.mqtt_port, trusting(tmp_path)) as before:
        before.sendall(mqtt5.ConnectPacket("stranger", username="u").write()[:5])
        write_certificate(tmp_path, "renewed")
        certificate.reload()
        with open_tls(secure.mqtt_port, trusting(tmp_path)) as after:
            assert common_name(after) == "CN=renewed"
        before.sendall(mqtt5.ConnectPacket("stranger", username="u").write()[5:])
        assert before.recv(100).startswith(b"\x20")


def test_a_certificate_without_its_key_changes_nothing(
    secure: RunningGateway, certificate: Certificate, tmp_path: Path
) -> None:
    context = trusting(tmp_path)
    key = (tmp_path / "server.key").read_bytes()
    write_certificate(tmp_path, "renewed")
    (tmp_path / "server.key").write_bytes(key)
    with pytest.raises(CertificateError):
        certificate.reload()
    with open_tls(secure.mqtt_port, context) as connection:
        assert common_name(connection) == "CN=localhost"


def test_a_tls_port_needs_a_certificate(settings: Any) -> None:
    settings.MQTT_TLS_PORT, settings.TLS_CERT_FILE = 8883, ""
    with pytest.raises(CertificateError, match="MPS_TLS_CERT_FILE"):
        _certificate()


def test_a_certificate_that_cannot_be_reloaded_stops_nothing(certificate: Certificate, tmp_path: Path) -> None:
    (tmp_path / "server.crt").write_text("no certificate")
    _reload(certificate)
    _reload(None)


@pytest.mark.parametrize("transport", ["tcp", "websockets"])
def test_a_device_that_does_not_read_is_disconnected(
    secure: RunningGateway, tmp_path: Path, username: str, known: Known, transport: str
) -> None:
    connect = mqtt5.ConnectPacket(known[0].ad_token, username=username, password=known[1].encode())
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.settimeout(15)
    raw.connect(("127.0.0.1", secure.ws_port if transport == "websockets" else secure.mqtt_port))
    with trusting(tmp_path).wrap_socket(raw, server_hostname="localhost") as device:
        if transport == "websockets":
            open_websocket(device, connect)
        else:
            device.sendall(connect.write())
        assert wait_for(lambda: secure.holds(known[0]))
        flood(secure, known[0])
        assert wait_for(lambda: not secure.holds(known[0]))
