"""The preloader: a process that has loaded all modules, and forks the service's programs on request.

A program forked from it neither loads nor compiles anything, and shares the memory of what was loaded with the others.
The launcher starts it (`python -m mps_project.launcher.preloader`) and becomes the parent of what it forks, so that it
learns of their end, also where the preloader itself has ended.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from importlib import import_module

import setproctitle

from mps_project.garbage_collection import paused_while_loading
from mps_project.launcher import processes

LONGEST_REQUEST = 65536
_REPARENTING_POLL_SECONDS = 0.001
# What the programs import when they start; Celery's own modules and URLs come on top.
_MODULES = (
    "celery.bin.celery",
    "celery.concurrency.prefork",
    "celery.concurrency.thread",
    "channels_vendor.management.commands.demo_vendors",
    "channels_vendor.management.commands.vendor_worker",
    "gateway.management.commands.gateway",
    "gateway.management.commands.sink",
    "mps_project.asgi",
    "mps_project.launcher.prepare",
    "pushcore.management.commands.beat",
    "pushcore.management.commands.file_worker",
    "pushcore.management.commands.receipts",
    "pushcore.management.commands.worker",
)


def main() -> int:
    """Serve the launcher on the socket whose descriptor is the argument; in a forked process, run its program."""
    launcher = os.getppid()
    connection = socket.socket(fileno=int(sys.argv[1]))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mps_project.settings")
    with paused_while_loading():
        _load()
    setproctitle.setproctitle("mps: preloader")
    arguments = _serve(connection, launcher)
    if arguments is None:
        return 0
    sys.argv = ["mps", *arguments]
    setproctitle.setproctitle(f"mps: {arguments[0]}")
    return int(import_module("mps_project.__main__").main())


def _load() -> None:
    from mps_project.celery import app
    from mps_project.web import worker

    worker.load()
    for module in _MODULES:
        import_module(module)
    app.loader.import_default_modules()
    app.finalize()


def _serve(connection: socket.socket, launcher: int) -> list[str] | None:
    """Fork a program for each request: its arguments, with the descriptors of its standard output and error.

    Returns:
        In a forked process its arguments; None once the launcher is gone.
    """
    while True:
        request, descriptors, _, _ = socket.recv_fds(connection, LONGEST_REQUEST, 2)
        if not request:
            return None
        pid = _fork_for(launcher)
        if pid is None:
            connection.close()
            for number, descriptor in enumerate(descriptors, start=1):
                os.dup2(descriptor, number)
        for descriptor in descriptors:
            os.close(descriptor)
        if pid is None:
            arguments: list[str] = json.loads(request)
            return arguments
        try:
            connection.send(str(pid).encode())
        except OSError:  # the launcher has ended, or waits no more and will ask again
            os.kill(pid, signal.SIGKILL)


def _fork_for(launcher: int) -> int | None:
    """Fork a process whose parent is the launcher; returns its id, None in that process.

    It is the child of a child that ends at once: the launcher adopts orphans.
    """
    reading, writing = os.pipe()
    between = os.fork()
    if not between:
        pid = os.fork()
        if pid:
            os.write(writing, str(pid).encode())
            os._exit(0)
        os.close(reading)
        os.close(writing)
        while os.getppid() not in (launcher, 1):
            time.sleep(_REPARENTING_POLL_SECONDS)
        os.setsid()
        processes.follow(signal.SIGKILL, launcher)
        return None
    os.close(writing)
    with os.fdopen(reading) as answer:
        pid = int(answer.read())
    os.waitpid(between, 0)
    return pid


if __name__ == "__main__":
    sys.exit(main())
