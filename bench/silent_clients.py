"""`make bench-silent_clients`: how clients that never finish their requests affect pushes.

Starts the whole service in a temporary directory, and sends signed PushSimple calls at a steady rate, alternately alone
and beside 500 sockets to all APIs. Half of these send a head and nothing else, half send a byte of their body every two
seconds. A socket that the service closes is replaced at once.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import selectors
import socket
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

from bench.report import percentile, report
from bench.signed_push import Signer
from tests.support.stack import Stack

PUSHES_PER_SECOND = 50
DRIP_SECONDS = 2.0
PATHS = ("/", "/device/v1/register", "/api/v1/push/simple?sign=x&signType=RSA", "/console/login/")


class SilentClients:
    """Sockets with unfinished requests, from several addresses of this machine; a thread replaces closed ones."""

    def __init__(self, address: tuple[str, int], count: int) -> None:
        self._address, self._count = address, count
        self._stop = threading.Event()
        self.closed = 0
        self._thread = threading.Thread(target=self._keep)

    def __enter__(self) -> SilentClients:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _open(self, number: int) -> socket.socket:
        opened = socket.create_connection(self._address, source_address=(f"127.0.0.{2 + number % 20}", 0))
        opened.sendall(
            f"POST {PATHS[number % len(PATHS)]} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n".encode()
        )
        opened.setblocking(False)
        return opened

    def _keep(self) -> None:
        with selectors.DefaultSelector() as selector:
            for number in range(self._count):
                selector.register(self._open(number), selectors.EVENT_READ, number)
            drip_at = time.monotonic() + DRIP_SECONDS
            while not self._stop.is_set():
                for key, _ in selector.select(0.1):
                    self._read(selector, key)
                if time.monotonic() > drip_at:
                    drip_at += DRIP_SECONDS
                    self._drip(selector)
            for key in list(selector.get_map().values()):
                key.fileobj.close()  # type: ignore[union-attr]

    def _read(self, selector: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
        opened = key.fileobj
        assert isinstance(opened, socket.socket)
        try:
            if opened.recv(65536):
                return
        except OSError:
            pass  # a reset counts as closed
        selector.unregister(opened)
        opened.close()
        self.closed += 1
        selector.register(self._open(key.data), selectors.EVENT_READ, key.data)

    def _drip(self, selector: selectors.BaseSelector) -> None:
        for key in list(selector.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            if key.data % 2:
                try:
                    key.fileobj.send(b"x")
                except OSError:
                    continue  # `_read` will find it closed


def _pushes(address: tuple[str, int], signer: Signer, seconds: float) -> list[float]:
    """Return the milliseconds of each push since it was due, over four connections at a steady rate."""
    host, times = f"{address[0]}:{address[1]}", list[float]()
    lock, numbers = threading.Lock(), iter(range(int(PUSHES_PER_SECOND * seconds)))
    begun = time.perf_counter()

    def work() -> None:
        connection = http.client.HTTPConnection(host, timeout=30)
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                break
            due = begun + number / PUSHES_PER_SECOND
            request = signer.push(1)
            time.sleep(max(0.0, due - time.perf_counter()))
            headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
            connection.request("POST", f"/?{request.query}", request.body, headers)
            answer = connection.getresponse().read()
            if b'"Success": true' not in answer:
                sys.exit(f"a push was refused: {answer!r}")
            times.append((time.perf_counter() - due) * 1000)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times


def measure(rounds: int, seconds: float, sockets: int) -> bool:
    """Run the benchmark; returns whether the goal was reached."""
    alone: list[list[float]] = []
    beside: list[list[float]] = []
    closed = 0
    with (
        tempfile.TemporaryDirectory(prefix="mps-bench-") as directory,
        Stack(Path(directory) / "var", MPS_LOG_LEVEL="ERROR", MPS_API_RATE_PER_SECOND="1000000") as stack,
    ):
        split = urlsplit(stack.url)
        address = (str(split.hostname), int(split.port or 0))
        signer = Signer(stack.demo, [hashlib.sha256(b"nobody").hexdigest()])
        _pushes(address, signer, 3.0)
        for _ in range(rounds):
            alone.append(_pushes(address, signer, seconds))
            with SilentClients(address, sockets) as silent:
                time.sleep(1.0)
                beside.append(_pushes(address, signer, seconds))
            closed += silent.closed
    return _report(alone, beside, closed, sockets)


def _report(alone: list[list[float]], beside: list[list[float]], closed: int, sockets: int) -> bool:
    rows: list[dict[str, object]] = []
    figures: dict[str, float] = {"closed": closed}
    for name, rounds in (("alone", alone), ("beside", beside)):
        p50, p99 = (statistics.median(percentile(times, share) for times in rounds) for share in (0.5, 0.99))
        rows.append(
            {
                "pushes": f"{name} ({sockets} sockets)" if name == "beside" else name,
                "p50 ms": f"{p50:.1f}",
                "p99 ms": f"{p99:.1f}",
                "p99 of each round": " ".join(f"{percentile(t, 0.99):.0f}" for t in rounds),
            }
        )
        figures |= {f"{name}_p50_ms": round(p50, 2), f"{name}_p99_ms": round(p99, 2)}
    figures["p99_ratio"] = round(figures["beside_p99_ms"] / figures["alone_p99_ms"], 2)
    return report("silent clients", rows, figures, {"p99_ratio": 2.0})


def main() -> None:
    """Measure as the command line says; exits with 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="of each kind")
    parser.add_argument("--seconds", type=float, default=15.0, help="of a round")
    parser.add_argument("--sockets", type=int, default=500)
    options = parser.parse_args()
    sys.exit(0 if measure(options.rounds, options.seconds, options.sockets) else 1)


if __name__ == "__main__":
    main()
