"""Many devices in one process: they connect, receive, acknowledge and count."""

from __future__ import annotations

import errno
import os
import select
import socket
import sys
import time
from collections.abc import Iterable

from bench.devices.packets import PacketEncoder, timed_payload, websocket_frame
from bench.devices.publisher import Publisher

_IP_BIND_ADDRESS_NO_PORT = 24
_UPGRADE = (
    b"GET /gateway/mqtt HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n"
)
# The topic that every device subscribes to.
_TOPIC_OF_ALL = "all"
# Ports of one client address; further connections come from the next address of 127.0.0.0/8.
_PORTS_PER_ADDRESS = 20_000
_READ_BYTES = 16_384
# Batched: sleep this long after each poll, unless it returned this many events.
_BATCH_SECONDS, _MANY = 0.001, 256
# A payload's time stands within so many bytes of the packet id.
_TIME_WITHIN = 32


class DeviceConnection:
    """A connection. `first_packets` are sent when the transport is open."""

    __slots__ = ("first_packets", "opened", "partial", "socket", "upgraded")

    def __init__(self, sock: socket.socket, first_packets: bytes) -> None:
        self.socket = sock
        self.first_packets = first_packets
        self.partial = b""
        self.opened = False
        self.upgraded = False


class Fleet:
    """The devices of this process. `credentials` holds the (client id, username, password) of each."""

    def __init__(
        self,
        port: int,
        credentials: list[list[str]],
        encoder: PacketEncoder,
        *,
        websocket: bool,
        subscribe: bool,
        address: int,
    ) -> None:
        self._port = port
        self._encoder = encoder
        self._first_packets = [
            encoder.connect(*given) + (encoder.subscribe([f"d/{number}", _TOPIC_OF_ALL]) if subscribe else b"")
            for number, given in enumerate(credentials)
        ]
        self._websocket = websocket
        self._subscribe = subscribe
        self._address = address
        self._poll = select.epoll()
        self._devices: dict[int, DeviceConnection] = {}
        self._started = 0
        self.ready = self.failed = self.messages = 0
        self.first = self.last = 0.0
        self.latencies: list[float] = []
        self._publisher: Publisher | None = None

    # -- connecting -----------------------------------------------------------------------------------------------

    def connect(self, count: int, concurrent: int) -> dict[str, float]:
        """Connect `count` more devices, `concurrent` at a time."""
        begun, ready, failed, goal = time.monotonic(), self.ready, self.failed, self._started + count
        while self.ready + self.failed - ready - failed < count and time.monotonic() - begun < 300:
            while self._started < goal and self._started - self.ready - self.failed < concurrent:
                self._start_connection()
            self.poll(0.1)
        seconds = time.monotonic() - begun
        return {"ready": self.ready - ready, "failed": self.failed - failed, "seconds": seconds}

    def _start_connection(self) -> None:
        number = self._started
        self._started += 1
        sock = socket.socket()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
        sock.bind((f"127.0.{self._address}.{2 + number // _PORTS_PER_ADDRESS}", 0))
        if (error := sock.connect_ex(("127.0.0.1", self._port))) not in (0, errno.EINPROGRESS):
            self._fail(f"cannot be opened: {errno.errorcode[error]}")
            return
        self._devices[sock.fileno()] = DeviceConnection(sock, self._first_packets[number])
        self._poll.register(sock.fileno(), select.EPOLLOUT)

    def _opened(self, fd: int, device: DeviceConnection) -> None:
        """Begin the protocol on a socket that connected, or drop one that did not."""
        if error := device.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._lost(fd, device, f"does not open: {errno.errorcode[error]}")
            return
        self._poll.modify(fd, select.EPOLLIN)
        if self._websocket:
            device.socket.send(_UPGRADE)
        else:
            device.upgraded = True
            device.socket.send(device.first_packets)

    def _fail(self, why: str) -> None:
        if not self.failed:
            print(f"a connection to port {self._port} {why}", file=sys.stderr, flush=True)
        self.failed += 1

    def _lost(self, fd: int, device: DeviceConnection, why: str = "is closed before it is accepted") -> None:
        if not device.opened:
            self._fail(why)
        device.socket.close()
        del self._devices[fd]

    # -- receiving ------------------------------------------------------------------------------------------------

    def poll(self, seconds: float, *, batched: bool = False) -> None:
        """Handle events for up to `seconds`. If `batched`, sleep afterwards so that more data is read at once."""
        devices = self._devices
        events = self._poll.poll(seconds, 1024)
        for fd, event in events:
            device = devices.get(fd)
            if device is None:
                if self._publisher is not None:
                    self._publisher.advance()
            elif event & select.EPOLLOUT:
                self._opened(fd, device)
            else:
                self._read(fd, device)
        if batched and len(events) < _MANY:
            time.sleep(_BATCH_SECONDS)

    def _read(self, fd: int, device: DeviceConnection) -> None:
        try:
            data = os.read(fd, _READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lost(fd, device)
            return
        if device.partial:
            data = device.partial + data
            device.partial = b""
        if not device.upgraded:
            data = self._upgrade(device, data)
        if self._websocket:
            acks = self._handle_frames(device, data)
        else:
            acks = self._handle_single_publish(data) or self._handle_packets(device, data)
        if acks:
            os.write(fd, acks)

    def _handle_single_publish(self, data: bytes) -> bytes:
        """Acknowledge a read that is one whole QoS 1 PUBLISH of 128 bytes or more, as nearly all are.

        Returns nothing if the read is anything else.
        """
        if data[0] & 0xF6 != 0x32 or len(data) < 131 or (data[1] & 0x7F | data[2] << 7) + 3 != len(data):
            return b""
        place = 5 + (data[3] << 8 | data[4])
        self._count_message(data, place, len(data))
        return b"\x40\x02" + data[place : place + 2]

    def _upgrade(self, device: DeviceConnection, data: bytes) -> bytes:
        head, end, rest = data.partition(b"\r\n\r\n")
        if not end:
            device.partial = data
            return b""
        if b" 101 " not in head:
            raise SystemExit(f"refused: {head[:100]!r}")
        device.upgraded = True
        device.socket.send(websocket_frame(device.first_packets))
        return rest

    def _handle_packets(self, device: DeviceConnection, data: bytes) -> bytes:
        """Handle the packets in `data`; returns the acknowledgements."""
        at, end, acks = 0, len(data), []
        while end - at >= 2:
            kind, length, head = data[at], data[at + 1], 2
            if length & 0x80:
                shift, length, head = 0, 0, 1
                while True:
                    if at + head >= end:
                        break
                    byte = data[at + head]
                    length |= (byte & 0x7F) << shift
                    shift += 7
                    head += 1
                    if not byte & 0x80:
                        break
            if at + head + length > end:
                break
            start = at + head
            if kind & 0xF0 == 0x30:
                place = start + 2 + ((data[start] << 8) | data[start + 1])
                if kind & 0x06:
                    acks.append(b"\x40\x02" + data[place : place + 2])
                self._count_message(data, place, start + length)
            elif kind == 0x20:
                if data[start + 1]:
                    raise SystemExit(f"CONNACK {data[start + 1]:#x}")
                if not self._subscribe:
                    device.opened = True
                    self.ready += 1
            elif kind == 0x90:
                device.opened = True
                self.ready += 1
            at = start + length
        if at < end:
            device.partial = data[at:]
        return b"".join(acks)

    def _handle_frames(self, device: DeviceConnection, data: bytes) -> bytes:
        """Handle the WebSocket frames in `data`, each of whole packets; returns the acknowledgements."""
        at, end, acks = 0, len(data), b""
        while end - at >= 2:
            length, head = data[at + 1] & 0x7F, 2
            if length == 126:
                if end - at < 4:
                    break
                length, head = (data[at + 2] << 8) | data[at + 3], 4
            elif length == 127:
                if end - at < 10:
                    break
                length, head = int.from_bytes(data[at + 2 : at + 10], "big"), 10
            if at + head + length > end:
                break
            if data[at] & 0x0F == 2:
                acks += self._handle_packets(device, data[at + head : at + head + length])
            at += head + length
        if at < end:
            device.partial = data[at:]
        return websocket_frame(acks) if acks else b""

    def _count_message(self, data: bytes, start: int, end: int) -> None:
        self.last = now = time.monotonic()
        if not self.messages:
            self.first = now
        self.messages += 1
        found = data.find(b'"t":"', start, start + _TIME_WITHIN)
        if found >= 0 and found < end:
            self.latencies.append(now - float(data[found + 5 : found + 21]))

    def receive(self, count: int, seconds: float, *, batched: bool) -> dict[str, float]:
        """Receive until `count` messages have come or `seconds` have passed; returns their figures.

        With `batched`, sockets are read at most once a millisecond, so that this process costs the server little.
        """
        deadline = time.monotonic() + seconds
        while self.messages < count and time.monotonic() < deadline:
            self.poll(0.1, batched=batched)
        return self._figures()

    def _figures(self) -> dict[str, float]:
        """Return the figures of the messages received, and begin anew."""
        ordered = sorted(self.latencies)
        figures = {
            "messages": float(self.messages),
            "seconds": self.last - self.first,
            "connected": float(len(self._devices)),
            "p50_ms": 1000 * ordered[len(ordered) // 2] if ordered else 0.0,
            "p99_ms": 1000 * ordered[int(0.99 * len(ordered))] if ordered else 0.0,
        }
        self.messages, self.first, self.last, self.latencies = 0, 0.0, 0.0, []
        return figures

    def publish(self, count: int, window: int, payload: bytes) -> dict[str, float]:
        """Publish `count` messages, one device after the other, at most `window` unacknowledged."""
        topics = [f"d/{number % self.ready}" for number in range(count)]
        self._publish(((topic, payload) for topic in topics), window, count, batched=True)
        return self._figures()

    def publish_paced(self, count: int, rate: float, size: int) -> dict[str, float]:
        """Publish `count` messages of `size` bytes, one device after the other, at `rate` a second."""
        if self._publisher is None:
            self._publisher = Publisher(self._poll, self._port, self._encoder)
        begun, sent = time.monotonic(), 0
        while self.messages < count and time.monotonic() - begun < 60 + count / rate:
            due = min(count, int((time.monotonic() - begun) * rate)) - sent
            if due > 0:
                payloads = (timed_payload(size) for _ in range(due))
                topics = (f"d/{(sent + number) % self.ready}" for number in range(due))
                self._publisher.start(zip(topics, payloads, strict=True), 65_000)
                sent += due
            self.poll(0.002)
        return self._figures()

    def publish_all(self, rounds: int, payload: bytes) -> dict[str, float]:
        """Publish to all devices `rounds` times; a round begins when all have received the last."""
        begun = time.monotonic()
        for sent in range(1, rounds + 1):
            self._publish([(_TOPIC_OF_ALL, payload)], 1, sent * self.ready, batched=False)
        return self._figures() | {"seconds": time.monotonic() - begun}

    def _publish(self, what: Iterable[tuple[str, bytes]], window: int, expected: int, *, batched: bool) -> None:
        begun = time.monotonic()
        if self._publisher is None:
            self._publisher = Publisher(self._poll, self._port, self._encoder)
        self._publisher.start(what, window)
        while self.messages < expected and time.monotonic() - begun < 300:
            self.poll(0.1, batched=batched)

    def close(self) -> None:
        """Close all sockets."""
        for device in self._devices.values():
            device.socket.close()
        self._devices.clear()
