"""The command line of Celery's workers: what all of them have in common."""

from __future__ import annotations

from collections.abc import Sequence


def worker_arguments(name: str, queues: Sequence[str], *, pool: str, concurrency: int) -> list[str]:
    """Return Celery's arguments for a worker.

    Args:
        name: Of the worker on this host; names of workers differ.
        queues: Whose tasks it takes.
        pool: What works: "threads", or "prefork" for processes.
        concurrency: How many of these there are.
    """
    return [
        *("-q", "worker", "-n", f"{name}@%h", "-Q", ",".join(queues), "-P", pool, "-c", str(concurrency)),
        *("-l", "WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat"),
    ]
