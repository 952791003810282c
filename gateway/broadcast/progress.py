"""Broadcasts on a node: what is active, and how far each session has come.

The node reads the active broadcasts when it is told that there is news, and now and then by itself. A session is
offered what lies after its device's cursor. Acknowledgements come out of order; the cursor follows when nothing before
it is open any more.

What is true of many devices is one object for all of them: whom they are to a broadcast (`Audience`), and where they
stand (`Standing`). A broadcast to all devices touches each of them for microseconds, and then what it finds in the
processor's cache counts for more than what it computes.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple
from weakref import WeakValueDictionary

from gateway.cluster.codec import KnownBroadcasts
from gateway.protocol.shared_payload import SharedPayload
from pushcore.broadcast.broadcasts import Active, Window
from pushcore.delivery.payload import device_payload
from pushcore.devices.registry import KnownDevice
from pushcore.storage import clock

# Acknowledgements of a broadcast that has just ended are still counted.
GRACE_SECONDS = 600
# The newest that a device acknowledged, so many: each word to the sink names them, so that a lost one is made good.
MAX_REMEMBERED = 100


@dataclass(frozen=True, slots=True)
class Notice:
    """A broadcast as a node holds it: encoded once, for all its sessions."""

    id: int
    workspace_id: int
    platform: int
    vendor_channels: frozenset[int]
    # When the users of the devices were bound that it is for; None: it is for all.
    bound: Window | None
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
            active.bound,
            int(outgoing.expire_at.timestamp() * 1000),
            SharedPayload(device_payload(outgoing)),
        )


class Audience(NamedTuple):
    """Devices that get the same broadcasts here."""

    workspace_id: int
    platform: int
    # The vendor's channel that reaches them as well.
    third_channel: int | None

    @classmethod
    def of(cls, device: KnownDevice) -> Audience:
        """The device's; the same object for all of them."""
        return _audience(device.workspace_id, device.platform, device.third_channel)


@lru_cache(maxsize=10_000)
def _audience(workspace_id: int, platform: int, third_channel: int | None) -> Audience:
    return Audience(workspace_id, platform, third_channel)


class Offers(dict[Audience, list[Notice]]):
    """Broadcasts in order, by whom they are for."""

    def __init__(self, notices: Iterable[Notice] = ()) -> None:
        super().__init__()
        self._notices: dict[tuple[int, int], list[Notice]] = {}
        # Those for devices whose user was bound at a certain time: who they are is asked, they are not offered to all.
        self.by_binding: dict[tuple[int, int], list[Notice]] = {}
        for notice in notices:
            kept = self._notices if notice.bound is None else self.by_binding
            kept.setdefault((notice.workspace_id, notice.platform), []).append(notice)

    def __missing__(self, audience: Audience) -> list[Notice]:
        meant = self._notices.get((audience.workspace_id, audience.platform), ())
        # The others it gets there.
        found = self[audience] = [one for one in meant if audience.third_channel not in one.vendor_channels]
        return found

    def asked_for(self, audience: Audience) -> list[Notice]:
        """Those that are for devices of the audience whose user was bound at a certain time."""
        meant = self.by_binding.get((audience.workspace_id, audience.platform), ())
        return [one for one in meant if audience.third_channel not in one.vendor_channels]

    def with_chosen(self, audience: Audience, chosen: Collection[int]) -> list[Notice]:
        """All that are for a device of the audience, of those by binding the chosen ones; in order."""
        if not chosen:
            return self[audience]
        more = [one for one in self.asked_for(audience) if one.id in chosen]
        return sorted([*self[audience], *more], key=lambda notice: notice.id)


class Standing:
    """How far a device of the audience has come: all broadcasts up to `position` are settled or ended, and of them it
    acknowledged these (ids, ascending; the newest). Equal ones are the same object, as long as they come from one
    `Standings`."""

    __slots__ = ("__weakref__", "acknowledged", "audience", "position")

    def __init__(self, audience: Audience, position: int, acknowledged: tuple[int, ...]) -> None:
        self.audience = audience
        self.position = position
        self.acknowledged = acknowledged


class Standings:
    """Makes them, and knows those that devices have."""

    def __init__(self) -> None:
        self._all: WeakValueDictionary[tuple[Audience, int, tuple[int, ...]], Standing] = WeakValueDictionary()
        # By broadcast: where a device stands, by where it stood, that has acknowledged it with nothing open before it.
        # Nearly all devices take the same step.
        self.steps = _StepsByBroadcast(self)

    def __len__(self) -> int:
        return len(self._all)

    def at(self, audience: Audience, position: int, acknowledged: Sequence[int] = ()) -> Standing:
        key = audience, position, tuple(acknowledged[-MAX_REMEMBERED:])
        standing = self._all.get(key)
        if standing is None:
            standing = self._all[key] = Standing(*key)
        return standing

    def forget_steps(self) -> None:
        """They are found again; those to broadcasts of the past are not wanted any more."""
        self.steps.clear()


class _StepsByBroadcast(dict[int, "_Steps"]):
    def __init__(self, standings: Standings) -> None:
        super().__init__()
        self._standings = standings

    def __missing__(self, broadcast_id: int) -> _Steps:
        steps = self[broadcast_id] = _Steps(self._standings, broadcast_id)
        return steps


class _Steps(dict[Standing, Standing]):
    def __init__(self, standings: Standings, broadcast_id: int) -> None:
        super().__init__()
        self._standings = standings
        self._broadcast_id = broadcast_id

    def __missing__(self, before: Standing) -> Standing:
        acknowledged = (*before.acknowledged, self._broadcast_id)
        after = self[before] = self._standings.at(before.audience, self._broadcast_id, acknowledged)
        return after


class Board:
    """The broadcasts a node knows, in order: those it offers, and for a while those it offered."""

    def __init__(self) -> None:
        self._offered: dict[int, Notice] = {}
        # Those that are active, for devices that connect.
        self.offers = Offers()
        self._ended: dict[int, float] = {}
        # Ids of both. A set, always the same one: each acknowledgement of a device that gets broadcasts asks it.
        self.known: set[int] = set()
        self.standings = Standings()

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
        self.standings.forget_steps()

    def is_open(self, broadcast_id: int) -> bool:
        """Whether it may still be delivered."""
        notice = self._offered.get(broadcast_id)
        return notice is not None and notice.expire_at_ms > clock.time() * 1000


class Progress:
    """How far a session's device has come, and what it is offered beyond."""

    __slots__ = ("_alone", "_beyond", "_written_before", "device_id", "standing")

    def __init__(self, device_id: int, standing: Standing) -> None:
        self.device_id = device_id
        self.standing = standing
        # Beyond its position: what was offered, and whether it was acknowledged, None while it is open. Mostly that is
        # one that is open: it stands in `_alone` (0: none does), and the dictionary is there only while there is more.
        self._alone = 0
        self._beyond: dict[int, bool | None] | None = None
        # Those that were written on a connection that ended before they were acknowledged: a repeat says so.
        self._written_before: frozenset[int] = frozenset()

    def back(self, audience: Audience, position: int, standings: Standings) -> None:
        """The device is here again: whom it belongs to now, and where its cursor is known to be."""
        before = self.standing
        if position > before.position:
            self._keep({key: settled for key, settled in self._waiting().items() if key > position})
        self.standing = standings.at(audience, max(position, before.position), before.acknowledged)

    def belongs_to(self, audience: Audience) -> None:
        """To broadcasts the device is another from here on; where it stands is shared again from its next step."""
        self.standing = Standing(audience, self.standing.position, self.standing.acknowledged)

    def opened(self, broadcast_id: int) -> bool | None:
        """Note that it is offered to the device. Whether it was written on an earlier connection; None where the device
        has settled it."""
        if broadcast_id <= self.standing.position:
            return None
        if self._beyond is None and self._alone in (0, broadcast_id):
            self._alone = broadcast_id
        else:
            waiting = self._waiting()
            if waiting.get(broadcast_id) is not None:
                return None
            waiting[broadcast_id] = None
            self._keep(waiting)
        return broadcast_id in self._written_before

    def told(self) -> KnownBroadcasts:
        """All there is to know, for another node."""
        standing = self.standing
        return KnownBroadcasts(
            standing.position, standing.acknowledged, dict(self._waiting()), tuple(self._written_before)
        )

    @classmethod
    def of(cls, device_id: int, audience: Audience, known: KnownBroadcasts, standings: Standings) -> Progress:
        """As another node has told."""
        progress = cls(device_id, standings.at(audience, known.position, known.acknowledged))
        progress._keep(dict(known.beyond))
        progress._written_before = frozenset(known.written)
        return progress

    def may_have_been_written(self, broadcast_ids: Iterable[int]) -> None:
        """Nobody can say whether they were, on another node."""
        self._written_before = self._written_before.union(broadcast_ids)

    def open_ids(self) -> list[int]:
        """Those offered and neither acknowledged nor refused."""
        return [broadcast_id for broadcast_id, settled in self._waiting().items() if settled is None]

    def left(self, unacknowledged: Collection[int]) -> None:
        """The connection ended, on which these messages were written and not acknowledged."""
        written = self._written_before.union(unacknowledged)
        self._written_before = written.intersection(self.open_ids())

    def passed_alone(self, broadcast_id: int, standings: Standings) -> Standing | None:
        """Settle what the device acknowledged, and pass it, in one step: where it stands now. None, and nothing done,
        where others are open."""
        if self._alone != broadcast_id:
            return None
        self._alone = 0
        standing = self.standing = standings.steps[broadcast_id][self.standing]
        return standing

    def settled(self, broadcast_id: int, *, acknowledged: bool) -> None:
        """The device has acknowledged or refused it."""
        waiting = self._waiting()
        if broadcast_id > self.standing.position and waiting.get(broadcast_id) is None:
            waiting[broadcast_id] = acknowledged
            self._beyond, self._alone = waiting, 0

    def advance(self, board: Board) -> bool:
        """Move on over what is settled or ended; whether something was acknowledged of what is passed by that."""
        before, waiting = self.standing, self._waiting()
        position, acknowledged = before.position, list(before.acknowledged)
        for broadcast_id in sorted(waiting):
            if waiting[broadcast_id] is None and board.is_open(broadcast_id):
                break
            position = broadcast_id
            if waiting.pop(broadcast_id):
                acknowledged.append(broadcast_id)
        self._keep(waiting)
        self.standing = board.standings.at(before.audience, position, acknowledged)
        return len(acknowledged) > len(before.acknowledged)

    def _waiting(self) -> dict[int, bool | None]:
        """What was offered beyond the position, as a dictionary."""
        if self._beyond is not None:
            return self._beyond
        return {self._alone: None} if self._alone else {}

    def _keep(self, waiting: dict[int, bool | None]) -> None:
        """Keep that, in the form that takes least."""
        self._alone, self._beyond = 0, waiting or None
        if len(waiting) == 1:
            [(only, settled)] = waiting.items()
            if settled is None:
                self._alone, self._beyond = only, None
