"""`make bench-websocket_servers`: the cost of WebSockets under each of uvicorn's implementations.

The application accepts, then answers each frame with a message of 250 bytes, as an acknowledgement is followed by the
next message. permessage-deflate is off; uvloop runs one process on a core of its own. `wsproto` is measured if it is
installed.
"""

from __future__ import annotations

import argparse
import base64
import multiprocessing
import os
import socket
import statistics
import sys
import time
from importlib.util import find_spec
from typing import Any

import psutil
import uvicorn

from bench.report import report
from mps_project.launcher import engines

IMPLEMENTATIONS = {"websockets": "websockets", "websockets-sansio": "websockets", "wsproto": "wsproto"}


ROUNDS = 10
MESSAGE = bytes(250)
# A client's binary frame of four bytes (an acknowledgement), masked with zeros; the size of the answer's frame.
_FRAME = b"\x82\x84\0\0\0\0\x40\x02\0\1"
_ANSWER_BYTES = 4 + len(MESSAGE)


async def application(_scope: Any, receive: Any, send: Any) -> None:
    """Answer each message with `MESSAGE`."""
    await receive()
    await send({"type": "websocket.accept"})
    while (await receive())["type"] != "websocket.disconnect":
        await send({"type": "websocket.send", "bytes": MESSAGE})


def run(implementation: str, connections: int) -> tuple[float, float, float]:
    """Return KiB a connection, connections a second, and the server's CPU microseconds for a frame and its answer."""
    port = engines.free_port()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(port, implementation), daemon=True)
    process.start()
    opened: list[socket.socket] = []
    try:
        _wait(port)
        server = psutil.Process(process.pid)
        before, begun = server.memory_info().rss, time.monotonic()
        opened = [_open(port) for _ in range(connections)]
        seconds = time.monotonic() - begun
        time.sleep(1)
        memory = (server.memory_info().rss - before) / 1024 / connections
        used = sum(server.cpu_times()[:2])
        for _ in range(ROUNDS):
            _exchange(opened)
        used = sum(server.cpu_times()[:2]) - used
        return memory, connections / seconds, 1e6 * used / (ROUNDS * connections)
    finally:
        for sock in opened:
            sock.close()
        process.kill()
        process.join()


def _serve(port: int, implementation: str) -> None:
    os.sched_setaffinity(0, (0,))
    uvicorn.run(
        application, port=port, ws=implementation, ws_per_message_deflate=False, ws_ping_interval=None, http="h11",
        loop="uvloop", lifespan="off", access_log=False, log_level="error", backlog=4096,
    )  # fmt: skip


def _wait(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            time.sleep(0.5)
            return
    sys.exit("the server did not start")


def _open(port: int) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port), timeout=10)
    key = base64.b64encode(os.urandom(16)).decode()
    sock.sendall(
        f"GET /gateway/mqtt HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    answer = sock.recv(4096)
    if b" 101 " not in answer:
        sys.exit(f"no upgrade: {answer[:100]!r}")
    return sock


def _exchange(opened: list[socket.socket]) -> None:
    """Send a frame on each connection, and read the answers."""
    for sock in opened:
        sock.sendall(_FRAME)
    for sock in opened:
        left = _ANSWER_BYTES
        while left:
            if not (data := sock.recv(left)):
                sys.exit("the server closed a connection")
            left -= len(data)


def main() -> bool:
    """Measure as the command line says; returns whether every target is met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=3000)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    rows: list[dict[str, str]] = []
    figures: dict[str, float] = {}
    for name, package in IMPLEMENTATIONS.items():
        if find_spec(package) is None:
            continue
        runs = [run(name, arguments.connections) for _ in range(arguments.runs)]
        memory, rate, used = (statistics.median(column) for column in zip(*runs, strict=True))
        rows.append(
            {
                "implementation": name,
                "KiB a connection": f"{memory:.1f}",
                "connects/s": f"{rate:,.0f}",
                "CPU, us a message": f"{used:.1f}",
            }
        )
        figures |= {f"{name}_kib": memory, f"{name}_us": used}
    return report("WebSockets under uvicorn", rows, figures, {})


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
