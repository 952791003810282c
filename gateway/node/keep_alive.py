"""Deadlines of many sessions without a timer each."""

from __future__ import annotations

from collections import defaultdict

from gateway.node.clock import TICK_SECONDS, LoopClock
from gateway.protocol.session import CONNECT_SECONDS, Session, State

# The longest a device waits for the answer to its CONNECT: about as long as clients themselves do.
ADMISSION_SECONDS = 60.0


class KeepAliveTimers:
    """Buckets of sessions by the second they are due. A session is looked at about once per keep alive interval.

    `clock`: the one that stamps what the sessions receive."""

    def __init__(self, clock: LoopClock) -> None:
        self._clock = clock
        self._buckets: dict[int, set[Session]] = defaultdict(set)
        self._swept = int(clock.now)

    def add(self, session: Session) -> None:
        """Watch a session, from its first byte on."""
        slot = max(int(_due(session, self._clock.now)) + 1, self._swept + 1)
        session.wheel_slot = slot
        self._buckets[slot].add(session)

    def discard(self, session: Session) -> None:
        bucket = self._buckets.get(session.wheel_slot)
        if bucket is not None:
            bucket.discard(session)

    def moved(self, session: Session) -> None:
        """The session's deadline changed (it has connected)."""
        self.discard(session)
        self.add(session)

    def overdue(self) -> list[Session]:
        """The sessions that were silent for too long; the others of the buckets passed are put where they belong."""
        now = int(self._clock.now)
        late: list[Session] = []
        for slot in range(self._swept + 1, now + 1):
            for session in self._buckets.pop(slot, ()):
                if session.state is State.CLOSED:
                    continue
                if _due(session, self._clock.now) <= now:
                    late.append(session)
                else:
                    self._swept = slot
                    self.add(session)
        self._swept = now
        return late


def _due(session: Session, now: float) -> float:
    """When it must have been heard of: 1.5 keep alives after its last packet (MQTT 5, 3.1.2.10), 10 s for a CONNECT.

    While it is being admitted or held back, it is us it waits for.
    """
    heard = session.last_received + TICK_SECONDS  # or earlier
    if session.state is State.OPEN and session.is_paused:
        heard = max(heard, now)
    if session.state is State.OPEN:
        return heard + 1.5 * session.keep_alive
    return heard + (ADMISSION_SECONDS if session.state is State.ADMITTING else CONNECT_SECONDS)
