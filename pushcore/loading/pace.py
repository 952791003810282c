"""The pace of a load: so many messages a second at most, or its targets spread evenly over a period; or a callback's.

A block of so many messages, or targets, uses up so many seconds of the load's time; `TaskLoad.not_before` is when they
are over. It is committed with the block and survives the worker. Until then the load has no loader, and keeps no other
waiting.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from pushcore.loading.source import Block
from pushcore.models import TaskLoad

# Loads are looked for once a second: what one lost by waiting for that, up to so much, it makes good.
MAX_CREDIT = timedelta(seconds=2)
# What a block of a paced load uses up at most.
BLOCK_SECONDS = 1


def is_paced(load: TaskLoad) -> bool:
    """Tell whether a load has a pace: its blocks are made one after the other."""
    return _rate(load) is not None or bool(load.pace_url)


def allows_more(load: TaskLoad, now: datetime) -> bool:
    """Tell whether the next block may be made now."""
    return (load.not_before is None or load.not_before <= now) and (not load.pace_url or load.granted > 0)


def _rate(load: TaskLoad) -> float | None:
    """Return how many messages a second a load makes, or for how many targets a second; None where there is no pace."""
    if load.over_seconds:
        return max(load.targets, 1) / load.over_seconds
    return load.messages_per_second


def block_size(load: TaskLoad) -> int | None:
    """Return how many messages a block of a paced load has, or how many targets; None where there is no pace."""
    rate = _rate(load)
    sizes = [] if rate is None else [max(1, int(rate * BLOCK_SECONDS))]
    if load.pace_url:
        sizes.append(max(1, load.granted))
    return min(sizes, default=None)


def spend(load: TaskLoad, block: Block, now: datetime) -> None:
    """Note in a block's transaction that its messages are made."""
    if not is_paced(load):
        return
    messages = len(block.messages)
    if rate := _rate(load):
        begun = max(load.not_before or now, now - MAX_CREDIT)
        made = block.targets if load.over_seconds else messages
        load.not_before = begun + timedelta(seconds=made / rate)
    load.granted = max(0, load.granted - messages)
    type(load)._default_manager.filter(pk=load.pk).update(not_before=load.not_before, granted=load.granted)


def seconds_for(messages: int | None, *, messages_per_second: int | None, over_seconds: int | None) -> int | None:
    """Return how long messages take at a pace, rounded up; None without a pace, or where their number is not known."""
    if messages is None:
        return None
    if over_seconds:
        return over_seconds
    return -(-messages // messages_per_second) if messages_per_second else None
