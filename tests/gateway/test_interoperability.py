"""Published MQTT clients as devices, in both versions, over TCP and WebSocket: nothing of ours on their side."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import queue
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from mqtt5 import DisconnectPacket, DisconnectReasonCode
from paho.mqtt.client import Client, MQTTMessage, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from gateway.protocol.ports import PublishRefusal
from gateway.sink import Sink
from mps_project.launcher import engines
from pushcore.models import Binding, Message, Workspace
from tests.gateway.conftest import Known, RunningGateway
from tests.gateway.pushing import send, status_of, wait_for
from tests.support import node_packages
from tests.support.raw_device import RawDevice

NODE = Path(__file__).resolve().parent / "node"
SECONDS = 20


@pytest.fixture(scope="module")
def mqtt_js() -> Path:
    return node_packages.installed(NODE)


@pytest.fixture(autouse=True)
def anyone_may_bind(workspace: Workspace) -> None:
    Workspace.objects.update(client_bind=Workspace.ClientBind.OPEN)


def is_taken_over(device: RawDevice) -> bool:
    """Waits for the device's connection to end; whether it is told that another has its place."""
    ended = device.recv()
    return isinstance(ended, DisconnectPacket) and ended.reason_code == DisconnectReasonCode.SESSION_TAKEN_OVER


class JsDevice:
    """`node/device.js` in a process."""

    def __init__(self, modules: Path, url: str, **options: object) -> None:
        self._said: queue.Queue[dict[str, Any]] = queue.Queue()
        self._process = subprocess.Popen(
            ["node", str(NODE / "device.js"), url, json.dumps({"reconnectPeriod": 200} | options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"NODE_PATH": str(modules)},
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._said.put(json.loads(line))

    def tell(self, **order: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()

    def hear(self, event: str) -> dict[str, Any]:
        """The next such event; others before it are passed over."""
        while True:
            said = self._said.get(timeout=SECONDS)
            if said["event"] == event:
                return said

    def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(SECONDS)
        self._reader.join(SECONDS)
        assert self._process.stdout is not None
        self._process.stdout.close()


@pytest.fixture
def js(mqtt_js: Path, gateway: RunningGateway, workspace: Workspace) -> Iterator[Callable[..., JsDevice]]:
    made: list[JsDevice] = []

    def start(transport: str, **options: object) -> JsDevice:
        url = gateway.demo(workspace)["ws_url" if transport == "websockets" else "mqtt_url"]
        made.append(JsDevice(mqtt_js, url, **options))
        return made[-1]

    yield start
    for device in made:
        device.end()


@pytest.mark.parametrize("transport", ["tcp", "websockets"])
@pytest.mark.parametrize("version", [5, 4])
def test_mqtt_js(
    js: Callable[..., JsDevice], sink: Sink, workspace: Workspace, username: str, known: Known,
    transport: str, version: int,
) -> None:  # fmt: skip
    options = {"protocolVersion": version, "clientId": known[0].ad_token, "username": username, "password": known[1]}
    device = js(transport, **options)
    device.hear("connect")
    first = send(workspace, known[0].ad_token, "first")
    assert device.hear("message")["payload"]["k"] == str(first.pk)
    assert wait_for(lambda: status_of(first) == 2)
    device.tell(publish="mps/bind", payload={"userId": "u-1"})
    answered = device.hear("message")
    assert (answered["topic"], answered["payload"]["success"]) == ("mps/reply", True)
    device.tell(drop=True)
    device.hear("connect")
    second = send(workspace, known[0].ad_token, "second")
    assert device.hear("message")["payload"]["k"] == str(second.pk)
    js(transport, **options, reconnectPeriod=0).hear("connect")
    if version == 5:
        assert device.hear("disconnect")["code"] == 0x8E
    else:
        device.hear("close")


def test_mqtt_js_registers_and_connects_again(
    js: Callable[..., JsDevice], workspace: Workspace, username: str, gateway: RunningGateway
) -> None:
    new = js("websockets", protocolVersion=5, clientId="", username=username, password=workspace.client_key)
    given = new.hear("connect")
    new.end()
    again = js("tcp", protocolVersion=5, clientId=given["clientId"], username=username, password=given["secret"])
    again.hear("connect")


def test_mqtt_js_gets_the_reason_of_a_refused_connect(js: Callable[..., JsDevice], username: str, known: Known) -> None:
    for version, code in ((5, 0x86), (4, 4)):
        device = js(
            "tcp", protocolVersion=version, clientId=known[0].ad_token, username=username, password="x",
            reconnectPeriod=0,
        )  # fmt: skip
        assert device.hear("error")["code"] == code


@pytest.mark.parametrize("version", [aiomqtt.ProtocolVersion.V5, aiomqtt.ProtocolVersion.V311])
def test_aiomqtt(
    gateway: RunningGateway, sink: Sink, workspace: Workspace, username: str, known: Known,
    version: aiomqtt.ProtocolVersion,
) -> None:  # fmt: skip
    def client() -> aiomqtt.Client:
        return aiomqtt.Client(
            "127.0.0.1", gateway.mqtt_port, identifier=known[0].ad_token, username=username, password=known[1],
            protocol=version,
        )  # fmt: skip

    async def push(msgkey: str) -> str:
        return str((await asyncio.to_thread(send, workspace, known[0].ad_token, msgkey)).pk)

    async def run() -> None:
        async with asyncio.timeout(SECONDS):
            async with client() as first:
                pushed = await push("first")
                assert key_of(await anext(first.messages)) == pushed
                await first.publish("mps/bind", json.dumps({"userId": "u-7"}), qos=1)
                answer = await anext(first.messages)
                assert str(answer.topic) == "mps/reply"
                assert json.loads(answer.payload)["success"]
            async with client() as again:  # reconnected
                pushed = await push("second")
                assert key_of(await anext(again.messages)) == pushed
                async with client() as newer:  # takes over
                    with pytest.raises(aiomqtt.MqttError):
                        await anext(again.messages)
                    pushed = await push("third")
                    assert key_of(await anext(newer.messages)) == pushed

    # The connection it was taken is gone: its own end is told so too.
    with contextlib.suppress(aiomqtt.MqttError):
        asyncio.run(run())
    assert Binding.objects.filter(device_id=known[0].id, user_id="u-7").exists()
    assert wait_for(lambda: list(Message.objects.values_list("status", flat=True)) == [2, 2, 2])


def key_of(message: aiomqtt.Message) -> str:
    assert str(message.topic) == "mps/inbox"
    assert isinstance(message.payload, bytes)
    return str(json.loads(message.payload)["k"])


@pytest.mark.parametrize("transport", ["tcp", "websockets"])
@pytest.mark.parametrize("version", [MQTTv5, MQTTv311])
def test_paho(
    gateway: RunningGateway, sink: Sink, workspace: Workspace, username: str, known: Known, transport: str, version: Any
) -> None:
    messages: queue.Queue[MQTTMessage] = queue.Queue()
    connects: queue.Queue[bool] = queue.Queue()
    ends: queue.Queue[int] = queue.Queue()
    client = Client(CallbackAPIVersion.VERSION2, known[0].ad_token, protocol=version, transport=transport)
    client.reconnect_delay_set(1, 1)
    if transport == "websockets":
        client.ws_set_options(path="/gateway/mqtt")
    client.username_pw_set(username, known[1])
    client.on_message = lambda _client, _data, message: messages.put(message)
    client.on_connect = lambda *_: connects.put(True)
    client.on_disconnect = lambda _client, _data, _flags, reason, _properties: ends.put(reason.value)
    client.connect("127.0.0.1", gateway.ws_port if transport == "websockets" else gateway.mqtt_port)
    client.loop_start()
    try:
        connects.get(timeout=SECONDS)
        assert wait_for(lambda: gateway.holds(known[0]))
        client.publish("mps/bind", json.dumps({"userId": "u-8"}), qos=1)
        assert messages.get(timeout=SECONDS).topic == "mps/reply"
        assert Binding.objects.filter(device_id=known[0].id, user_id="u-8").exists()
        gateway.call(lambda: gateway.session_of(known[0])._transport.close())
        connects.get(timeout=SECONDS)
        ends.get(timeout=SECONDS)
        message = send(workspace, known[0].ad_token, "after")
        assert json.loads(messages.get(timeout=SECONDS).payload)["k"] == str(message.pk)
        assert wait_for(lambda: status_of(message) == 2)
        with RawDevice(gateway.mqtt_port) as newer:
            newer.connect(known[0].ad_token, username, known[1])
            reason = ends.get(timeout=SECONDS)
            assert reason == 0x8E if version == MQTTv5 else reason >= 0x80
            connects.get(timeout=SECONDS)  # and it is its turn
            assert is_taken_over(newer)
    finally:
        client.disconnect()
        client.loop_stop()


@pytest.mark.parametrize("version", ["5", "311"])
def test_mosquitto_clients(
    gateway: RunningGateway, sink: Sink, workspace: Workspace, username: str, known: Known, version: str
) -> None:
    if shutil.which("mosquitto_sub") is None or shutil.which("mosquitto_pub") is None:
        node_packages.missing("mosquitto_sub and mosquitto_pub (Debian: mosquitto-clients) are not on this machine")
    who = [
        "-V", f"mqttv{version}", "-p", str(gateway.mqtt_port), "-i", known[0].ad_token, "-u", username, "-P", known[1],
    ]  # fmt: skip
    command = ["mosquitto_sub", *who, "-q", "1", "-t", "mps/inbox", "-C", "3", "-W", str(SECONDS)]
    pushed: list[str] = []

    def push() -> None:
        message = send(workspace, known[0].ad_token, f"m-{len(pushed)}")
        pushed.append(str(message.pk))
        assert wait_for(lambda: status_of(message) == 2)

    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as device:
        assert wait_for(lambda: gateway.holds(known[0]))
        push()
        gateway.call(lambda: gateway.session_of(known[0])._transport.close())
        push()  # it has come again
        with RawDevice(gateway.mqtt_port) as newer:
            newer.connect(known[0].ad_token, username, known[1])
            if version == "311":  # it is not told why, and comes again
                assert is_taken_over(newer)
                push()
            said, _ = device.communicate(timeout=SECONDS)
    assert [json.loads(line)["k"] for line in said.splitlines()] == pushed
    for qos in ("1", "0"):  # it leaves right after it has asked
        asked = ["mosquitto_pub", *who, "-q", qos, "-t", "mps/bind", "-m", json.dumps({"userId": f"u-{qos}"})]
        subprocess.run(asked, check=True, timeout=SECONDS)
        bound = Binding.objects.filter(device_id=known[0].id, user_id=f"u-{qos}")
        assert wait_for(bound.exists)
    wrong = subprocess.run([*asked, "-P", "wrong"], capture_output=True, timeout=SECONDS, check=False)
    assert wrong.returncode == (0x86 if version == "5" else 4)


def test_a_mosquitto_bridge_stays_connected(
    gateway: RunningGateway, username: str, known: Known, tmp_path: Path
) -> None:
    """It publishes its own state, retained, before anything else, in MQTT 3.1.1."""
    broker = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
    if broker is None or shutil.which("mosquitto_pub") is None:
        node_packages.missing("mosquitto and mosquitto_pub (Debian: mosquitto, mosquitto-clients) are not here")
    assert broker is not None
    port, settings = engines.free_port(), tmp_path / "mosquitto.conf"
    settings.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nconnection service\naddress 127.0.0.1:{gateway.mqtt_port}\n"
        f"topic # out 1\nremote_clientid {known[0].ad_token}\nremote_username {username}\nremote_password {known[1]}\n"
    )
    assert gateway.node is not None
    refused = gateway.node._refused_publishes
    with subprocess.Popen(
        [broker, "-c", str(settings)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as bridge:
        try:
            assert wait_for(lambda: refused[PublishRefusal.RETAINED] == 1)
            session = gateway.session_of(known[0])
            subprocess.run(
                ["mosquitto_pub", "-p", str(port), "-t", "foreign", "-m", "x", "-q", "1"], check=True, timeout=10
            )
            assert wait_for(lambda: refused[PublishRefusal.FOREIGN_TOPIC] == 1)
            assert gateway.session_of(known[0]) is session
        finally:
            bridge.terminate()
