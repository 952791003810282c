"""The console's sessions: Django's own in the database, but for one word about a connection that was lost."""

from __future__ import annotations

from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore

from pushcore.storage.outages import is_connection_lost


class SessionStore(DatabaseStore):
    """Django says of whatever fails while a session is saved that the session was deleted, and answers 400."""

    def save(self, must_create: bool = False) -> None:
        """Save; a lost connection is raised as itself, so that it is answered as an outage."""
        try:
            super().save(must_create)
        except UpdateError as error:
            lost = error.__context__
            if lost is not None and is_connection_lost(lost):
                raise lost from None
            raise
