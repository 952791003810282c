"""Broadcasts on a node: what is active, and how far each session has come.

The node reads the active broadcasts when it is told that there is news, and now and then by itself. A session is
offered what lies after its device's cursor. Acknowledgements come out of order; the cursor follows when nothing before
it is open any more.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gateway.shared_payload import SharedPayload
from pushcore.broadcasts import Active
from pushcore.payload import device_payload

# Acknowledgements of a broadcast that has just ended are still counted.
GRACE_SECONDS = 600
# Acknowledgements a session remembers before it looks which of them still may count.
MAX_REMEMBERED = 100


@dataclass(frozen=True, slots=True)
class Notice:
    """A broadcast as a node holds it: encoded once, for all its sessions."""

    id: int
    workspace_id: int
    platform: int
    vendor_channels: frozenset[int]
    expire_at_ms: int
    payload: SharedPayload

    @classmethod
    def of(cls, active: Active) -> Notice:
        outgoing = active.outgoing
        return cls(
            outgoing.message_id,
            active.workspace_id,
            active.platform,
            active.vendor_channels,
            int(outgoing.expire_at.timestamp() * 1000),
            SharedPayload(device_payload(outgoing)),
        )


class Offers(dict[tuple[int, int], list[Notice]]):
    """Broadcasts in order, by the workspace and platform they are for."""

    def __init__(self, notices: Iterable[Notice] = ()) -> None:
        super().__init__()
        for notice in notices:
            self.setdefault((notice.workspace_id, notice.platform), []).append(notice)


class Board:
    """The broadcasts a node knows, in order: those it offers, and for a while those it offered."""

    def __init__(self) -> None:
        self._offered: dict[int, Notice] = {}
        # Those that are active, for devices that connect.
        self.offers = Offers()
        self._ended: dict[int, float] = {}
        # Ids of both. A set, always the same one: each acknowledgement of a device that gets broadcasts asks it.
        self.known: set[int] = set()

    @property
    def held(self) -> frozenset[int]:
        """Ids of those that are active, as far as the node knows."""
        return frozenset(self._offered)

    def keep_only(self, active_ids: Iterable[int]) -> list[Notice]:
        """End what is not active any more (expired or revoked); returns what was ended."""
        now = time.monotonic()
        active = set(active_ids)
        ended = [notice for notice in self._offered.values() if notice.id not in active]
        for notice in ended:
            del self._offered[notice.id]
            self._ended[notice.id] = now
        self._ended = {key: at for key, at in self._ended.items() if now - at < GRACE_SECONDS}
        self._changed()
        return ended

    def add(self, notices: Sequence[Notice]) -> None:
        for notice in notices:
            self._offered[notice.id] = notice
            self._ended.pop(notice.id, None)
        self._offered = dict(sorted(self._offered.items()))
        self._changed()

    def _changed(self) -> None:
        self.known.clear()
        self.known.update(self._offered, self._ended)
        self.offers = Offers(self._offered.values())

    def is_open(self, broadcast_id: int) -> bool:
        """Whether it may still be delivered."""
        notice = self._offered.get(broadcast_id)
        return notice is not None and notice.expire_at_ms > time.time() * 1000


class Progress:
    """How far a session's device has come.

    `acknowledged`: what it acknowledged since it connected, up to its position, while that may still count.
    """

    __slots__ = ("_alone", "_open", "_uncounted", "acknowledged", "position")

    def __init__(self, position: int) -> None:
        self.position = position
        self.acknowledged: list[int] = []
        # Beyond the position: what was offered, and whether it is settled. Mostly that is one: it stands in `_alone`
        # (0: none does), and the dictionary is there only while there are more.
        self._alone = 0
        self._open: dict[int, bool] | None = None
        # What of it was acknowledged.
        self._uncounted: list[int] | None = None

    def moved_to(self, position: int) -> None:
        """The device's cursor is known to be there."""
        if position > self.position:
            self.position = position
            self._keep({key: settled for key, settled in self._waiting().items() if key > position})
            self._uncounted = [key for key in self._uncounted or () if key > position] or None

    def opened(self, broadcast_id: int) -> bool | None:
        """Note that it is offered to the device. Whether it was before, on this connection or its last; None where the
        device has settled it."""
        if broadcast_id <= self.position:
            return None
        if self._open is None and self._alone in (0, broadcast_id):
            before = self._alone == broadcast_id
            self._alone = broadcast_id
            return before
        waiting = self._waiting()
        before = broadcast_id in waiting
        if before and waiting[broadcast_id]:
            return None
        waiting[broadcast_id] = False
        self._keep(waiting)
        return before

    def settled_alone(self, broadcast_id: int) -> bool:
        """Settle what the device acknowledged, and pass it, in one step; False, and nothing done, where it takes more.

        It does where other broadcasts are open, or many are remembered.
        """
        if self._alone != broadcast_id or len(self.acknowledged) >= MAX_REMEMBERED:
            return False
        self._alone = 0
        self.position = broadcast_id
        self.acknowledged.append(broadcast_id)
        return True

    def settled(self, broadcast_id: int, *, acknowledged: bool) -> None:
        """The device has acknowledged or refused it."""
        waiting = self._waiting()
        if broadcast_id > self.position and not waiting.get(broadcast_id, False):
            waiting[broadcast_id] = True
            self._open, self._alone = waiting, 0
            if acknowledged:
                self._uncounted = [*(self._uncounted or ()), broadcast_id]

    def advance(self, board: Board) -> list[int]:
        """Move the position over what is settled or ended; returns what was acknowledged and is passed by that."""
        waiting = self._waiting()
        for broadcast_id in sorted(waiting):
            if not waiting[broadcast_id] and board.is_open(broadcast_id):
                break
            del waiting[broadcast_id]
            self.position = broadcast_id
        self._keep(waiting)
        uncounted = self._uncounted or ()
        counted = [broadcast_id for broadcast_id in uncounted if broadcast_id <= self.position]
        self._uncounted = [broadcast_id for broadcast_id in uncounted if broadcast_id > self.position] or None
        self.acknowledged += counted
        if len(self.acknowledged) > MAX_REMEMBERED:
            self.acknowledged = [broadcast_id for broadcast_id in self.acknowledged if broadcast_id in board.known]
        return counted

    def _waiting(self) -> dict[int, bool]:
        """What was offered beyond the position, as a dictionary."""
        if self._open is not None:
            return self._open
        return {self._alone: False} if self._alone else {}

    def _keep(self, waiting: dict[int, bool]) -> None:
        """Keep that, in the form that takes least."""
        self._alone, self._open = 0, waiting or None
        if len(waiting) == 1:
            [(only, settled)] = waiting.items()
            if not settled:
                self._alone, self._open = only, None
