"""`make bench-receipts`: how many receipts one sender posts.

Starts PostgreSQL and Valkey in a temporary directory, and a backend process that answers each call after a delay (50 ms
by default) on keep-alive connections. One sender process then leases, signs and posts receipts and writes them back: to
one endpoint, to one while another endpoint with as many receipts hangs, and to eight endpoints.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import multiprocessing
import socket
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psutil

from bench.report import report
from bench.servers import servers, set_up

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def main() -> bool:
    """Measure as the command line says; returns whether every target is met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--receipts", type=int, default=10_000, help="posted in each round (default 10000)")
    parser.add_argument("--milliseconds", type=int, default=50, help="until the backend answers (default 50)")
    arguments = parser.parse_args()
    count = arguments.receipts
    with (
        servers(MPS_RECEIPT_ALLOW_PRIVATE="1"),
        _backend(arguments.milliseconds / 1000) as url,
        _hanging_endpoint() as hanging,
    ):
        set_up()
        measured = {
            "one endpoint": _round([url], [], count),
            "one endpoint, and one that hangs": _round([url], [hanging], count),
            "eight endpoints": _round([f"{url}?of={number}" for number in range(8)], [], count),
        }
    rows = [
        {"what": name, "receipts/s": f"{rate:,.0f}", "sender's CPU, us each": f"{cpu:,.0f}"}
        for name, (rate, cpu) in measured.items()
    ]
    return report("receipts", rows, {name: rate for name, (rate, _) in measured.items()}, {})


def _round(answering: list[str], hanging: list[str], count: int) -> tuple[float, float]:
    """Return the receipts a second that answering endpoints got, and the sender's CPU microseconds for each."""
    from pushcore.models import Receipt

    for url in hanging:
        _workspace_with_receipts(url, count)
    mine = [_workspace_with_receipts(url, count // len(answering)) for url in answering]
    left = Receipt.objects.filter(workspace__in=mine, state=Receipt.State.DUE)
    sender = psutil.Popen([sys.executable, "manage.py", "receipts"])
    try:
        while left.count() == count:
            time.sleep(0.01)
        began, at_first, cpu = time.perf_counter(), left.count(), _cpu(sender)
        while left.exists():
            time.sleep(0.05)
        took, used = time.perf_counter() - began, _cpu(sender) - cpu
    finally:
        sender.terminate()
        sender.wait(30)
    Receipt.objects.all().delete()
    return at_first / took, used / at_first * 1e6


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _workspace_with_receipts(url: str, count: int) -> Any:
    """Create a workspace with this callback URL and `count` receipts due."""
    from django.utils import timezone

    from pushcore.models import App, Receipt, Workspace
    from pushcore.security import keys
    from pushcore.storage import ids

    app, _ = App.objects.get_or_create(app_id="BENCH", defaults={"name": "bench"})
    name = f"w{Workspace.objects.count()}"
    workspace = Workspace.objects.create(app=app, workspace_id=name, callback_enabled=True, callback_url=url)
    keys.callback_key(workspace)
    now = timezone.now() - timedelta(seconds=1)
    body = '{"extInfo":{"adToken":"%s","osType":"android"},"msgId":"order-1","pushSuccess":true}' % ("a" * 64)
    Receipt.objects.bulk_create(
        (
            Receipt(workspace=workspace, message_id=number, target="t", body=body, created_at=now, next_attempt_at=now)
            for number in ids.new_ids(count)
        ),
        batch_size=1000,
    )
    return workspace


class _Backend(asyncio.Protocol):
    """Answers each request of a connection after `seconds`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        # A receipt comes in one piece, or its body in a second one without a head.
        if b"\r\n\r\n" in data:
            asyncio.get_running_loop().call_later(self._seconds, self._transport.write, _ANSWER)


def _serve(seconds: float, listening: socket.socket) -> None:
    import uvloop

    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(lambda: _Backend(seconds), sock=listening)
        await server.serve_forever()

    uvloop.run(run())


@contextlib.contextmanager
def _backend(seconds: float) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listening:
        process = multiprocessing.get_context("fork").Process(target=_serve, args=(seconds, listening), daemon=True)
        process.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/receipts"
        process.terminate()
        process.join()


@contextlib.contextmanager
def _hanging_endpoint() -> Iterator[str]:
    """Accept connections and never answer."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/receipts"


if __name__ == "__main__":
    raise SystemExit(0 if main() else 1)
