"""Threads for database work, so that the event loop never waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import DEFAULT_DB_ALIAS, close_old_connections, connections
from django.db.backends.base.base import BaseDatabaseWrapper

T = TypeVar("T")


class DatabaseThreads:
    """A pool of threads, each with its own database connection. Work waits in order."""

    def __init__(self, name: str, threads: int) -> None:
        self._databases: list[BaseDatabaseWrapper] = []
        self._pool = ThreadPoolExecutor(
            threads,
            thread_name_prefix=name,
            initializer=lambda: self._databases.append(connections[DEFAULT_DB_ALIAS]),
        )

    async def run(self, work: Callable[..., T], *arguments: object) -> T:
        """Run work in a thread and return its result; broken connections are replaced."""

        def run() -> T:
            close_old_connections()
            try:
                return work(*arguments)
            finally:
                close_old_connections()

        return await asyncio.get_running_loop().run_in_executor(self._pool, run)

    def end(self) -> None:
        """Wait for running work and close the connections. Must be called in a thread without an event loop."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        for database in self._databases:
            database.inc_thread_sharing()
            database.close()
