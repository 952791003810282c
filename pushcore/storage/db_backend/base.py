"""The connection of the database backend."""

from __future__ import annotations

from django.db.backends.postgresql import base

from pushcore.storage import clock


class DatabaseWrapper(base.DatabaseWrapper):
    """A PostgreSQL connection whose plans are not compiled, and which tells the database's time when it is opened."""

    def init_connection_state(self) -> None:
        """Turn JIT compilation off, and read the database's clock.

        Statements here take milliseconds, compiling one takes a hundred. Before version 18 a plan that obeys a planner
        switch (`enable_seqscan = off`) may look expensive enough to be compiled.
        """
        super().init_connection_state()
        with self.cursor() as cursor:
            clock.read(cursor, f"SET jit = off; {clock.READ}")
