"""Periodic work of the console."""

from __future__ import annotations

from celery import shared_task

from console.access import audit
from console.access.sessions import SessionStore
from console.models import Draft
from pushcore.storage.deletion import delete_in_steps
from pushcore.storage.one_at_a_time import one_at_a_time


@shared_task(name="console.purge")
@one_at_a_time
def purge() -> None:
    """Delete audit entries and drafts that are older than they are kept, and expired sessions."""
    audit.purge()
    delete_in_steps(Draft.expired())
    SessionStore.clear_expired()
