"""Celery tasks of SMS."""

from __future__ import annotations

from celery import shared_task

from pushcore.storage.one_at_a_time import one_at_a_time
from sms.dispatch import sender


@shared_task(name="sms.send_due")
@one_at_a_time
def send_due() -> None:
    """Send the SMS that are due."""
    sender.send_due()
