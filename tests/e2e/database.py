"""Read the started service's database from outside."""

from __future__ import annotations

import time
from typing import Any

import psycopg2

from tests.support.stack import Stack


class Database:
    """A connection in autocommit mode, opened anew if the server was restarted."""

    def __init__(self, stack: Stack) -> None:
        self._url = stack.env()["DATABASE_URL"]
        self._connect()

    def _connect(self) -> None:
        self._connection = psycopg2.connect(self._url)
        self._connection.autocommit = True

    def query(self, sql: str, *params: object) -> list[tuple[Any, ...]]:
        try:
            return self._query(sql, params)
        except psycopg2.OperationalError:
            self._connect()
            return self._query(sql, params)

    def _query(self, sql: str, params: tuple[object, ...]) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(sql, params)
            return cursor.fetchall()

    def statuses(self, task_id: str) -> list[int]:
        rows = self.query("SELECT status FROM pushcore_message WHERE task_id = %s ORDER BY id", task_id)
        return [row[0] for row in rows]

    def wait_for_status(self, task_id: str, status: int, seconds: float = 30) -> bool:
        """Wait until all of the task's messages have a status; returns whether they did in time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if set(self.statuses(task_id)) == {status}:
                return True
            time.sleep(0.05)
        return False

    def wait_for_success(self, task_id: str, seconds: float = 30) -> bool:
        """Wait until a device's acknowledgement was counted; returns whether it was in time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.query("SELECT success_count FROM pushcore_pushtask WHERE id = %s", task_id)[0][0]:
                return True
            time.sleep(0.05)
        return False

    def close(self) -> None:
        self._connection.close()
