"""One MQTT connection, on Eclipse Paho. It is used by one thread, which waits for its socket."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from mps_device.config import SCHEMES, Config
from mps_device.store import Identity

INBOX_TOPIC, REPLY_TOPIC = "mps/inbox", "mps/reply"
OPEN_SECONDS = 10.0
# A link that takes nothing for so long is dead. Paho alone waits for another keep alive after the probe.
UNSENT_MILLISECONDS = 20_000
# The least that the service lets a device have open at once.
MAX_OPEN_REQUESTS = 16


class Connected(NamedTuple):
    """The server has accepted; `issued` is what it gave a device that registered."""

    issued: Identity | None


class Refused(NamedTuple):
    """The server has refused, with a reason code of the CONNACK, and may have said how long to wait."""

    code: int
    retry_after: float = 0.0


class Disconnected(NamedTuple):
    """The connection has ended; `code` is that of the server's DISCONNECT, None where it was just lost."""

    code: int | None


class Arrived(NamedTuple):
    """A message has arrived; it is acknowledged by its packet ID. `seconds_left` is its Message Expiry Interval."""

    packet_id: int
    payload: bytes
    repeat: bool
    seconds_left: float | None


class Answered(NamedTuple):
    """The answer to a request has arrived."""

    correlation: bytes
    payload: bytes


Happening = Connected | Refused | Disconnected | Arrived | Answered


class Connection:
    """A connection to the gateway. It never connects again by itself; a new attempt is a new connection."""

    def __init__(self, config: Config) -> None:
        self._config = config
        # What has happened and was not taken yet: Paho's callbacks must not act on the connection.
        self._happened: list[Happening] = []
        self._ended = False
        self._accepted = False
        self._client: Any = None

    def open(self, identity: Identity | None, properties: Sequence[tuple[str, str]]) -> None:
        """Connect, and send the CONNECT; its answer is among what `happened`.

        Args:
            identity: The device; None registers one.
            properties: User properties of the CONNECT.

        Raises:
            OSError: The server cannot be reached, or its certificate is not trusted.
        """
        url = urlsplit(self._config.endpoint)
        websocket = url.scheme in ("ws", "wss")
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=identity.ad_token if identity else "",
            protocol=MQTTv5,
            transport="websockets" if websocket else "tcp",
            reconnect_on_failure=False,
            manual_ack=True,
        )
        self._client = client
        if websocket:
            client.ws_set_options(path=url.path or "/gateway/mqtt")
        if url.scheme in ("mqtts", "wss"):
            client.tls_set_context(ssl.create_default_context(cafile=self._config.ca_file or None))
        client.username_pw_set(self._config.username, identity.secret if identity else self._config.client_key)
        client.connect_timeout = OPEN_SECONDS
        client.max_inflight_messages = MAX_OPEN_REQUESTS
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        connect: Any = Properties(PacketTypes.CONNECT)
        connect.UserProperty = list(properties)
        try:
            client.connect(
                url.hostname, url.port or SCHEMES[url.scheme], keepalive=self._config.keep_alive, properties=connect
            )
        except OSError:
            raise
        except Exception as error:  # of the WebSocket handshake
            raise ConnectionError(str(error)) from error
        _notice_a_dead_link(client.socket())

    def happened(self) -> list[Happening]:
        """Return what has happened since the last call, in order."""
        happened, self._happened = self._happened, []
        return happened

    @property
    def socket(self) -> Any:
        """The socket to wait for; None if there is none any more."""
        return None if self._ended or self._client is None else self._client.socket()

    @property
    def wants_write(self) -> bool:
        """Whether something waits to be written."""
        return bool(self._client.want_write())

    @property
    def has_buffered_input(self) -> bool:
        """Whether there is input that the socket does not show as readable, because TLS or WebSocket has read it."""
        pending = getattr(self.socket, "pending", None)
        return bool(pending and pending())

    def read(self) -> None:
        """Read what has arrived."""
        self._do(self._client.loop_read)

    def write(self) -> None:
        """Write what waits."""
        self._do(self._client.loop_write)

    def check_keep_alive(self) -> None:
        """Probe a silent connection, and end one that did not answer. For a connection that was accepted."""
        if self._accepted:
            self._do(self._client.loop_misc)

    def request(self, topic: str, payload: bytes, correlation: bytes) -> None:
        """Send a request."""
        properties: Any = Properties(PacketTypes.PUBLISH)
        properties.ResponseTopic = REPLY_TOPIC
        properties.CorrelationData = correlation
        self._client.publish(topic, payload, qos=1, properties=properties)

    def acknowledge(self, packet_id: int) -> None:
        """Acknowledge a message."""
        self._client.ack(packet_id, 1)

    def close(self) -> None:
        """Say goodbye and close. What happened and was not taken yet is dropped."""
        if self._client is not None:
            sock = self.socket
            self._ended = True
            self._happened.clear()
            with contextlib.suppress(OSError):
                self._client.disconnect()
                if sock is not None:
                    sock.close()

    def _on_connect(self, _client: object, _data: object, _flags: ConnectFlags, reason: Any, properties: Any) -> None:
        told = dict(getattr(properties, "UserProperty", ()))
        if reason.is_failure:
            retry_after = told.get("retryAfter", "")
            self._end(Refused(reason.value, float(retry_after) if retry_after.isdecimal() else 0.0))
            return
        self._accepted = True
        issued = None
        if ad_token := getattr(properties, "AssignedClientIdentifier", None):
            issued = Identity(ad_token, told["secret"])
        self._happened.append(Connected(issued))

    def _on_disconnect(
        self, _client: object, _data: object, flags: DisconnectFlags, reason: ReasonCode, _properties: object
    ) -> None:
        self._end(Disconnected(reason.value if flags.is_disconnect_packet_from_server else None))

    def _on_message(self, _client: object, _data: object, message: MQTTMessage) -> None:
        properties = message.properties
        if message.topic == INBOX_TOPIC and message.qos == 1:
            left = getattr(properties, "MessageExpiryInterval", None)
            self._happened.append(Arrived(message.mid, bytes(message.payload), message.dup, left))
        else:
            self._happened.append(Answered(getattr(properties, "CorrelationData", b""), bytes(message.payload)))

    def _do(self, work: Callable[[], object]) -> None:
        if self._ended:
            return
        try:
            work()
        except Exception:  # a packet that Paho cannot read; nothing good comes after it
            self._end(Disconnected(None))

    def _end(self, happening: Refused | Disconnected) -> None:
        if not self._ended:
            self._ended = True
            self._happened.append(happening)


def _notice_a_dead_link(paho_socket: Any) -> None:
    """Have the system end a connection whose peer acknowledges nothing, where it can (Linux).

    Args:
        paho_socket: A socket, or Paho's wrapper of one, which takes no options.
    """
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if option is not None and paho_socket is not None:
        with socket.fromfd(paho_socket.fileno(), socket.AF_INET, socket.SOCK_STREAM) as same:
            same.setsockopt(socket.IPPROTO_TCP, option, UNSENT_MILLISECONDS)
