"""Periodic work of the console."""

from __future__ import annotations

from celery import shared_task

from console import audit


@shared_task(name="console.purge")
def purge() -> None:
    audit.purge()
