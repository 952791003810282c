"""Celery tasks: thin, each safe to run twice and at the same time as itself."""

from __future__ import annotations

import structlog
from celery import shared_task

from pushcore import broadcasts, device_removal, partitions, receipts, retention, revocation, sweeper
from pushcore.file_push import load, upload
from pushcore.schedules import firing

log = structlog.get_logger(__name__)


@shared_task(name="pushcore.sweep")
def sweep() -> None:
    sweeper.sweep()


@shared_task(name="pushcore.send_due_receipts")
def send_due_receipts() -> None:
    receipts.send_due()


@shared_task(name="pushcore.fire_schedules")
def fire_schedules() -> None:
    sent = firing.fire_due()
    if sent:
        log.info("scheduled pushes sent", pushes=sent)


@shared_task(name="pushcore.work_off_revocations")
def work_off_revocations() -> None:
    revocation.work_off_all()


@shared_task(name="pushcore.walk_broadcasts")
def walk_broadcasts() -> None:
    made = broadcasts.walk_all()
    if made:
        log.info("broadcasts walked", messages=made)


@shared_task(name="pushcore.load_files")
def load_files() -> None:
    load.load_all()


@shared_task(name="pushcore.maintain_partitions")
def maintain_partitions() -> None:
    created, dropped = partitions.ensure(), partitions.drop_expired()
    if created or dropped:
        log.info("partitions", created=created, dropped=dropped)


@shared_task(name="pushcore.purge")
def purge() -> None:
    deleted = retention.purge() + upload.discard_abandoned()
    if deleted:
        log.info("purged", rows=deleted)


@shared_task(name="pushcore.purge_devices")
def purge_devices() -> None:
    removed = device_removal.remove_unseen()
    if removed:
        log.info("unseen devices removed", devices=removed)
