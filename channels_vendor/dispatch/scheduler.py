"""Whose messages a process sends: each account by one thread at a time, of a vendor a few accounts at once.

A vendor that hangs holds no more threads than that. Who comes while there is no room is remembered, and has its turn
when there is: a word that new messages wait is never lost in a thread that has just looked.
"""

from __future__ import annotations

import threading
from collections import defaultdict

from pushcore.channels import Channel


class AccountScheduler:
    """`per_vendor`: accounts at once. Remembers at most each account once."""

    def __init__(self, per_vendor: int) -> None:
        self._per_vendor = per_vendor
        self._lock = threading.Lock()
        self._sending: dict[Channel, set[int]] = defaultdict(set)
        self._waiting: dict[Channel, dict[int, None]] = defaultdict(dict)

    def take(self, workspace_id: int, channel: Channel) -> bool:
        """Whether the account may be sent now; where not, it waits for its turn."""
        with self._lock:
            if workspace_id in self._sending[channel] or len(self._sending[channel]) >= self._per_vendor:
                self._waiting[channel][workspace_id] = None
                return False
            self._sending[channel].add(workspace_id)
            return True

    def release(self, workspace_id: int, channel: Channel) -> int | None:
        """The account has been sent; returns the one whose turn it is now, perhaps the same, or None."""
        with self._lock:
            sending, waiting = self._sending[channel], self._waiting[channel]
            sending.discard(workspace_id)
            following = next((one for one in waiting if one not in sending), None)
            if following is not None:
                del waiting[following]
                sending.add(following)
            return following
