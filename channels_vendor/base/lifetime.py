"""How long a message may still be delivered."""

from __future__ import annotations

from datetime import datetime

from pushcore.storage import clock


def seconds_left(expire_at: datetime) -> int:
    """Return the whole seconds until then, 0 where it is past."""
    return max(0, int((expire_at - clock.now()).total_seconds()))
