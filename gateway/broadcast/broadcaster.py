"""Read the active broadcasts, offer them to the sessions of a node, and report which devices have them."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Collection, Iterable, Iterator

import structlog

from gateway.broadcast.progress import ActiveBroadcast, ActiveBroadcasts, BroadcastsByGroup, DeviceGroup, Progress
from gateway.cluster.codec import BroadcastState
from gateway.cluster.node_lease import NodeLease, slices
from gateway.cluster.presence import REMEMBERED_SECONDS, Former
from gateway.node.recent import RecentByDevice
from gateway.node.threads import DatabaseThreads
from gateway.protocol.outbound import OutboundMessage, State
from gateway.protocol.session import Session
from pushcore.broadcast import broadcasts
from pushcore.broadcast.audience import Window
from pushcore.devices.registry import KnownDevice
from pushcore.storage import clock
from pushcore.storage.ids import created_at_ms
from pushcore.storage.outages import DatabaseFault

log = structlog.get_logger(__name__)

# How often the active broadcasts are read without a notification.
READ_SECONDS = 5.0


class Broadcaster:
    """Sends the active broadcasts to `sessions` (by device id) and reports cursors to the lease's buffer."""

    def __init__(self, sessions: dict[int, Session], lease: NodeLease, threads: DatabaseThreads) -> None:
        self._sessions = sessions
        self._lease = lease
        self._threads = threads
        self._active = ActiveBroadcasts()
        # Ids of the broadcasts of the moment; any other id acknowledged is one device's message.
        self.known = self._active.known
        self._news = asyncio.Event()
        # Progress of devices that left lately: their cursor in the database may lag behind.
        self.left: RecentByDevice[Progress] = RecentByDevice(seconds=REMEMBERED_SECONDS, limit=50_000)

    def news(self) -> None:
        """Read the active broadcasts soon: there is a new one, or one was revoked."""
        self._news.set()

    async def watch(self) -> None:
        """Read the active broadcasts when notified and every `READ_SECONDS`, forever."""
        while True:
            try:
                await self._read()
            except DatabaseFault:
                log.exception("broadcasts cannot be read; tried again")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), READ_SECONDS)
            self._news.clear()

    async def _read(self) -> None:
        """Withdraw broadcasts that ended, and offer new ones to every session they are for."""
        active, unknown = await self._threads.run(_read_active, self._active.held)
        ended = self._active.keep_only(active)
        new = [ActiveBroadcast.of(found) for found in unknown]
        self._active.add(new)
        if not ended and not new:
            return
        by_group = BroadcastsByGroup(new)
        async for here in slices(self._sessions.values()):
            for session in here if ended else ():
                for broadcast in ended:
                    session.withdraw(broadcast.id)
            # Those the database is asked about come first; what is offered then follows them in the order of ids.
            if by_group.by_binding:
                self._ask_for_chosen(here, by_group)
            self.offer(here, by_group)

    def offer(self, sessions: Iterable[Session], by_group: BroadcastsByGroup | None = None) -> None:
        """Send broadcasts after each device's cursor; what is in flight is not sent twice.

        Args:
            sessions: The sessions of the devices.
            by_group: The broadcasts to send; None for all that are active.
        """
        now_ms, by_group = int(clock.time() * 1000), self._active.by_group if by_group is None else by_group
        for session in sessions:
            if not session.caught_up:
                self._offer_later(session, by_group)
                continue
            progress = session.broadcasts
            if progress is None:
                device = session.device
                if device is None or not by_group[DeviceGroup.of(device)]:
                    continue
                progress = session.broadcasts = self._progress_of(device)
            for broadcast in by_group[progress.cursor.group]:
                again = progress.opened(broadcast.id)
                if again is not None:
                    session.deliver(broadcast.id, broadcast.payload, broadcast.expire_at_ms, again, now_ms)

    def _offer_later(self, session: Session, by_group: BroadcastsByGroup) -> None:
        """Let the session request its pending rows, which are older; the active broadcasts follow them (`due`)."""
        if session.state is State.OPEN and session.device is not None:
            meant = by_group[DeviceGroup.of(session.device)]
            if meant:
                session.request_pending_unless_due(meant[0].id - 1)

    def waits_for(self, session: Session, chosen: Collection[int]) -> bool:
        """Tell whether a broadcast may be sent to a device that has just connected."""
        device = session.device
        if session.broadcasts is not None or device is None:
            return False
        by_group = self._active.by_group.with_chosen(DeviceGroup.of(device), chosen)
        return bool(by_group) and by_group[-1].id > device.broadcast_position

    def told_of(self, device_id: int) -> BroadcastState | None:
        """Return the progress of a device that left for another node, and forget it here."""
        progress = self.left.take(device_id)
        return progress.told() if progress is not None else None

    def learn(self, device: KnownDevice, known: BroadcastState) -> None:
        """Keep the progress that a device had on its former node."""
        self.left.keep(device.id, Progress.of(device.id, DeviceGroup.of(device), known, self._active.cursors))

    def doubt(self, device: KnownDevice, former: Former) -> None:
        """Note that broadcasts may have been sent on the device's former node, which did not answer."""
        progress = self.left.take(device.id)
        group = DeviceGroup.of(device)
        if progress is None:
            progress = Progress(device.id, self._active.cursors.at(group, device.broadcast_position))
        progress.may_have_been_written(
            broadcast.id
            for broadcast in [*self._active.by_group[group], *self._active.by_group.asked_for(group)]
            if former.may_have_written(created_at_ms(broadcast.id))
        )
        self.left.keep(device.id, progress)

    def _ask_for_chosen(self, sessions: Iterable[Session], by_group: BroadcastsByGroup) -> None:
        """Let sessions request pending rows; the same query finds broadcasts by time of binding (`windows`)."""
        for session in sessions:
            if session.state is State.OPEN and session.device is not None:
                meant = by_group.asked_for(DeviceGroup.of(session.device))
                if meant:
                    session.request_pending(meant[0].id - 1)

    def windows(self, sessions: Iterable[Session]) -> tuple[dict[int, Window], list[int]]:
        """Return what the database is asked about broadcasts by time of binding.

        Returns:
            The time of binding of each such broadcast, and the ids of the devices to ask about.
        """
        by_group = self._active.by_group
        if not by_group.by_binding:
            return {}, []
        windows: dict[int, Window] = {}
        asking: list[int] = []
        for session in sessions:
            device = session.device
            meant = by_group.by_binding.get((device.workspace_id, device.platform)) if device is not None else None
            if device is not None and meant:
                asking.append(device.id)
                windows |= {broadcast.id: broadcast.bound for broadcast in meant if broadcast.bound is not None}
        return windows, asking

    def due(
        self, session: Session, up_to: int | None, chosen: Collection[int], asked: Collection[int]
    ) -> Iterator[OutboundMessage]:
        """Yield the active broadcasts after a device's cursor, in order; taking one notes that it is offered.

        Stops before a broadcast by time of binding that the database was not asked about: it became active during the
        query, the session has requested another, and what follows must not overtake it.

        Args:
            session: The device's session.
            up_to: The last id, None for all.
            chosen: The broadcasts by time of binding that are for the device.
            asked: The broadcasts by time of binding that the database was asked about.
        """
        progress, device = session.broadcasts, session.device
        if progress is None:
            if device is None or not self._active.by_group.with_chosen(DeviceGroup.of(device), chosen):
                return
            progress = session.broadcasts = self._progress_of(device)
        cursor = progress.cursor
        unasked = (one.id for one in self._active.by_group.asked_for(cursor.group) if one.id not in asked)
        before = next((broadcast_id for broadcast_id in unasked if broadcast_id > cursor.position), math.inf)
        for broadcast in self._active.by_group.with_chosen(cursor.group, chosen):
            if (up_to is not None and broadcast.id > up_to) or broadcast.id >= before:
                return
            again = progress.opened(broadcast.id)
            if again is not None:
                yield OutboundMessage(broadcast.id, broadcast.payload, broadcast.expire_at_ms, again)

    def group_changed(self, session: Session, chosen: Collection[int]) -> None:
        """Settle offered broadcasts that are not for the device any more and were not sent.

        Called after the device's user or channel changed.
        """
        progress, device = session.broadcasts, session.device
        if progress is None or device is None:
            return
        group = DeviceGroup.of(device)
        if group != progress.cursor.group:
            progress.belongs_to(group)
        meant = {broadcast.id for broadcast in self._active.by_group.with_chosen(group, chosen)}
        meant.update(session.unacknowledged())
        for broadcast_id in progress.open_ids():
            if broadcast_id not in meant:
                progress.resolve(broadcast_id, acknowledged=False)
        self._advance(progress)

    def _progress_of(self, device: KnownDevice) -> Progress:
        """Return a device's progress from its cursor and what is remembered of its last connection."""
        progress, cursors, group = self.left.take(device.id), self._active.cursors, DeviceGroup.of(device)
        if progress is None:
            return Progress(device.id, cursors.at(group, device.broadcast_position))
        progress.back(group, device.broadcast_position, cursors)
        return progress

    def acknowledged(self, progress: Progress, broadcast_id: int) -> None:
        """Note that a device acknowledged a broadcast."""
        cursor = progress.passed_alone(broadcast_id, self._active.cursors)
        if cursor is not None:
            self._lease.acks.report_cursor(progress.device_id, cursor)
        else:
            progress.resolve(broadcast_id, acknowledged=True)
            self._advance(progress)

    def refused(self, session: Session, message_id: int) -> None:
        """Note that a device refused a message, if that is a broadcast."""
        if session.broadcasts is not None and message_id in self.known:
            session.broadcasts.resolve(message_id, acknowledged=False)
            self._advance(session.broadcasts)

    def closed(self, session: Session) -> None:
        """Remember the progress of a device whose session ended."""
        progress = session.broadcasts
        if progress is not None:
            progress.left(session.unacknowledged())
            self._advance(progress)
            self.left.keep(progress.device_id, progress)

    def _advance(self, progress: Progress) -> None:
        if progress.advance(self._active):
            self._lease.acks.report_cursor(progress.device_id, progress.cursor)

    def tell_again(self, session: Session) -> None:
        """Report the device's cursor again, in case an earlier report was lost."""
        progress = session.broadcasts
        if progress is not None and progress.cursor.acknowledged:
            self._lease.acks.report_cursor(progress.device_id, progress.cursor)


def _read_active(held: Collection[int]) -> tuple[list[int], list[broadcasts.Active]]:
    """Read the active broadcasts, and the database's clock now and then: the thread keeps its connection."""
    clock.refresh()
    return broadcasts.active(held)
