"""Read the active broadcasts, offer them to the sessions of a node, and report which devices have them."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Collection, Iterable, Iterator

from gateway.broadcast.progress import (
    ActiveBroadcast,
    ActiveBroadcasts,
    BroadcastProgress,
    BroadcastsByGroup,
    DeviceGroup,
)
from gateway.cluster.codec import BroadcastState
from gateway.cluster.node_lease import NodeLease, slices
from gateway.cluster.presence import REMEMBERED_SECONDS, FormerNode
from gateway.node.recent import RecentByDevice
from gateway.node.threads import DatabaseThreads
from gateway.protocol.outbound import OutboundMessage
from gateway.protocol.ports import State
from gateway.protocol.session import Session
from pushcore.broadcast import broadcasts
from pushcore.broadcast.audience import Window
from pushcore.devices.registry import KnownDevice
from pushcore.storage import clock
from pushcore.storage.ids import created_at_ms
from pushcore.storage.retry import run_forever

# How often the active broadcasts are read without a notification.
READ_SECONDS = 5.0


class Broadcaster:
    """Sends the active broadcasts to `sessions` (by device id) and reports cursors to the lease's buffer."""

    def __init__(self, sessions: dict[int, Session], lease: NodeLease, threads: DatabaseThreads) -> None:
        self._sessions = sessions
        self._acks = lease.acks
        self._threads = threads
        self._active = ActiveBroadcasts()
        # These two are looked up for each acknowledgement.
        self._cursors = self._active.cursors
        self.known_ids = self._active.known_ids
        # Set when the active broadcasts are to be read at once.
        self._changed = asyncio.Event()
        # Progress of devices that left lately: their cursor in the database may lag behind.
        self.recent_progress: RecentByDevice[BroadcastProgress] = RecentByDevice(
            seconds=REMEMBERED_SECONDS, limit=50_000
        )

    def read_soon(self) -> None:
        """Read the active broadcasts: there is a new one, or one was revoked."""
        self._changed.set()

    async def watch(self) -> None:
        """Read the active broadcasts when notified and every `READ_SECONDS`, forever."""
        await run_forever(self._read_and_wait, work="active broadcasts")

    async def _read_and_wait(self) -> None:
        await self._read()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), READ_SECONDS)
        self._changed.clear()

    async def _read(self) -> None:
        """Withdraw broadcasts that ended, and offer new ones to every session that they are for."""
        active, unknown = await self._threads.run(_read_active, self._active.active_ids)
        ended = self._active.retain(active)
        new = [ActiveBroadcast.of(found) for found in unknown]
        self._active.add(new)
        if not ended and not new:
            return
        by_group = BroadcastsByGroup(new)
        async for sessions in slices(self._sessions.values()):
            for session in sessions if ended else ():
                for broadcast in ended:
                    session.withdraw(broadcast.id)
            # First, because what is offered afterwards then follows in the order of ids.
            if by_group.by_binding:
                self._request_matches(sessions, by_group)
            self.offer(sessions, by_group)

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
                dup = progress.offer(broadcast.id)
                if dup is not None:
                    session.deliver(broadcast.id, broadcast.payload, broadcast.expire_at_ms, dup, now_ms)

    def _offer_later(self, session: Session, by_group: BroadcastsByGroup) -> None:
        """Let the session request its pending rows, which are older; broadcasts are merged in (`after_cursor`)."""
        if session.state is State.OPEN and session.device is not None:
            intended = by_group[DeviceGroup.of(session.device)]
            if intended:
                session.request_pending_unless_requested(intended[0].id - 1)

    def has_broadcast_for(self, session: Session, matched: Collection[int]) -> bool:
        """Tell whether a broadcast may be sent to a device that has just connected.

        Args:
            session: The device's session.
            matched: The broadcasts by time of binding that are for the device.
        """
        device = session.device
        if session.broadcasts is not None or device is None:
            return False
        intended = self._active.by_group.for_device(DeviceGroup.of(device), matched)
        return bool(intended) and intended[-1].id > device.broadcast_position

    def take_state(self, device_id: int) -> BroadcastState | None:
        """Return, and forget here, the progress of a device that connected to another node."""
        progress = self.recent_progress.pop(device_id)
        return progress.to_state() if progress is not None else None

    def restore(self, device: KnownDevice, state: BroadcastState) -> None:
        """Keep the progress that a device had on its former node."""
        self.recent_progress.put(
            device.id, BroadcastProgress.from_state(device.id, DeviceGroup.of(device), state, self._cursors)
        )

    def assume_sent(self, device: KnownDevice, former: FormerNode) -> None:
        """Note that broadcasts may have been sent by the device's former node, which did not reply."""
        progress = self.recent_progress.pop(device.id)
        group = DeviceGroup.of(device)
        if progress is None:
            progress = BroadcastProgress(device.id, self._cursors.at(group, device.broadcast_position))
        progress.assume_sent(
            broadcast.id
            for broadcast in [*self._active.by_group[group], *self._active.by_group.by_binding_for(group)]
            if former.may_have_sent(created_at_ms(broadcast.id))
        )
        self.recent_progress.put(device.id, progress)

    def _request_matches(self, sessions: Iterable[Session], by_group: BroadcastsByGroup) -> None:
        """Let sessions request pending rows; the same query matches broadcasts by time of binding to devices."""
        for session in sessions:
            if session.state is State.OPEN and session.device is not None:
                intended = by_group.by_binding_for(DeviceGroup.of(session.device))
                if intended:
                    session.request_pending(intended[0].id - 1)

    def binding_windows(self, sessions: Iterable[Session]) -> tuple[dict[int, Window], list[int]]:
        """Return what the query of pending rows is to match: broadcasts by time of binding to devices.

        Returns:
            The time of binding of each such broadcast, and the ids of devices that they may be for.
        """
        by_group = self._active.by_group
        if not by_group.by_binding:
            return {}, []
        windows: dict[int, Window] = {}
        device_ids: list[int] = []
        for session in sessions:
            device = session.device
            intended = by_group.by_binding.get((device.workspace_id, device.platform)) if device is not None else None
            if device is not None and intended:
                device_ids.append(device.id)
                windows |= {broadcast.id: broadcast.bound for broadcast in intended if broadcast.bound is not None}
        return windows, device_ids

    def after_cursor(
        self, session: Session, up_to: int | None, matched: Collection[int], queried: Collection[int]
    ) -> Iterator[OutboundMessage]:
        """Yield the active broadcasts after a device's cursor, in order; each is noted as offered when it is taken.

        Stops before a broadcast by time of binding that the database was not asked about: it became active during the
        query, for which the session has requested another, and what follows must not overtake it.

        Args:
            session: The device's session.
            up_to: The last id, None for all.
            matched: The broadcasts by time of binding that are for the device.
            queried: The broadcasts by time of binding that the database was asked about.
        """
        progress, device = session.broadcasts, session.device
        if progress is None:
            if device is None or not self._active.by_group.for_device(DeviceGroup.of(device), matched):
                return
            progress = session.broadcasts = self._progress_of(device)
        cursor = progress.cursor
        not_queried = (one.id for one in self._active.by_group.by_binding_for(cursor.group) if one.id not in queried)
        limit = next((broadcast_id for broadcast_id in not_queried if broadcast_id > cursor.position), math.inf)
        for broadcast in self._active.by_group.for_device(cursor.group, matched):
            if (up_to is not None and broadcast.id > up_to) or broadcast.id >= limit:
                return
            dup = progress.offer(broadcast.id)
            if dup is not None:
                yield OutboundMessage(broadcast.id, broadcast.payload, broadcast.expire_at_ms, dup)

    def group_changed(self, session: Session, matched: Collection[int]) -> None:
        """Resolve offered broadcasts that were not sent and are not for the device any more.

        Called after the device's user or channel changed.
        """
        progress, device = session.broadcasts, session.device
        if progress is None or device is None:
            return
        group = DeviceGroup.of(device)
        if group != progress.cursor.group:
            progress.change_group(group)
        intended = {broadcast.id for broadcast in self._active.by_group.for_device(group, matched)}
        intended.update(session.unacknowledged())
        for broadcast_id in progress.open_ids():
            if broadcast_id not in intended:
                progress.resolve(broadcast_id, acknowledged=False)
        self._advance(progress)

    def _progress_of(self, device: KnownDevice) -> BroadcastProgress:
        """Return a device's progress from its cursor and what is remembered of its last connection."""
        progress, cursors, group = self.recent_progress.pop(device.id), self._cursors, DeviceGroup.of(device)
        if progress is None:
            return BroadcastProgress(device.id, cursors.at(group, device.broadcast_position))
        progress.resume(group, device.broadcast_position, cursors)
        return progress

    def acknowledged(self, progress: BroadcastProgress, broadcast_id: int) -> None:
        """Note that a device acknowledged a broadcast."""
        cursor = progress.acknowledge_only_open(broadcast_id, self._cursors)
        if cursor is not None:
            self._acks.report_cursor(progress.device_id, cursor)
        else:
            progress.resolve(broadcast_id, acknowledged=True)
            self._advance(progress)

    def refused(self, session: Session, message_id: int) -> None:
        """Note that a device refused a message, if that is a broadcast."""
        if session.broadcasts is not None and message_id in self.known_ids:
            session.broadcasts.resolve(message_id, acknowledged=False)
            self._advance(session.broadcasts)

    def closed(self, session: Session) -> None:
        """Remember the progress of a device whose session ended."""
        progress = session.broadcasts
        if progress is not None:
            progress.connection_ended(session.unacknowledged())
            self._advance(progress)
            self.recent_progress.put(progress.device_id, progress)

    def _advance(self, progress: BroadcastProgress) -> None:
        if progress.advance(self._active):
            self._acks.report_cursor(progress.device_id, progress.cursor)

    def report_cursor_again(self, session: Session) -> None:
        """Report the device's cursor again, in case an earlier report was lost."""
        progress = session.broadcasts
        if progress is not None and progress.cursor.acknowledged:
            self._acks.report_cursor(progress.device_id, progress.cursor)


def _read_active(held: Collection[int]) -> tuple[list[int], list[broadcasts.DeliverableBroadcast]]:
    """Read the active broadcasts, and the database's clock now and then: the thread keeps its connection."""
    clock.refresh()
    return broadcasts.read_active(held)
