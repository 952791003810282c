"""Broadcasts on a node: read when there is news, offered to its sessions, and told of when devices have them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Iterable, Iterator

import structlog

from gateway.broadcast.progress import Audience, Board, Notice, Offers, Progress
from gateway.cluster.codec import KnownBroadcasts
from gateway.cluster.courier import Courier, slices
from gateway.cluster.presence import REMEMBERED_SECONDS, Former
from gateway.node.recent import RecentByDevice
from gateway.node.threads import DatabaseThreads
from gateway.protocol.session import Due, Session, State
from pushcore.broadcast import broadcasts
from pushcore.broadcast.broadcasts import Window
from pushcore.devices.registry import KnownDevice
from pushcore.storage import clock
from pushcore.storage.ids import created_at_ms
from pushcore.storage.outages import DatabaseFault

log = structlog.get_logger(__name__)

# How often the active broadcasts are read though nobody told of news.
READ_SECONDS = 5.0


class Broadcaster:
    """Gives the active broadcasts to `sessions` (by device id) and tells the courier who has them."""

    def __init__(self, sessions: dict[int, Session], courier: Courier, threads: DatabaseThreads) -> None:
        self._sessions = sessions
        self._courier = courier
        self._threads = threads
        self._board = Board()
        # Ids of broadcasts, as they come and go: what else is acknowledged is one device's message.
        self.known = self._board.known
        self._news = asyncio.Event()
        # Of devices that left lately: what they acknowledged is not offered again, though their cursor may lag behind.
        self.left: RecentByDevice[Progress] = RecentByDevice(seconds=REMEMBERED_SECONDS, limit=50_000)

    def news(self) -> None:
        """There is a new broadcast, or one was revoked."""
        self._news.set()

    async def watch(self) -> None:
        while True:
            try:
                await self._read()
            except DatabaseFault:
                log.exception("broadcasts cannot be read; tried again")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), READ_SECONDS)
            self._news.clear()

    async def _read(self) -> None:
        """End what is not active any more, and offer what is new to every session it is for."""
        active, unknown = await self._threads.run(_read_active, self._board.held)
        ended = self._board.keep_only(active)
        new = [Notice.of(found) for found in unknown]
        self._board.add(new)
        if not ended and not new:
            return
        offers = Offers(new)
        async for here in slices(self._sessions.values()):
            for session in here if ended else ():
                for notice in ended:
                    session.withdraw(notice.id)
            self.offer(here, offers)
            if offers.by_binding:
                self._ask_for_chosen(here, offers)
        for notice in new:
            notice.payload.given()

    def offer(self, sessions: Iterable[Session], offers: Offers | None = None) -> None:
        """Write to each device those of the offers (default: all that are active) that lie after its cursor.

        What is on its way already is not written twice.
        """
        now_ms, offers = int(clock.time() * 1000), self._board.offers if offers is None else offers
        for session in sessions:
            if not session.caught_up:
                self._offer_later(session, offers)
                continue
            progress = session.broadcasts
            if progress is None:
                device = session.device
                if device is None or not offers[Audience.of(device)]:
                    continue
                progress = session.broadcasts = self._progress_of(device)
            for notice in offers[progress.standing.audience]:
                again = progress.opened(notice.id)
                if again is not None:
                    session.deliver(notice.id, notice.payload, notice.expire_at_ms, again, now_ms)

    def _offer_later(self, session: Session, offers: Offers) -> None:
        """Rows wait for the device that are older; with the last of them it is offered what is active (`due`)."""
        if session.state is State.OPEN and session.device is not None:
            meant = offers[Audience.of(session.device)]
            if meant:
                session.look_again(meant[0].id - 1)

    def waits_for(self, session: Session, chosen: Collection[int]) -> bool:
        """Whether a broadcast may be written to the device that has just come."""
        device = session.device
        if session.broadcasts is not None or device is None:
            return False
        offers = self._board.offers.with_chosen(Audience.of(device), chosen)
        return bool(offers) and offers[-1].id > device.broadcast_position

    def told_of(self, device_id: int) -> KnownBroadcasts | None:
        """How far a device had come that has left for another node; kept here no longer."""
        progress = self.left.take(device_id)
        return progress.told() if progress is not None else None

    def learn(self, device: KnownDevice, known: KnownBroadcasts) -> None:
        """How far the device had come on its former node."""
        self.left.keep(device.id, Progress.of(device.id, Audience.of(device), known, self._board.standings))

    def doubt(self, device: KnownDevice, former: Former) -> None:
        """Nobody can say which broadcasts were written to the device where it was before."""
        progress = self.left.take(device.id)
        audience = Audience.of(device)
        if progress is None:
            progress = Progress(device.id, self._board.standings.at(audience, device.broadcast_position))
        progress.may_have_been_written(
            notice.id
            for notice in [*self._board.offers[audience], *self._board.offers.asked_for(audience)]
            if former.may_have_written(created_at_ms(notice.id))
        )
        self.left.keep(device.id, progress)

    def _ask_for_chosen(self, sessions: Iterable[Session], offers: Offers) -> None:
        """Whose user was bound at a certain time, the database knows: it is asked with what waits (`windows`)."""
        for session in sessions:
            if session.state is State.OPEN and session.device is not None:
                meant = offers.asked_for(Audience.of(session.device))
                if meant:
                    session.expect_more(meant[0].id - 1)

    def windows(self, sessions: Iterable[Session]) -> tuple[dict[int, Window], list[int]]:
        """By broadcast: when the users of the devices were bound that it is for; and the ids of those devices of the
        sessions for which that is to be asked."""
        offers = self._board.offers
        if not offers.by_binding:
            return {}, []
        windows: dict[int, Window] = {}
        asking: list[int] = []
        for session in sessions:
            device = session.device
            meant = offers.by_binding.get((device.workspace_id, device.platform)) if device is not None else None
            if device is not None and meant:
                asking.append(device.id)
                windows |= {notice.id: notice.bound for notice in meant if notice.bound is not None}
        return windows, asking

    def due(self, session: Session, up_to: int | None, chosen: Collection[int]) -> Iterator[Due]:
        """The active broadcasts that lie after a device's cursor, in order; up to that id, or all. `chosen`: those by
        binding that are for the device. Taking one notes that it is offered."""
        progress, device = session.broadcasts, session.device
        if progress is None:
            if device is None or not self._board.offers.with_chosen(Audience.of(device), chosen):
                return
            progress = session.broadcasts = self._progress_of(device)
        for notice in self._board.offers.with_chosen(progress.standing.audience, chosen):
            if up_to is not None and notice.id > up_to:
                return
            again = progress.opened(notice.id)
            if again is not None:
                yield Due(notice.id, notice.payload, notice.expire_at_ms, again)

    def audience_changed(self, session: Session, chosen: Collection[int]) -> None:
        """A device serves another user, or is reached through another channel: what was offered to it, is not written
        yet, and not for it any more, holds up nothing."""
        progress, device = session.broadcasts, session.device
        if progress is None or device is None:
            return
        audience = Audience.of(device)
        if audience != progress.standing.audience:
            progress.belongs_to(audience)
        meant = {notice.id for notice in self._board.offers.with_chosen(audience, chosen)}
        meant.update(session.unacknowledged())
        for broadcast_id in progress.open_ids():
            if broadcast_id not in meant:
                progress.settled(broadcast_id, acknowledged=False)
        self._advance(progress)

    def _progress_of(self, device: KnownDevice) -> Progress:
        """Where the device stands, by its cursor and by what is remembered since it was here last."""
        progress, standings, audience = self.left.take(device.id), self._board.standings, Audience.of(device)
        if progress is None:
            return Progress(device.id, standings.at(audience, device.broadcast_position))
        progress.back(audience, device.broadcast_position, standings)
        return progress

    def acknowledged(self, progress: Progress, broadcast_id: int) -> None:
        """`progress`: of the device that says so."""
        standing = progress.passed_alone(broadcast_id, self._board.standings)
        if standing is not None:
            self._courier.stands_at(progress.device_id, standing)
        else:
            progress.settled(broadcast_id, acknowledged=True)
            self._advance(progress)

    def refused(self, session: Session, message_id: int) -> None:
        if session.broadcasts is not None and message_id in self.known:
            session.broadcasts.settled(message_id, acknowledged=False)
            self._advance(session.broadcasts)

    def closed(self, session: Session) -> None:
        """The session ended; how far its device has come is remembered for a while."""
        progress = session.broadcasts
        if progress is not None:
            progress.left(session.unacknowledged())
            self._advance(progress)
            self.left.keep(progress.device_id, progress)

    def _advance(self, progress: Progress) -> None:
        if progress.advance(self._board):
            self._courier.stands_at(progress.device_id, progress.standing)

    def tell_again(self, session: Session) -> None:
        """Tell the sink where the device stands: what was lost before is made good."""
        progress = session.broadcasts
        if progress is not None and progress.standing.acknowledged:
            self._courier.stands_at(progress.device_id, progress.standing)


def _read_active(held: Collection[int]) -> tuple[list[int], list[broadcasts.Active]]:
    """Read the active broadcasts, and the database's clock now and then: the thread keeps its connection."""
    clock.refresh()
    return broadcasts.active(held)
