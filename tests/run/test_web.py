"""Connections are kept alive: each web process takes a part of them, and one that is killed comes back."""

from __future__ import annotations

import http.client
import os
import signal
import time
from contextlib import ExitStack, closing
from urllib.parse import urlsplit

import psutil
import pytest

from tests.support.stack import Stack

pytestmark = pytest.mark.xdist_group("stack")

CONNECTIONS = 40


def _workers(stack: Stack) -> list[psutil.Process]:
    return psutil.Process(stack.pids["web"]).children()


def _held(worker: psutil.Process, theirs: set[int]) -> int:
    """Connections the process holds to these ports of ours; others come and go meanwhile."""
    return sum(bool(c.raddr) and c.raddr.port in theirs for c in worker.net_connections("tcp"))


def _spread(stack: Stack) -> list[int]:
    """How many of new connections each process takes, the one with the fewest first."""
    port = urlsplit(stack.url).port
    assert port is not None
    with ExitStack() as opened:
        ours = set()
        for _ in range(CONNECTIONS):
            connection = opened.enter_context(closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)))
            connection.request("GET", "/healthz")
            assert connection.getresponse().read() == b"ok\n"
            ours.add(connection.sock.getsockname()[1])
        return sorted(_held(worker, ours) for worker in _workers(stack))


def test_each_web_process_takes_its_part_of_the_connections(stack: Stack) -> None:
    taken = _spread(stack)
    assert len(taken) == 2
    assert sum(taken) == CONNECTIONS
    assert taken[0] >= CONNECTIONS // 8


def test_a_killed_web_process_leaves_its_part_to_the_others_until_it_is_back(stack: Stack) -> None:
    worker = _workers(stack)[0]
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait(10)
    deadline = time.monotonic() + 60
    # Every connection of every try is answered, whoever takes it.
    while (taken := _spread(stack)) and (len(taken) < 2 or taken[0] < CONNECTIONS // 8) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert taken[0] >= CONNECTIONS // 8
