"""Celery's broker: kombu's Redis transport, where a store that refuses to write counts as one that is away.

kombu takes MISCONF, OOM, READONLY and their like for faults of a channel, at which workers end; a lost connection they
wait out. (kombu.transport.redis, `get_redis_error_classes`)
"""

from __future__ import annotations

from typing import Any

from kombu.transport import TRANSPORT_ALIASES
from kombu.transport import redis as kombu_redis

from pushcore.storage.valkey import ErrorParser

PROBE_KEPT_SECONDS = 60
_SCHEMES = ("redis", "rediss", "redis+socket")


class Channel(kombu_redis.Channel):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """A store that does not let us write is not connected to, which is tried again ever more slowly."""
        super().__init__(*args, **kwargs)
        try:
            self.client.set("probe", 1, ex=PROBE_KEPT_SECONDS)
        except Exception:
            self._disconnect_pools()  # type: ignore[attr-defined]  # as its superclass does where a ping fails
            raise

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
        parameters: dict[str, Any] = super()._connparams(asynchronous)  # type: ignore[misc]  # not in the stubs
        return parameters | {"parser_class": ErrorParser}


class Transport(kombu_redis.Transport):
    Channel = Channel


def install() -> None:
    """Take the place of kombu's own transport of these URLs."""
    for scheme in _SCHEMES:
        TRANSPORT_ALIASES[scheme] = f"{__name__}:Transport"
