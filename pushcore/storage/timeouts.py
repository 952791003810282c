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
    """Run statements in a transaction in which each may take so long at most.

    Args:
        milliseconds: The time for each statement.

    Raises:
        StatementTimeoutError: A statement took longer.
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = %s", [milliseconds])
            yield
    except OperationalError as error:
        if not isinstance(error.__cause__, QueryCanceled):
            raise
        raise StatementTimeoutError(f"a statement took longer than {milliseconds} ms") from error


def is_lock_timeout(error: BaseException) -> bool:
    """Tell whether a statement failed because it waited for a lock longer than `lock_timeout`."""
    return isinstance(error, OperationalError) and isinstance(error.__cause__, LockNotAvailable)
