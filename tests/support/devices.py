"""A device for tests: the Eclipse Paho MQTT 5 client, on TCP or WebSocket."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any, Self
from urllib.parse import urlsplit

from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.support import device_schemas


class PahoDevice:
    """A device that registers by connecting, or connects with the credentials of `known`, and keeps what it receives.

    Attributes:
        received: The (k, bData, dup) of each message in order of arrival, repeats included.
        expiries: The Message Expiry Interval of each message in seconds, if it has one.
        answers: Answers to requests.
        faults: What of it was not as the protocol's schemas say.
    """

    def __init__(self, demo: dict[str, str], *, transport: str = "tcp", known: PahoDevice | None = None) -> None:
        self.demo = demo
        self.received: list[tuple[str, dict[str, Any], bool]] = []
        self.expiries: list[int | None] = []
        self.answers: list[dict[str, Any]] = []
        self.faults: list[str] = []
        self.ad_token: str = known.ad_token if known else ""
        self.secret: str = known.secret if known else ""
        self._changed = threading.Condition()
        self._connected = threading.Event()
        self.client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self.ad_token,
            protocol=MQTTv5,
            transport=transport,
            reconnect_on_failure=True,
        )
        self.client.reconnect_delay_set(min_delay=1, max_delay=2)
        if transport == "websockets":
            self.client.ws_set_options(path="/gateway/mqtt")
        self._username = f"{demo['app_id']}-{demo['workspace_id']}"
        self.client.username_pw_set(self._username, self.secret or demo["client_key"])
        self.client.on_connect = self._on_connect
        self.client.on_disconnect = self._on_disconnect
        self.client.on_message = self._on_message
        url = urlsplit(demo["ws_url"] if transport == "websockets" else demo["mqtt_url"])
        self.host, self.port = str(url.hostname), int(url.port or 0)

    def connect(self, *, max_packet: int = 0) -> Self:
        """Connect, and stay connected in a thread until `disconnect`; takes packets of `max_packet` bytes at most."""
        properties = Properties(PacketTypes.CONNECT)
        if max_packet:
            properties.MaximumPacketSize = max_packet
        properties.UserProperty = [("platform", "android"), ("model", "Paho"), ("appVersion", "1.0")]
        device_schemas.check("connect", dict(properties.UserProperty))
        self.client.connect(self.host, self.port, keepalive=30, properties=properties)
        self.client.loop_start()
        assert self._connected.wait(15), "no connection within 15 s"
        return self

    def disconnect(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()
        assert not self.faults, self.faults

    def wait(self, condition: Callable[[], bool], seconds: float = 30) -> bool:
        """Wait until a condition on what was received holds; returns whether it did in time."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while not condition():
                assert not self.faults, self.faults
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(min(left, 0.5))
        return True

    def keys(self) -> list[str]:
        """Return the msgkeys received, in order of arrival."""
        return [data["msgKey"] for _, data, _ in self.received]

    def wait_for_key(self, msgkey: str, seconds: float = 30) -> dict[str, Any]:
        """Wait for a message and return its `bData`."""
        assert self.wait(lambda: msgkey in self.keys(), seconds), f"{msgkey} did not arrive; got {self.keys()}"
        return next(data for _, data, _ in self.received if data["msgKey"] == msgkey)

    def request(self, topic: str, payload: object) -> dict[str, Any]:
        """Publish a request and return its answer."""
        before = len(self.answers)
        properties = Properties(PacketTypes.PUBLISH)
        properties.ResponseTopic = "mps/reply"
        properties.CorrelationData = b"1"
        self.client.publish(topic, json.dumps(payload), qos=1, properties=properties)
        assert self.wait(lambda: len(self.answers) > before, 15), f"no answer to {topic}"
        device_schemas.check_granted(topic.removeprefix("mps/"), payload, self.answers[-1])
        return self.answers[-1]

    def _on_connect(self, client: Client, _userdata: object, _flags: object, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            return
        if not self.ad_token:
            self.ad_token = properties.AssignedClientIdentifier
            self.secret = dict(properties.UserProperty)["secret"]
            # A device stores these on its first connect and uses them ever after.
            client._client_id = self.ad_token.encode()
            client.username_pw_set(self._username, self.secret)
        self._connected.set()

    def _on_disconnect(self, *_: object) -> None:
        self._connected.clear()

    def _on_message(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        with self._changed:
            try:
                payload = device_schemas.check_received(message.topic, message.payload)
            except AssertionError as fault:  # in the client's thread
                self.faults.append(str(fault))
                self._changed.notify_all()
                return
            if message.topic == "mps/inbox":
                self.received.append((payload["k"], payload["bData"], message.dup))
                self.expiries.append(getattr(message.properties, "MessageExpiryInterval", None))
            else:
                self.answers.append(payload)
            self._changed.notify_all()
