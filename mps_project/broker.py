"""Celery's broker: kombu's Redis transport, where a server that refuses to write counts as one that is away.

kombu takes MISCONF, OOM and READONLY for errors of a channel, at which workers end; a lost connection they wait out
(kombu.transport.redis, `get_redis_error_classes`).
"""

from __future__ import annotations

from typing import Any

from kombu.transport import TRANSPORT_ALIASES
from kombu.transport import redis as kombu_redis

from pushcore.storage.valkey import ErrorParser

PROBE_KEPT_SECONDS = 60
_SCHEMES = ("redis", "rediss", "redis+socket")


class BrokerChannel(kombu_redis.Channel):
    """A channel that opens only where the server takes writes; kombu tries again, ever more slowly."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        try:
            self.client.set("probe", 1, ex=PROBE_KEPT_SECONDS)
        except Exception:
            self._disconnect_pools()  # type: ignore[attr-defined]  # as its superclass does where a ping fails
            raise

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
        parameters: dict[str, Any] = super()._connparams(asynchronous)  # type: ignore[misc]  # not in the stubs
        return parameters | {"parser_class": ErrorParser}


class BrokerTransport(kombu_redis.Transport):
    """The transport with our channel."""

    Channel = BrokerChannel


def install() -> None:
    """Put our transport in the place of kombu's for all Redis URLs. To be called before the Celery app is made."""
    for scheme in _SCHEMES:
        TRANSPORT_ALIASES[scheme] = f"{__name__}:BrokerTransport"
