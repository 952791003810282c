"""Bound how long statements take and locks are waited for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connection, transaction  # noqa: TID251 - the causes told apart here
from psycopg2.errors import LockNotAvailable, QueryCanceled


class StatementTimeoutError(Exception):
    """A statement took longer than `statement_timeout` allowed; its transaction was rolled back."""


@contextmanager
def statement_timeout(milliseconds: int) -> Iterator[None]:
    """Run statements in a transaction in which each may take so long at most; within another limit, that holds again.

    Args:
        milliseconds: The time for each statement.

    Raises:
        StatementTimeoutError: A statement took longer.
    """
    nested = connection.in_atomic_block
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT current_setting('statement_timeout'), set_config('statement_timeout', %s, true)",
                [str(milliseconds)],
            )
            before = cursor.fetchone()[0]
            yield
            # What is set in a savepoint outlives it, but not a transaction.
            if nested:
                cursor.execute("SELECT set_config('statement_timeout', %s, true)", [before])
    except OperationalError as error:
        if not isinstance(error.__cause__, QueryCanceled):
            raise
        raise StatementTimeoutError(f"a statement took longer than {milliseconds} ms") from error


def is_lock_timeout(error: BaseException) -> bool:
    """Tell whether a statement failed because it waited for a lock longer than `lock_timeout`."""
    return isinstance(error, OperationalError) and isinstance(error.__cause__, LockNotAvailable)
