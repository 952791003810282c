"""The connection of the database backend."""

from __future__ import annotations

import select

from django.db.backends.postgresql import base

from pushcore.storage import clock


class DatabaseWrapper(base.DatabaseWrapper):
    """A PostgreSQL connection whose health check costs no query and whose plans are not compiled."""

    def init_connection_state(self) -> None:
        """Turn JIT compilation off, and read the database's clock.

        Statements here take milliseconds, compiling one takes a hundred. Before version 18 a plan that obeys a planner
        switch (`enable_seqscan = off`) may look expensive enough to be compiled.
        """
        super().init_connection_state()
        with self.cursor() as cursor:
            clock.read(cursor, f"SET jit = off; {clock.READ}")

    def is_usable(self) -> bool:
        """Tell whether a kept connection still works. Django asks before each request, with a query.

        An idle connection that works has nothing to read; one that the server closed has. Only in the latter case does
        this method fall back to Django's query.
        """
        if self.connection is None or self.connection.closed:
            return False
        poll = select.poll()
        poll.register(self.connection.fileno(), select.POLLIN)
        return not poll.poll(0) or super().is_usable()
