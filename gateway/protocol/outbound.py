"""The half of a session that sends messages to the device, in the order of their ids.

A message is in one of three places: in flight (sent, not acknowledged), in the backlog (queued in memory while the
device's window is full), or pending (a row in the database, which the host is asked for when there is room).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple, Self

from gateway.protocol.ports import Host, State, Transport, Writer
from gateway.protocol.shared_payload import SharedPayload
from gateway.protocol.versions import VERSION_5, Version
from pushcore.storage import clock

if TYPE_CHECKING:
    from gateway.broadcast.progress import BroadcastProgress

# Messages in flight to a device, however large its Receive Maximum. That many of the largest (4 KiB of content) fit a
# transport's buffer (256 KiB), so slowness alone cuts nobody off.
MAX_IN_FLIGHT = 48
# Messages queued in memory for a device whose window is full; more stay rows.
MAX_BACKLOG = 16
# Messages a device refused or cannot take, remembered so that they are not sent again on its connection.
MAX_REFUSED = 1000
# How long after a change of a device's user or channel a message may arrive that was dispatched before it.
RECHECK_SECONDS = 10.0
MAX_PACKET_ID = 65_535


class OutboundMessage(NamedTuple):
    """A message for a device.

    `expire_at_ms` is milliseconds since 1970; `dup` tells that it may have been sent before.
    """

    message_id: int
    payload: bytes | SharedPayload
    expire_at_ms: int
    dup: bool


# Looked up for each message.
_OPEN = State.OPEN


class Outbound:
    """Sends messages to one device; `gateway.protocol.session.Session` adds what the device sends.

    Methods that pass the session to its host are annotated with `self: Self`: the host takes the subclass.
    """

    __slots__ = (
        "_backlog",
        "_clock",
        "_held_back",
        "_in_flight",
        "_max_packet",
        "_next_packet_id",
        "_pending_above",
        "_pending_requested",
        "_recheck_until",
        "_refused",
        "_request_is_stale",
        "_transport",
        "_version",
        "_window",
        "_writer",
        "broadcasts",
        "caught_up",
        "host",
        "state",
    )

    def __init__(self, host: Host[Self], transport: Transport) -> None:
        self.host = host
        self.state = State.AWAITING_CONNECT
        self._clock = host.clock
        self._transport = transport
        self._writer: Writer = transport.writer
        self._version: Version = VERSION_5
        # The host's: how far the device has come with broadcasts, once there are any.
        self.broadcasts: BroadcastProgress | None = None
        # Messages in flight: packet id -> message id.
        self._in_flight: dict[int, int] = {}
        self._next_packet_id = 0
        # The device's Receive Maximum and Maximum Packet Size in bytes; 0 for no maximum.
        self._window = MAX_IN_FLIGHT
        self._max_packet = 0
        # Messages that wait for the window.
        self._backlog: deque[OutboundMessage] | None = None
        self._refused: set[int] | None = None
        # Whether messages are sent as they arrive: the session is open, and nothing older is pending.
        self.caught_up = False
        # Rows with ids above this may be pending; None if there are none.
        self._pending_above: int | None = None
        # Whether pending rows were requested and have not arrived; and whether what arrives is out of date.
        self._pending_requested = self._request_is_stale = False
        # Messages that arrived while rows are pending; they follow the rows.
        self._held_back: list[OutboundMessage] | None = None
        # Until then (by the host's clock) a message that arrives is requested as a row: see `discard_unsent`.
        self._recheck_until = 0.0

    def deliver(
        self, message_id: int, payload: bytes | SharedPayload, expire_at_ms: int, dup: bool, now_ms: int
    ) -> None:
        """Send a message, or queue it while the device's Receive Maximum is used up.

        A message in flight is not sent twice. What does not fit into memory stays a row and is requested when the
        device has caught up. While older rows are pending, the message queues behind them.

        Args:
            message_id: The message.
            payload: Its payload.
            expire_at_ms: When it expires, in milliseconds since 1970.
            dup: Whether it may have been sent before.
            now_ms: The time, in milliseconds since 1970.
        """
        if not self.caught_up:
            self._hold_back(OutboundMessage(message_id, payload, expire_at_ms, dup), now_ms)
            return
        in_flight = self._in_flight
        if in_flight or self._backlog or self._refused:
            if self.holds(message_id) or (self._refused and message_id in self._refused):
                return
            if len(in_flight) >= self._window:
                self._add_to_backlog(OutboundMessage(message_id, payload, expire_at_ms, dup))
                return
        ms_left = expire_at_ms - now_ms
        if ms_left <= 0:
            return
        packet_id = self._next_packet_id + 1
        while packet_id > MAX_PACKET_ID or packet_id in in_flight:
            packet_id = packet_id + 1 if packet_id < MAX_PACKET_ID else 1
        self._next_packet_id = packet_id
        packet = self._version.message(packet_id, payload, ms_left, dup)
        if self._max_packet and len(packet) > self._max_packet:
            self._refuse_message(message_id)  # must not be sent (3.1.2.11.4)
            return
        self.host.delivered += 1
        is_first = not in_flight
        in_flight[packet_id] = message_id
        if is_first:
            self._writer.write(packet)
        else:  # where one is in flight there are often many: they are coalesced
            self._transport.write_coalesced(packet)

    def _add_to_backlog(self, message: OutboundMessage) -> None:
        """Queue a message that exceeds the window; it stays a row if the backlog is full too."""
        if self._backlog is None:
            self._backlog = deque()
        if len(self._backlog) >= MAX_BACKLOG:
            self._note_pending(message.message_id)
        else:
            self._backlog.append(message)

    def _note_pending(self, message_id: int) -> None:
        """Note that the message is to be read with the pending rows, in the order of ids."""
        after = message_id - 1
        self._pending_above = after if self._pending_above is None else min(after, self._pending_above)
        self.caught_up = False

    def _hold_back(self, message: OutboundMessage, now_ms: int) -> None:
        """Queue a message until pending rows, which may be older, are sent."""
        if self.state is not _OPEN:
            return
        if self._clock.now < self._recheck_until:
            self.request_pending(message.message_id - 1)
        elif self._pending_above is None and not self._pending_requested:
            self.caught_up = True  # the time of rechecks is over
            self.deliver(*message, now_ms)
        elif self._held_back is not None and len(self._held_back) >= MAX_BACKLOG:
            self._note_pending(message.message_id)
        elif self._held_back is None:
            self._held_back = [message]
        else:
            self._held_back.append(message)

    def deliver_pending(self, messages: Iterable[OutboundMessage], complete_to: int | None) -> None:
        """Send the pending messages that the host was asked for, then those that arrived meanwhile.

        Args:
            messages: Pending messages in the order of their ids.
            complete_to: The id up to which they are all that is pending; None if there are no more.
        """
        self._pending_requested = False
        if self.state is not _OPEN:
            return
        if self._request_is_stale:  # it was read before `discard_unsent`
            self._request_is_stale = False
            self._send_backlog()
            return
        now_ms, held_back = int(clock.time() * 1000), self._held_back
        self._held_back, self.caught_up = None, True
        for message in messages:
            self.deliver(*message, now_ms)
            if not self.caught_up:
                break  # memory is full: the rest is requested again
        if complete_to is not None:
            self._note_pending(complete_to + 1)
        for message in sorted(held_back or (), key=lambda message: message.message_id):
            # A message with an id below what was read: its transaction was not committed then.
            self.caught_up = self._pending_above is None or message.message_id <= self._pending_above
            self.deliver(*message, now_ms)
        self.caught_up = self._pending_above is None and self._clock.now >= self._recheck_until
        self._send_backlog()

    def _acknowledge(self: Self, packet_id: int) -> None:
        """Note that the device acknowledged a message, and send what waited for its place in the window."""
        message_id = self._in_flight.pop(packet_id, None)
        if message_id is None:
            return
        self.host.message_acknowledged(self, message_id)
        if self._backlog or self._pending_above is not None:
            self._send_backlog()

    def _reject(self, packet_id: int) -> None:
        """Note that the device refused a message: it is not acknowledged, and not sent again on this connection."""
        message_id = self._in_flight.pop(packet_id, None)
        if message_id is not None:
            self._refuse_message(message_id)
            self._send_backlog()

    def _refuse_message(self: Self, message_id: int) -> None:
        """Note that the device does not take a message, and report it."""
        if self._refused is None or len(self._refused) >= MAX_REFUSED:
            self._refused = set()
        self._refused.add(message_id)
        self.host.message_refused(self, message_id)

    @property
    def in_flight(self) -> int:
        """How many messages were sent and not acknowledged."""
        return len(self._in_flight)

    def unacknowledged(self) -> list[int]:
        """Return the ids of messages that were sent and not acknowledged."""
        return list(self._in_flight.values())

    def holds(self, message_id: int) -> bool:
        """Tell whether a message is in flight or queued in memory. Both lists are short."""
        if message_id in self._in_flight.values():
            return True
        return bool(self._backlog) and any(waiting[0] == message_id for waiting in self._backlog or ())

    def withdraw(self, message_id: int) -> None:
        """Drop a message that is queued in memory; one in flight stays."""
        if self._backlog:
            self._backlog = deque(waiting for waiting in self._backlog if waiting.message_id != message_id)
        if self._held_back:
            self._held_back = [waiting for waiting in self._held_back if waiting.message_id != message_id]

    def discard_unsent(self, *, recheck: bool) -> None:
        """Drop what is queued in memory and request it as rows again, after the device's user or channel changed.

        Args:
            recheck: Whether messages that arrive in the next `RECHECK_SECONDS` are requested as rows too, for they may
                have been dispatched before the change.
        """
        if self.state is not _OPEN:
            return
        self._backlog = self._held_back = None
        self._request_is_stale = self._pending_requested
        if recheck:
            self._recheck_until = self._clock.now + RECHECK_SECONDS
        self.request_pending(0)

    def stop_writing(self) -> None:
        """Send nothing more, for the device connected to another node; acknowledgements are still taken."""
        self._backlog = self._held_back = self._pending_above = None
        self.caught_up, self._pending_requested, self._request_is_stale = False, True, True

    def request_pending(self, after: int) -> None:
        """Request rows with ids above `after`, once the window has room."""
        if self.state is not _OPEN:
            return
        self._note_pending(after + 1)
        self._send_backlog()

    def request_pending_unless_requested(self, after: int) -> None:
        """Request pending messages with ids above `after` unless some are requested already; for broadcasts."""
        if self._pending_above is None and not self._pending_requested:
            self.request_pending(after)

    def _send_backlog(self: Self) -> None:
        """Send the backlog; once it is empty and half the window is free, request pending rows."""
        backlog = self._backlog
        if backlog:
            now_ms, caught_up, self.caught_up = int(clock.time() * 1000), self.caught_up, True
            while backlog and self.in_flight < self._window:
                self.deliver(*backlog.popleft(), now_ms)
            self.caught_up = caught_up
            if backlog:
                return
        self._backlog = None
        if (
            self._pending_above is not None
            and not self._pending_requested
            and 2 * self.in_flight <= self._window
            and self.state is State.OPEN
        ):
            after, self._pending_above, self._pending_requested = self._pending_above, None, True
            self.host.pending_requested(self, after)

    @property
    def queued(self) -> int:
        """How many messages are queued in memory."""
        return len(self._backlog or ()) + len(self._held_back or ())

    @property
    def unsent_bytes(self) -> int:
        """Bytes that the device has not taken yet."""
        return self._transport.unsent_bytes
