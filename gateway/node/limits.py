"""Limit the connections of a gateway process: in all, by address, app and workspace, and the rate of an address."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TypeVar

from mqtt5 import ConnAckReasonCode as ConnAck

from pushcore.devices.registry import KnownDevice
from pushcore.security.proxies import source_network

Key = TypeVar("Key")

# Addresses whose rate is kept; the least recent are forgotten first.
MAX_ADDRESSES = 50_000
# How many seconds' worth of connections an address may open at once.
BURST_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of connections, each 0 for none. `address_rate` is connections a second."""

    connections: int = 0
    per_address: int = 0
    per_app: int = 0
    per_workspace: int = 0
    address_rate: int = 0


UNLIMITED = Limits()


class ConnectionLimiter:
    """Counts connections. Its memory is bounded by the open ones and by `MAX_ADDRESSES`."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._open = 0
        self._by_network: dict[str, int] = {}
        self._by_app: dict[int, int] = {}
        self._by_workspace: dict[int, int] = {}
        # A leaky bucket as one number (GCRA): when an origin at exactly the granted rate would connect next.
        self._next_due: OrderedDict[str, float] = OrderedDict()
        # Connections that ended before a device was admitted, since the start: refused, silent, broken.
        self.turned_away = 0

    def opened(self, address: str | None) -> bool:
        """Count a connection; return False if it is to be closed without reading from it.

        A connection slightly over a limit is read, so that its CONNECT is refused with a reason: up to twice as many as
        an address may have, and an eighth more than the process may have.

        Args:
            address: The client's address, None while it is unknown.
        """
        limits, count = self._limits, 0
        self._open += 1
        if address is not None:
            key = source_network(address)
            self._by_network[key] = count = self._by_network.get(key, 0) + 1
        return not (
            (limits.connections and self._open > limits.connections + limits.connections // 8 + 16)
            or (limits.per_address and count > 2 * limits.per_address)
        )

    def closed(self, address: str | None) -> None:
        """Count down a connection that was opened with the same address."""
        self._open -= 1
        if address is not None:
            _count_down(self._by_network, source_network(address))

    def refusal_of(self, address: str) -> ConnAck | None:
        """Return the reason to refuse a CONNECT from an address, None to accept it."""
        limits = self._limits
        if limits.connections and self._open > limits.connections:
            return ConnAck.SERVER_BUSY
        if limits.per_address and self._by_network.get(source_network(address), 0) > limits.per_address:
            return ConnAck.QUOTA_EXCEEDED
        if limits.address_rate and self._exceeds_rate(source_network(address), limits.address_rate):
            return ConnAck.CONNECTION_RATE_EXCEEDED
        return None

    def _exceeds_rate(self, key: str, rate: int) -> bool:
        now = time.monotonic()
        due = max(self._next_due.pop(key, now), now)
        too_fast = due - now > BURST_SECONDS
        self._next_due[key] = due if too_fast else due + 1 / rate
        if len(self._next_due) > MAX_ADDRESSES:
            self._next_due.popitem(last=False)
        return too_fast

    def admitted(self, device: KnownDevice) -> bool:
        """Count a session of a device's app and workspace; return False, uncounted, if either is at its limit."""
        limits = self._limits
        app_count, workspace_count = self._by_app.get(device.app_id, 0), self._by_workspace.get(device.workspace_id, 0)
        if (limits.per_app and app_count >= limits.per_app) or (
            limits.per_workspace and workspace_count >= limits.per_workspace
        ):
            return False
        self._by_app[device.app_id], self._by_workspace[device.workspace_id] = app_count + 1, workspace_count + 1
        return True

    def session_ended(self, device: KnownDevice) -> None:
        """Count down a session of a device's app and workspace."""
        _count_down(self._by_app, device.app_id)
        _count_down(self._by_workspace, device.workspace_id)


class PendingConnection:
    """A connection that is not a session yet: its PROXY header, TLS handshake or HTTP request is being read.

    It counts like a session, for silent connections use up the process's files too. `is_allowed` is False if it exceeds
    a limit and is to be closed.
    """

    __slots__ = ("_address", "_limiter", "is_allowed")

    def __init__(self, limiter: ConnectionLimiter, address: str | None) -> None:
        """Count the connection.

        Args:
            limiter: Counts it.
            address: The client's address; None while only a proxy's is known.
        """
        self._limiter: ConnectionLimiter | None = limiter
        self._address = address
        self.is_allowed = limiter.opened(address)
        if not self.is_allowed:
            limiter.turned_away += 1
            self.ended()

    def ended(self) -> None:
        """Stop counting: it became a session, which counts itself, or was closed. Idempotent."""
        if self._limiter is not None:
            self._limiter.closed(self._address)
            self._limiter = None


def _count_down(counts: dict[Key, int], key: Key) -> None:
    if counts[key] > 1:
        counts[key] -= 1
    else:
        del counts[key]
