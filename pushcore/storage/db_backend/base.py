"""The backend's connection."""

from __future__ import annotations

import select

from django.db.backends.postgresql import base

from pushcore.storage import clock


class DatabaseWrapper(base.DatabaseWrapper):
    """PostgreSQL, asked less often whether a connection still works, and told not to compile its plans."""

    def init_connection_state(self) -> None:
        """Turn jit off, and read the database's clock.

        Statements here take milliseconds, and compiling one takes a hundred. In versions before 18 a plan that keeps to
        a switch (`enable_seqscan = off`) may look expensive enough for it.
        """
        super().init_connection_state()
        with self.cursor() as cursor:
            clock.read(cursor, f"SET jit = off; {clock.READ}")

    def is_usable(self) -> bool:
        """Tell whether a kept connection still works, which Django asks before each request that uses it, by a query.

        A connection that works is silent while nothing is asked; one that the server closed has something to read.
        Only then is it asked the way Django asks it.
        """
        if self.connection is None or self.connection.closed:
            return False
        poll = select.poll()
        poll.register(self.connection.fileno(), select.POLLIN)
        return not poll.poll(0) or super().is_usable()
