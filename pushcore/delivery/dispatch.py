"""Give messages to lanes: the last step of every way from a committed row to a device.

A row at status 0 is the only queue. Giving it to a lane is an attempt: whatever is lost on the way leaves the row at 0,
and the device's next connect or the sweeper tries again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import structlog
from prometheus_client import Counter

from pushcore.delivery import deliverable
from pushcore.ports import Lane, OutgoingMessage, lanes
from pushcore.storage.outages import DatabaseFault

log = structlog.get_logger(__name__)

DISPATCHED = Counter("mps_handed_over_total", "Messages that a lane took.", ["lane"])
DISPATCH_FAILED = Counter(
    "mps_hand_over_failed_total", "Messages that a lane failed to take; the sweeper dispatches them again.", ["lane"]
)


def to_lanes(batch: Iterable[OutgoingMessage]) -> bool:
    """Give each message that may be delivered now to the first lane that claims it.

    Never raises: the rows are committed, and a request that was accepted stays accepted though a lane is away.

    Returns:
        Whether every lane took its part.
    """
    taken = True
    left = deliverable.allowed(batch)
    for lane in lanes():
        # Messages of a lane that cannot tell which it claims are not another's.
        part, left = left, []
        try:
            part, left = _split(lane, part)
            if part:
                lane.send(part)
        except Exception:  # a lane's fault, whatever it is, must not undo an accepted push
            log.exception("dispatch failed", lane=lane.name, messages=len(part))
            DISPATCH_FAILED.labels(lane.name).inc(len(part))
            taken = False
        else:
            DISPATCHED.labels(lane.name).inc(len(part))
    return taken


def first_attempt(batch: Sequence[OutgoingMessage], *, has_category: bool) -> None:
    """Give messages just committed to lanes. Never raises, as `to_lanes`.

    Args:
        batch: The messages.
        has_category: Whether their pushes have message categories, whose rules ask for devices, or have ended some
            messages already: they are read by their ids, and the rules are in that statement.
    """
    if not has_category:
        to_lanes(batch)
        return
    try:
        messages = deliverable.by_id([message.message_id for message in batch]) if batch else []
    except DatabaseFault:
        log.exception("messages could not be read for their first attempt", messages=len(batch))
        return
    to_lanes(messages)


def _split(lane: Lane, messages: Iterable[OutgoingMessage]) -> tuple[list[OutgoingMessage], list[OutgoingMessage]]:
    """Return the messages that the lane claims, and the others."""
    claimed: list[OutgoingMessage] = []
    others: list[OutgoingMessage] = []
    for message in messages:
        (claimed if lane.claims(message) else others).append(message)
    return claimed, others
