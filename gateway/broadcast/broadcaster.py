"""Broadcasts on a node: read when there is news, offered to its sessions, and told of when devices have them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Iterable, Iterator

import structlog

from gateway.broadcast.progress import ActiveBroadcast, ActiveBroadcasts, Audience, BroadcastsByAudience, Progress
from gateway.cluster.codec import BroadcastState
from gateway.cluster.node_lease import NodeLease, slices
from gateway.cluster.presence import REMEMBERED_SECONDS, Former
from gateway.node.recent import RecentByDevice
from gateway.node.threads import DatabaseThreads
from gateway.protocol.session import OutboundMessage, Session, State
from pushcore.broadcast import broadcasts
from pushcore.broadcast.audience import Window
from pushcore.devices.registry import KnownDevice
from pushcore.storage import clock
from pushcore.storage.ids import created_at_ms
from pushcore.storage.outages import DatabaseFault

log = structlog.get_logger(__name__)

# How often the active broadcasts are read though nobody told of news.
READ_SECONDS = 5.0


class Broadcaster:
    """Gives the active broadcasts to `sessions` (by device id) and tells the lease who has them."""

    def __init__(self, sessions: dict[int, Session], lease: NodeLease, threads: DatabaseThreads) -> None:
        self._sessions = sessions
        self._lease = lease
        self._threads = threads
        self._active = ActiveBroadcasts()
        # Ids of broadcasts, as they come and go: what else is acknowledged is one device's message.
        self.known = self._active.known
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
        active, unknown = await self._threads.run(_read_active, self._active.held)
        ended = self._active.keep_only(active)
        new = [ActiveBroadcast.of(found) for found in unknown]
        self._active.add(new)
        if not ended and not new:
            return
        by_audience = BroadcastsByAudience(new)
        async for here in slices(self._sessions.values()):
            for session in here if ended else ():
                for broadcast in ended:
                    session.withdraw(broadcast.id)
            self.offer(here, by_audience)
            if by_audience.by_binding:
                self._ask_for_chosen(here, by_audience)
        for broadcast in new:
            broadcast.payload.given()

    def offer(self, sessions: Iterable[Session], by_audience: BroadcastsByAudience | None = None) -> None:
        """Write to each device those of the by_audience (default: all that are active) that lie after its cursor.

        What is on its way already is not written twice.
        """
        now_ms, by_audience = int(clock.time() * 1000), self._active.by_audience if by_audience is None else by_audience
        for session in sessions:
            if not session.caught_up:
                self._offer_later(session, by_audience)
                continue
            progress = session.broadcasts
            if progress is None:
                device = session.device
                if device is None or not by_audience[Audience.of(device)]:
                    continue
                progress = session.broadcasts = self._progress_of(device)
            for broadcast in by_audience[progress.cursor.audience]:
                again = progress.opened(broadcast.id)
                if again is not None:
                    session.deliver(broadcast.id, broadcast.payload, broadcast.expire_at_ms, again, now_ms)

    def _offer_later(self, session: Session, by_audience: BroadcastsByAudience) -> None:
        """Rows wait for the device that are older; with the last of them it is offered what is active (`due`)."""
        if session.state is State.OPEN and session.device is not None:
            meant = by_audience[Audience.of(session.device)]
            if meant:
                session.request_pending_unless_due(meant[0].id - 1)

    def waits_for(self, session: Session, chosen: Collection[int]) -> bool:
        """Whether a broadcast may be written to the device that has just come."""
        device = session.device
        if session.broadcasts is not None or device is None:
            return False
        by_audience = self._active.by_audience.with_chosen(Audience.of(device), chosen)
        return bool(by_audience) and by_audience[-1].id > device.broadcast_position

    def told_of(self, device_id: int) -> BroadcastState | None:
        """How far a device had come that has left for another node; kept here no longer."""
        progress = self.left.take(device_id)
        return progress.told() if progress is not None else None

    def learn(self, device: KnownDevice, known: BroadcastState) -> None:
        """How far the device had come on its former node."""
        self.left.keep(device.id, Progress.of(device.id, Audience.of(device), known, self._active.cursors))

    def doubt(self, device: KnownDevice, former: Former) -> None:
        """Nobody can say which broadcasts were written to the device where it was before."""
        progress = self.left.take(device.id)
        audience = Audience.of(device)
        if progress is None:
            progress = Progress(device.id, self._active.cursors.at(audience, device.broadcast_position))
        progress.may_have_been_written(
            broadcast.id
            for broadcast in [*self._active.by_audience[audience], *self._active.by_audience.asked_for(audience)]
            if former.may_have_written(created_at_ms(broadcast.id))
        )
        self.left.keep(device.id, progress)

    def _ask_for_chosen(self, sessions: Iterable[Session], by_audience: BroadcastsByAudience) -> None:
        """Whose user was bound at a certain time, the database knows: it is asked with what waits (`windows`)."""
        for session in sessions:
            if session.state is State.OPEN and session.device is not None:
                meant = by_audience.asked_for(Audience.of(session.device))
                if meant:
                    session.request_pending(meant[0].id - 1)

    def windows(self, sessions: Iterable[Session]) -> tuple[dict[int, Window], list[int]]:
        """By broadcast: when the users of the devices were bound that it is for; and the ids of those devices of the
        sessions for which that is to be asked."""
        by_audience = self._active.by_audience
        if not by_audience.by_binding:
            return {}, []
        windows: dict[int, Window] = {}
        asking: list[int] = []
        for session in sessions:
            device = session.device
            meant = by_audience.by_binding.get((device.workspace_id, device.platform)) if device is not None else None
            if device is not None and meant:
                asking.append(device.id)
                windows |= {broadcast.id: broadcast.bound for broadcast in meant if broadcast.bound is not None}
        return windows, asking

    def due(self, session: Session, up_to: int | None, chosen: Collection[int]) -> Iterator[OutboundMessage]:
        """The active broadcasts that lie after a device's cursor, in order; up to that id, or all. `chosen`: those by
        binding that are for the device. Taking one notes that it is offered."""
        progress, device = session.broadcasts, session.device
        if progress is None:
            if device is None or not self._active.by_audience.with_chosen(Audience.of(device), chosen):
                return
            progress = session.broadcasts = self._progress_of(device)
        for broadcast in self._active.by_audience.with_chosen(progress.cursor.audience, chosen):
            if up_to is not None and broadcast.id > up_to:
                return
            again = progress.opened(broadcast.id)
            if again is not None:
                yield OutboundMessage(broadcast.id, broadcast.payload, broadcast.expire_at_ms, again)

    def audience_changed(self, session: Session, chosen: Collection[int]) -> None:
        """A device serves another user, or is reached through another channel: what was offered to it, is not written
        yet, and not for it any more, holds up nothing."""
        progress, device = session.broadcasts, session.device
        if progress is None or device is None:
            return
        audience = Audience.of(device)
        if audience != progress.cursor.audience:
            progress.belongs_to(audience)
        meant = {broadcast.id for broadcast in self._active.by_audience.with_chosen(audience, chosen)}
        meant.update(session.unacknowledged())
        for broadcast_id in progress.open_ids():
            if broadcast_id not in meant:
                progress.settled(broadcast_id, acknowledged=False)
        self._advance(progress)

    def _progress_of(self, device: KnownDevice) -> Progress:
        """Where the device stands, by its cursor and by what is remembered since it was here last."""
        progress, cursors, audience = self.left.take(device.id), self._active.cursors, Audience.of(device)
        if progress is None:
            return Progress(device.id, cursors.at(audience, device.broadcast_position))
        progress.back(audience, device.broadcast_position, cursors)
        return progress

    def acknowledged(self, progress: Progress, broadcast_id: int) -> None:
        """`progress`: of the device that says so."""
        cursor = progress.passed_alone(broadcast_id, self._active.cursors)
        if cursor is not None:
            self._lease.acks.report_cursor(progress.device_id, cursor)
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
        if progress.advance(self._active):
            self._lease.acks.report_cursor(progress.device_id, progress.cursor)

    def tell_again(self, session: Session) -> None:
        """Tell the sink where the device stands: what was lost before is made good."""
        progress = session.broadcasts
        if progress is not None and progress.cursor.acknowledged:
            self._lease.acks.report_cursor(progress.device_id, progress.cursor)


def _read_active(held: Collection[int]) -> tuple[list[int], list[broadcasts.Active]]:
    """Read the active broadcasts, and the database's clock now and then: the thread keeps its connection."""
    clock.refresh()
    return broadcasts.active(held)
