"""How many connections a gateway process holds: in all, of an address, of a workspace; how fast addresses may come."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TypeVar

from mqtt5 import ConnAckReasonCode as ConnAck

Key = TypeVar("Key")

# Addresses whose rate is watched; those not heard of for longest are forgotten first.
MAX_ADDRESSES = 50_000
# Seconds' worth of connections that an address may open at once.
BURST_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Each 0 for none. `address_rate`: connections a second."""

    connections: int = 0
    per_address: int = 0
    per_workspace: int = 0
    address_rate: int = 0


UNLIMITED = Limits()


class Doorkeeper:
    """Counts connections. Its memory is bounded by those that are open, and by `MAX_ADDRESSES`."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._open = 0
        self._by_address: dict[str, int] = {}
        self._by_workspace: dict[int, int] = {}
        # When an address that came at exactly the rate granted would be due next (a leaky bucket as one number).
        self._due: OrderedDict[str, float] = OrderedDict()

    def opened(self, address: str) -> bool:
        """Count a connection; False where so many are open that it is not even to be listened to.

        Those only just too many are told why; so are twice as many as an address may have, and an eighth more in all.
        """
        limits = self._limits
        self._open += 1
        self._by_address[address] = count = self._by_address.get(address, 0) + 1
        return not (
            (limits.connections and self._open > limits.connections + limits.connections // 8 + 16)
            or (limits.per_address and count > 2 * limits.per_address)
        )

    def closed(self, address: str) -> None:
        self._open -= 1
        _count_down(self._by_address, address)

    def verdict(self, address: str) -> ConnAck | None:
        """Why a CONNECT from there is refused; None where it is not."""
        limits = self._limits
        if limits.connections and self._open > limits.connections:
            return ConnAck.SERVER_BUSY
        if limits.per_address and self._by_address.get(address, 0) > limits.per_address:
            return ConnAck.QUOTA_EXCEEDED
        if limits.address_rate and self._comes_too_fast(address, limits.address_rate):
            return ConnAck.CONNECTION_RATE_EXCEEDED
        return None

    def _comes_too_fast(self, address: str, rate: int) -> bool:
        now = time.monotonic()
        due = max(self._due.pop(address, now), now)
        too_fast = due - now > BURST_SECONDS
        self._due[address] = due if too_fast else due + 1 / rate
        if len(self._due) > MAX_ADDRESSES:
            self._due.popitem(last=False)
        return too_fast

    def admitted(self, workspace_id: int) -> bool:
        """Count a workspace's session; False (and not counted) where it has all it may have."""
        count = self._by_workspace.get(workspace_id, 0)
        if self._limits.per_workspace and count >= self._limits.per_workspace:
            return False
        self._by_workspace[workspace_id] = count + 1
        return True

    def left(self, workspace_id: int) -> None:
        _count_down(self._by_workspace, workspace_id)


def _count_down(counts: dict[Key, int], key: Key) -> None:
    if counts[key] > 1:
        counts[key] -= 1
    else:
        del counts[key]
