"""Celery tasks: thin, each safe to run twice and at the same time as itself.

In one worker each takes one thread at most, however long it takes (`one_at_a_time`): the clock, which fires schedules
each second, waits for none of them. What takes processor time for long has a queue of its own (`files`).
"""

from __future__ import annotations

import structlog
from celery import shared_task

from pushcore import retention
from pushcore.broadcast import vendor_walk
from pushcore.categories import consent, quiet_hours
from pushcore.delivery import expiry, sweeper
from pushcore.devices import removal
from pushcore.file_push import upload
from pushcore.loading import load, pace_callback
from pushcore.privacy import erasure
from pushcore.revocation import task_rows
from pushcore.schedules import firing
from pushcore.storage import partitions
from pushcore.storage.one_at_a_time import one_at_a_time

log = structlog.get_logger(__name__)


@shared_task(name="pushcore.sweep")
@one_at_a_time
def sweep() -> None:
    """Dispatch again what was committed and lost on its way."""
    sweeper.sweep()


@shared_task(name="pushcore.fire_schedules")
@one_at_a_time
def fire_schedules() -> None:
    """Send the scheduled pushes that are due."""
    sent = firing.fire_due()
    if sent:
        log.info("scheduled pushes sent", pushes=sent)


@shared_task(name="pushcore.expire")
@one_at_a_time
def expire() -> None:
    """Expire messages that were not delivered while they were valid."""
    expiry.expire_due()


@shared_task(name="pushcore.end_refused")
@one_at_a_time
def end_refused() -> None:
    """End marketing messages that wait for devices which refused them."""
    ended = consent.end_all()
    if ended:
        log.info("marketing messages ended: no consent", messages=ended)


@shared_task(name="pushcore.offer_after_quiet_hours")
@one_at_a_time
def offer_after_quiet_hours() -> None:
    """Offer messages again that waited for the end of quiet hours."""
    offered = quiet_hours.offer_again()
    if offered:
        log.info("messages offered after quiet hours", messages=offered)


@shared_task(name="pushcore.work_off_revocations")
@one_at_a_time
def work_off_revocations() -> None:
    """Go on with revocations that are not finished."""
    task_rows.work_off_all()


@shared_task(name="pushcore.erase_users")
@one_at_a_time
def erase_users() -> None:
    """Go on with the erasures of users that are not finished."""
    erasure.work_off_all()


@shared_task(name="pushcore.walk_broadcasts")
@one_at_a_time
def walk_broadcasts() -> None:
    """Make messages of broadcasts for devices behind vendors."""
    messages = vendor_walk.walk_all()
    if messages:
        log.info("broadcast messages created for vendors", messages=messages)


@shared_task(name="pushcore.load_messages")
@one_at_a_time
def load_messages() -> None:
    """Make the messages of tasks that wait for them, such as those of files."""
    load.load_all()


@shared_task(name="pushcore.ask_pace_callbacks")
@one_at_a_time
def ask_pace_callbacks() -> None:
    """Ask the callbacks of pushes whether these may go on."""
    pace_callback.ask_due()


@shared_task(name="pushcore.maintain_partitions")
@one_at_a_time
def maintain_partitions() -> None:
    """Create the partitions of days to come, and drop those whose time is over."""
    created, dropped = partitions.ensure(), partitions.drop_expired()
    if created or dropped:
        log.info("partitions maintained", created=created, dropped=dropped)


@shared_task(name="pushcore.purge")
@one_at_a_time
def purge() -> None:
    """Delete old rows of tables that are not partitioned, and files that nothing was pushed with."""
    deleted = retention.purge() + upload.discard_abandoned()
    if deleted:
        log.info("old rows purged", rows=deleted)


@shared_task(name="pushcore.purge_devices")
@one_at_a_time
def purge_devices() -> None:
    """Remove devices that were not seen for long."""
    removed = removal.remove_unseen()
    if removed:
        log.info("unseen devices removed", devices=removed)
