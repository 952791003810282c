"""Hundreds of devices in one thread, which acknowledge and remember all messages, and reconnect when cut off."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from types import TracebackType
from urllib.parse import urlsplit

import mqtt5
from mqtt5 import ConnAckReasonCode, QoS
from websockets.asyncio.client import connect as connect_websocket
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from tests.support import device_schemas

# A device that was cut off reconnects within so many seconds.
BACK_OFF_SECONDS = 1.0
ANSWER_SECONDS = 10.0

Read = Callable[[], Awaitable[bytes]]
Write = Callable[[bytes], Awaitable[None]]


class Member:
    """A device of the fleet.

    Attributes:
        received: Message ids in order of arrival, by msgkey.
        cuts: How often its connection ended.
        refusals: How often it was refused.
        disconnect_reason: The reason code of the server's last DISCONNECT.
    """

    def __init__(self, demo: dict[str, str], transport: str, keep_alive: int) -> None:
        self.ad_token = ""
        self.received: dict[str, list[str]] = defaultdict(list)
        self.cuts = self.refusals = 0
        self.disconnect_reason: int | None = None
        self.is_open = False
        self._transport = transport
        self._url = urlsplit(demo["ws_url" if transport == "websockets" else "mqtt_url"])
        self._username, self._password = f"{demo['app_id']}-{demo['workspace_id']}", demo["client_key"]
        self._keep_alive = keep_alive

    async def run(self) -> None:
        """Stay connected until cancelled."""
        while True:
            try:
                with contextlib.suppress(OSError, EOFError, WebSocketException, TimeoutError):
                    async with self._connection() as (read, write):
                        await self._talk(read, write)
                self.cuts += self.is_open
            finally:
                self.is_open = False
            await asyncio.sleep(random.uniform(0.1, BACK_OFF_SECONDS))

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[tuple[Read, Write]]:
        if self._transport == "websockets":
            async with connect_websocket(
                self._url.geturl(), subprotocols=[Subprotocol("mqtt")], compression=None, ping_interval=None, proxy=None
            ) as socket:
                yield lambda: socket.recv(decode=False), socket.send
            return
        reader, writer = await asyncio.open_connection(self._url.hostname, self._url.port)

        async def write(data: bytes) -> None:
            writer.write(data)
            await writer.drain()

        try:
            yield lambda: reader.read(65536), write
        finally:
            writer.close()

    async def _talk(self, read: Read, write: Write) -> None:
        connect = mqtt5.ConnectPacket(
            self.ad_token, username=self._username, password=self._password.encode(), keep_alive=self._keep_alive
        )
        await write(connect.write())
        pinging = asyncio.create_task(self._ping(write))
        try:
            buffer = b""
            async with asyncio.timeout(ANSWER_SECONDS) as patience:
                while data := await read():
                    buffer += data
                    with contextlib.suppress(IndexError):  # the rest of a packet is missing
                        while buffer:
                            packet, size = mqtt5.read(memoryview(buffer))
                            buffer = buffer[size:]
                            await self._handle(packet, write)
                    if self.is_open:
                        patience.reschedule(None)
        finally:
            pinging.cancel()

    async def _ping(self, write: Write) -> None:
        while True:
            await asyncio.sleep(self._keep_alive / 2)
            try:
                await write(mqtt5.PingReqPacket().write())
            except (OSError, WebSocketException):
                return  # reading fails too, and ends the connection

    async def _handle(self, packet: mqtt5.Packet, write: Write) -> None:
        match packet:
            case mqtt5.ConnAckPacket(reason_code=ConnAckReasonCode.SUCCESS):
                if packet.assigned_client_id:
                    self.ad_token, self._password = packet.assigned_client_id, dict(packet.user_properties)["secret"]
                self.is_open = True
            case mqtt5.ConnAckPacket():
                self.refusals += 1
            case mqtt5.PublishPacket(qos=QoS.AT_LEAST_ONCE):
                said = device_schemas.check_received(packet.topic, packet.payload)
                self.received[said["bData"]["msgKey"]].append(said["k"])
                assert packet.packet_id is not None
                await write(mqtt5.PubAckPacket(packet.packet_id).write())
            case mqtt5.DisconnectPacket():
                self.disconnect_reason = int(packet.reason_code)


class Fleet:
    """Devices, half of them on TCP and half on WebSocket. A context manager that enters when all are connected."""

    def __init__(self, demo: dict[str, str], count: int, *, keep_alive: int = 20) -> None:
        self.members = [Member(demo, ("tcp", "websockets")[number % 2], keep_alive) for number in range(count)]
        self._loop = asyncio.new_event_loop()
        self._tasks: list[asyncio.Task[None]] = []
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def reconnect(self, seconds: float = 60) -> None:
        """Drop all connections, and wait up to `seconds` for all devices to connect anew."""
        self._call(self._drop())
        self._call(self._start())
        self.wait_until_open(seconds)

    def _call(self, work: Coroutine[None, None, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _drop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _start(self) -> None:
        self._tasks = [asyncio.create_task(member.run()) for member in self.members]

    def wait_until_open(self, seconds: float) -> None:
        """Wait for all devices to be connected."""
        assert self.wait(lambda: all(member.is_open for member in self.members), seconds), (
            f"{sum(not member.is_open for member in self.members)} devices are not back after {seconds} s"
        )

    def wait(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait for a condition; returns whether it held in time."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        return True

    @property
    def cuts(self) -> int:
        """Return how many connections ended without the device ending them."""
        return sum(member.cuts for member in self.members)

    @property
    def refusals(self) -> int:
        """Return how many connections were refused."""
        return sum(member.refusals for member in self.members)

    def forget_disconnects(self) -> None:
        """Reset the reasons of disconnects and the refusals."""
        for member in self.members:
            member.disconnect_reason, member.refusals = None, 0

    def __enter__(self) -> Fleet:
        self._thread.start()
        self.reconnect()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._call(self._drop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        assert not self._thread.is_alive()
        self._loop.close()
