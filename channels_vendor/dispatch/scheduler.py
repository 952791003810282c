"""Which accounts a worker process sends for: one thread an account, a few accounts of a vendor at once.

So a vendor that hangs holds no more threads than that.
"""

from __future__ import annotations

import threading
from collections import defaultdict

from pushcore.channels import Channel


class AccountScheduler:
    """Hands accounts to the threads of one process.

    An account that is asked for while there is no room for it waits, at most once, and is handed out by a later
    `release`: so an account whose messages came while a thread was about to finish is not forgotten.
    """

    def __init__(self, per_vendor: int) -> None:
        """Allow `per_vendor` accounts of a vendor to be sent for at once."""
        self._per_vendor = per_vendor
        self._lock = threading.Lock()
        self._sending: dict[Channel, set[int]] = defaultdict(set)
        self._waiting: dict[Channel, dict[int, None]] = defaultdict(dict)

    def acquire(self, workspace_id: int, channel: Channel) -> bool:
        """Take the account if there is room, else have it wait. Returns whether it was taken."""
        with self._lock:
            if workspace_id in self._sending[channel] or len(self._sending[channel]) >= self._per_vendor:
                self._waiting[channel][workspace_id] = None
                return False
            self._sending[channel].add(workspace_id)
            return True

    def release(self, workspace_id: int, channel: Channel) -> int | None:
        """Give the account back.

        Returns:
            The workspace whose account of the vendor the caller has taken with that and is to send for next, perhaps
            the same again; None where none waits.
        """
        with self._lock:
            sending, waiting = self._sending[channel], self._waiting[channel]
            sending.discard(workspace_id)
            following = next((one for one in waiting if one not in sending), None)
            if following is not None:
                del waiting[following]
                sending.add(following)
            return following
