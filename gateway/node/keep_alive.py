"""Keep alive deadlines of many sessions, without a timer for each."""

from __future__ import annotations

from collections import defaultdict

from gateway.node.clock import TICK_SECONDS, LoopClock
from gateway.protocol.ports import State
from gateway.protocol.session import CONNECT_SECONDS, Session

# The longest a device waits for the answer to its CONNECT: about as long as clients themselves do.
ADMISSION_SECONDS = 60.0


class KeepAliveTimers:
    """A timing wheel: sessions in buckets by the second of their deadline.

    A session is checked about once in its keep alive interval. `clock` is the one that stamps what sessions receive.
    """

    def __init__(self, clock: LoopClock) -> None:
        self._clock = clock
        self._buckets: dict[int, set[Session]] = defaultdict(set)
        self._checked_to = int(clock.now)

    def add(self, session: Session) -> None:
        """Watch a session."""
        slot = max(int(_deadline(session, self._clock.now)) + 1, self._checked_to + 1)
        session.timer_slot = slot
        self._buckets[slot].add(session)

    def discard(self, session: Session) -> None:
        """Stop watching a session."""
        bucket = self._buckets.get(session.timer_slot)
        if bucket is not None:
            bucket.discard(session)

    def reschedule(self, session: Session) -> None:
        """Move a session whose deadline changed."""
        self.discard(session)
        self.add(session)

    def overdue(self) -> list[Session]:
        """Return the sessions that were silent for too long; reschedule the others of the buckets passed."""
        now = int(self._clock.now)
        late: list[Session] = []
        for slot in range(self._checked_to + 1, now + 1):
            for session in self._buckets.pop(slot, ()):
                if session.state is State.CLOSED:
                    continue
                if _deadline(session, self._clock.now) <= now:
                    late.append(session)
                else:
                    self._checked_to = slot
                    self.add(session)
        self._checked_to = now
        return late


def _deadline(session: Session, now: float) -> float:
    """Return a session's deadline: 1.5 keep alives after its last packet (MQTT 5, 3.1.2.10), 10 s for a CONNECT.

    A session that is being admitted or is paused waits for the server and is not silent.
    """
    last_heard = session.last_received + TICK_SECONDS  # or earlier
    if session.state is State.OPEN and session.is_reading_paused:
        last_heard = max(last_heard, now)
    if session.state is State.OPEN:
        return last_heard + 1.5 * session.keep_alive
    return last_heard + (ADMISSION_SECONDS if session.state is State.ADMITTING else CONNECT_SECONDS)
