"""The backend's connection."""

from __future__ import annotations

import select

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """Before a request uses a kept connection, Django asks whether it still works; every request would pay a query."""

    def is_usable(self) -> bool:
        """A connection that works is silent while nothing is asked; one that the server closed has something to read.
        Only then is it asked the way Django asks it."""
        if self.connection is None or self.connection.closed:
            return False
        poll = select.poll()
        poll.register(self.connection.fileno(), select.POLLIN)
        return not poll.poll(0) or super().is_usable()
