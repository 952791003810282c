"""A load client: many devices in one process, MQTT 3.1.1 or 5 over TCP or WebSocket, on loopback.

Bare epoll, for it must be faster than what it measures: a device receives QoS 1, acknowledges, and counts. It is told
what to do by lines on standard input, and answers each with one JSON line:

    connect COUNT CONCURRENT   open so many more connections; {"ready", "failed", "seconds"}
    receive COUNT SECONDS      until so many messages came, or for so long; {"messages", "seconds", "p50_ms", "p99_ms"}
    gather COUNT SECONDS       the same, but looked for once a millisecond unless there are many
    publish COUNT WINDOW       have a connection of its own publish to the devices' topics (for a plain broker)
    publish-paced COUNT RATE   the same at so many a second, each with its time; {"messages", "p50_ms", "p99_ms"}
    publish-all ROUNDS         the same, to the topic that all have subscribed to, each time when all have the last
    close                      close all

Latencies are of messages whose payload has `"t":"SECONDS"` by this machine's monotonic clock. What follows without
waiting for anything (`gather`, `publish`) is gathered: real devices are elsewhere, and a server that wakes a process of
its own machine for each message pays for that.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import itertools
import json
import os
import select
import socket
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

_IP_BIND_ADDRESS_NO_PORT = 24
_UPGRADE = (
    b"GET /gateway/mqtt HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n"
)
ALL = "all"
# Ports of one client address; the next connections come from another of 127.0.0.0/8.
_PER_ADDRESS = 20_000
_READ_BYTES = 16_384
_PAUSE_SECONDS, _MANY = 0.001, 256
# Of a payload and what is before it: where its time is, if it has one.
_TIME_WITHIN = 32


class Wording:
    """Packets in a version of MQTT: 5, or 4 (3.1.1). What the client reads has the same places in both."""

    def __init__(self, version: int) -> None:
        self._version = version
        self._no_properties = b"\0" if version == 5 else b""

    def connect(self, client_id: str, username: str, password: str) -> bytes:
        """A CONNECT for a clean session, keep alive 1,200 s."""
        head = _text("MQTT") + bytes((self._version, 0xC2)) + (1200).to_bytes(2, "big") + self._no_properties
        return _packet(0x10, head + _text(client_id) + _text(username) + _text(password))

    def subscribe(self, topics: list[str]) -> bytes:
        """For QoS 1."""
        return _packet(0x82, b"\0\1" + self._no_properties + b"".join(_text(topic) + b"\1" for topic in topics))

    def publish(self, topic: str, payload: bytes, packet_id: int) -> bytes:
        """QoS 1."""
        return _packet(0x32, _text(topic) + packet_id.to_bytes(2, "big") + self._no_properties + payload)


def _text(text: str) -> bytes:
    return len(text).to_bytes(2, "big") + text.encode()


def _packet(first: int, body: bytes) -> bytes:
    length, rest = bytearray(), len(body)
    while rest > 0x7F:
        length.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes((first, *length, rest)) + body


class Device:
    """One connection. `hello` is what it sends when the transport is open."""

    __slots__ = ("hello", "opened", "partial", "socket", "upgraded")

    def __init__(self, sock: socket.socket, hello: bytes) -> None:
        self.socket = sock
        self.hello = hello
        self.partial = b""
        self.opened = False
        self.upgraded = False


class Fleet:
    """The devices of this process. `credentials`: (client id, username, password) of each."""

    def __init__(
        self,
        port: int,
        credentials: list[list[str]],
        wording: Wording,
        *,
        websocket: bool,
        subscribe: bool,
        address: int,
    ) -> None:
        self._port = port
        self._wording = wording
        self._hellos = [
            wording.connect(*given) + (wording.subscribe([f"d/{number}", ALL]) if subscribe else b"")
            for number, given in enumerate(credentials)
        ]
        self._websocket = websocket
        self._subscribe = subscribe
        self._address = address
        self._poll = select.epoll()
        self._devices: dict[int, Device] = {}
        self._started = 0
        self.ready = self.failed = self.messages = 0
        self.first = self.last = 0.0
        self.latencies: list[float] = []
        self._publisher: Publisher | None = None

    # -- connecting -----------------------------------------------------------------------------------------------

    def connect(self, count: int, concurrent: int) -> dict[str, float]:
        """Connect `count` more devices, `concurrent` at a time; returns the ready, the failed and the seconds."""
        begun, ready, failed, goal = time.monotonic(), self.ready, self.failed, self._started + count
        while self.ready + self.failed - ready - failed < count and time.monotonic() - begun < 300:
            while self._started < goal and self._started - self.ready - self.failed < concurrent:
                self._dial()
            self.turn(0.1)
        seconds = time.monotonic() - begun
        return {"ready": self.ready - ready, "failed": self.failed - failed, "seconds": seconds}

    def _dial(self) -> None:
        number = self._started
        self._started += 1
        sock = socket.socket()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
        sock.bind((f"127.0.{self._address}.{2 + number // _PER_ADDRESS}", 0))
        if (error := sock.connect_ex(("127.0.0.1", self._port))) not in (0, errno.EINPROGRESS):
            self._fail(f"cannot be dialled: {errno.errorcode[error]}")
            return
        self._devices[sock.fileno()] = Device(sock, self._hellos[number])
        self._poll.register(sock.fileno(), select.EPOLLOUT)

    def _opened(self, fd: int, device: Device) -> None:
        """The socket is connected (or not)."""
        if error := device.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._lost(fd, device, f"does not open: {errno.errorcode[error]}")
            return
        self._poll.modify(fd, select.EPOLLIN)
        if self._websocket:
            device.socket.send(_UPGRADE)
        else:
            device.upgraded = True
            device.socket.send(device.hello)

    def _fail(self, why: str) -> None:
        if not self.failed:
            print(f"a connection to port {self._port} {why}", file=sys.stderr, flush=True)
        self.failed += 1

    def _lost(self, fd: int, device: Device, why: str = "is closed before it is accepted") -> None:
        if not device.opened:
            self._fail(why)
        device.socket.close()
        del self._devices[fd]

    # -- receiving ------------------------------------------------------------------------------------------------

    def turn(self, seconds: float, *, pause: bool = False) -> None:
        """Wait for what comes and take it. `pause`: then let more come."""
        devices = self._devices
        events = self._poll.poll(seconds, 1024)
        for fd, event in events:
            device = devices.get(fd)
            if device is None:
                if self._publisher is not None:
                    self._publisher.turn()
            elif event & select.EPOLLOUT:
                self._opened(fd, device)
            else:
                self._read(fd, device)
        if pause and len(events) < _MANY:
            time.sleep(_PAUSE_SECONDS)

    def _read(self, fd: int, device: Device) -> None:
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
        acks = self._take_frames(device, data) if self._websocket else self._take_one(data) or self._take(device, data)
        if acks:
            os.write(fd, acks)

    def _take_one(self, data: bytes) -> bytes:
        """What nearly every read is: a whole QoS 1 PUBLISH of 128 bytes or more. Empty: it is something else."""
        if data[0] & 0xF6 != 0x32 or len(data) < 131 or (data[1] & 0x7F | data[2] << 7) + 3 != len(data):
            return b""
        place = 5 + (data[3] << 8 | data[4])
        self._arrived(data, place, len(data))
        return b"\x40\x02" + data[place : place + 2]

    def _upgrade(self, device: Device, data: bytes) -> bytes:
        head, end, rest = data.partition(b"\r\n\r\n")
        if not end:
            device.partial = data
            return b""
        if b" 101 " not in head:
            raise SystemExit(f"refused: {head[:100]!r}")
        device.upgraded = True
        device.socket.send(_frame(device.hello))
        return rest

    def _take(self, device: Device, data: bytes) -> bytes:
        """Packets; returns the acknowledgements."""
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
                self._arrived(data, place, start + length)
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

    def _take_frames(self, device: Device, data: bytes) -> bytes:
        """WebSocket frames of a server, each of whole packets."""
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
                acks += self._take(device, data[at + head : at + head + length])
            at += head + length
        if at < end:
            device.partial = data[at:]
        return _frame(acks) if acks else b""

    def _arrived(self, data: bytes, start: int, end: int) -> None:
        self.last = now = time.monotonic()
        if not self.messages:
            self.first = now
        self.messages += 1
        found = data.find(b'"t":"', start, start + _TIME_WITHIN)
        if found >= 0 and found < end:
            self.latencies.append(now - float(data[found + 5 : found + 21]))

    def receive(self, count: int, seconds: float, *, gather: bool) -> dict[str, float]:
        """Take messages until `count` have come or `seconds` are over; returns the figures of what came.

        With `gather`, sockets are looked at once a millisecond at most, so that this process costs the server little.
        """
        deadline = time.monotonic() + seconds
        while self.messages < count and time.monotonic() < deadline:
            self.turn(0.1, pause=gather)
        return self._told()

    def _told(self) -> dict[str, float]:
        ordered = sorted(self.latencies)
        told = {
            "messages": float(self.messages),
            "seconds": self.last - self.first,
            "connected": float(len(self._devices)),
            "p50_ms": 1000 * ordered[len(ordered) // 2] if ordered else 0.0,
            "p99_ms": 1000 * ordered[int(0.99 * len(ordered))] if ordered else 0.0,
        }
        self.messages, self.first, self.last, self.latencies = 0, 0.0, 0.0, []
        return told

    def publish(self, count: int, window: int, payload: bytes) -> dict[str, float]:
        """Publish to each device in turn, at most `window` unacknowledged."""
        topics = [f"d/{number % self.ready}" for number in range(count)]
        self._publish(((topic, payload) for topic in topics), window, count, gather=True)
        return self._told()

    def publish_paced(self, count: int, rate: float, size: int) -> dict[str, float]:
        """Publish to each device in turn, `rate` a second."""
        if self._publisher is None:
            self._publisher = Publisher(self._poll, self._port, self._wording)
        begun, sent = time.monotonic(), 0
        while self.messages < count and time.monotonic() - begun < 60 + count / rate:
            due = min(count, int((time.monotonic() - begun) * rate)) - sent
            if due > 0:
                payloads = (timed_payload(size) for _ in range(due))
                topics = (f"d/{(sent + number) % self.ready}" for number in range(due))
                self._publisher.start(zip(topics, payloads, strict=True), 65_000)
                sent += due
            self.turn(0.002)
        return self._told()

    def publish_all(self, rounds: int, payload: bytes) -> dict[str, float]:
        """Publish to all, so many times."""
        begun = time.monotonic()
        for sent in range(1, rounds + 1):
            self._publish([(ALL, payload)], 1, sent * self.ready, gather=False)
        return self._told() | {"seconds": time.monotonic() - begun}

    def _publish(self, what: Iterable[tuple[str, bytes]], window: int, expected: int, *, gather: bool) -> None:
        begun = time.monotonic()
        if self._publisher is None:
            self._publisher = Publisher(self._poll, self._port, self._wording)
        self._publisher.start(what, window)
        while self.messages < expected and time.monotonic() - begun < 300:
            self.turn(0.1, pause=gather)

    def close(self) -> None:
        """Close all sockets."""
        for device in self._devices.values():
            device.socket.close()
        self._devices.clear()


class Publisher:
    """A backend of a plain broker: QoS 1 PUBLISH, so many on their way at a time."""

    def __init__(self, poll: select.epoll, port: int, wording: Wording) -> None:
        self._wording = wording
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(wording.connect("publisher", "u", "p"))
        if self._socket.recv(1024)[3]:
            raise SystemExit("the publisher was refused")
        self._socket.setblocking(False)
        poll.register(self._socket.fileno(), select.EPOLLIN)
        self._poll = poll
        self._packets: Iterator[bytes] = iter(())
        self._room = 0
        self._unsent = b""
        self._partial = b""

    def start(self, what: Iterable[tuple[str, bytes]], window: int) -> None:
        """Publish these (topic, payload), at most `window` on their way."""
        self._packets = (
            self._wording.publish(topic, payload, number % 65_000 + 1) for number, (topic, payload) in enumerate(what)
        )
        self._room = window
        self.turn()

    def turn(self) -> None:
        """Read acknowledgements, and write as many packets as they make room for."""
        try:
            data = self._partial + self._socket.recv(1 << 16)
        except BlockingIOError:
            data = self._partial
        at = 0
        while len(data) - at >= 2 and len(data) - at >= 2 + data[at + 1]:
            self._room += data[at] == 0x40
            at += 2 + data[at + 1]
        self._partial = data[at:]
        ready = list(itertools.islice(self._packets, self._room))
        self._room -= len(ready)
        self._unsent += b"".join(ready)
        if self._unsent:
            with contextlib.suppress(BlockingIOError):
                self._unsent = self._unsent[self._socket.send(self._unsent) :]
            waits = select.EPOLLIN | (select.EPOLLOUT if self._unsent else 0)
            self._poll.modify(self._socket.fileno(), waits)


def timed_payload(size: int) -> bytes:
    """A payload of `size` bytes that carries the time."""
    return f'{{"t":"{time.monotonic():016.6f}","b":"'.encode().ljust(size - 2, b"x") + b'"}'


def _frame(payload: bytes) -> bytes:
    """A client's binary frame; masked with zeros, which change nothing."""
    if len(payload) < 126:
        return b"\x82" + bytes([0x80 | len(payload)]) + b"\0\0\0\0" + payload
    return b"\x82\xfe" + len(payload).to_bytes(2, "big") + b"\0\0\0\0" + payload


def main() -> None:
    """Serve the commands on standard input until it ends, an answer in JSON a line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--credentials", type=Path, required=True, help="JSON: a list of [client id, user, password]")
    parser.add_argument("--version", type=int, choices=(4, 5), default=4, help="of MQTT; 4 is 3.1.1")
    parser.add_argument("--websocket", action="store_true")
    parser.add_argument("--subscribe", action="store_true", help="to a topic of its own and to one for all")
    parser.add_argument("--address", type=int, default=1, help="number of this client among several")
    parser.add_argument("--payload", type=int, default=250)
    arguments = parser.parse_args()
    credentials = json.loads(arguments.credentials.read_text())
    fleet = Fleet(
        arguments.port,
        credentials,
        Wording(arguments.version),
        websocket=arguments.websocket,
        subscribe=arguments.subscribe,
        address=arguments.address,
    )
    payload = timed_payload(arguments.payload)
    for line in sys.stdin:
        name, *words = line.split()
        if name == "connect":
            answer = fleet.connect(int(words[0]), int(words[1]))
        elif name in ("receive", "gather"):
            answer = fleet.receive(int(words[0]), float(words[1]), gather=name == "gather")
        elif name == "publish":
            answer = fleet.publish(int(words[0]), int(words[1]), payload)
        elif name == "publish-paced":
            answer = fleet.publish_paced(int(words[0]), float(words[1]), arguments.payload)
        elif name == "publish-all":
            answer = fleet.publish_all(int(words[0]), payload)
        else:
            fleet.close()
            answer = {}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
