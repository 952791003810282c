"""Celery's broker: kombu's Redis transport, where a server that refuses to write counts as one that is away.

kombu takes MISCONF, OOM and READONLY for errors of a channel, at which workers end; a lost connection they wait out
(kombu.transport.redis, `get_redis_error_classes`). So the refusal is one more of its connection errors. It is no
`redis.ConnectionError`: at such a one redis-py repeats a transaction that watches keys, at once and without end.
"""

from __future__ import annotations

from typing import Any

from kombu.transport import TRANSPORT_ALIASES, virtual
from kombu.transport import redis as kombu_redis
from redis.exceptions import ResponseError

from pushcore.storage.valkey import ErrorParser, ValkeyRefusesError

PROBE_KEPT_SECONDS = 60
_SCHEMES = ("redis", "rediss", "redis+socket")


class BrokerRefusesError(ResponseError):
    """The broker answers and refuses to write for now."""


class _BrokerParser(ErrorParser):
    @classmethod
    def parse_error(cls, response: str) -> Exception:
        error = super().parse_error(response)
        return BrokerRefusesError(response) if isinstance(error, ValkeyRefusesError) else error


class BrokerQoS(kombu_redis.QoS):
    """Counts a message as no longer in work when its acknowledgement fails.

    kombu goes on counting it, and a worker whose places are all taken this way asks for no more messages. The server
    still has such a message: it is delivered again after the visibility timeout, and every task may run twice.
    """

    def ack(self, delivery_tag: str) -> None:
        """Acknowledge a message; it frees its place in any case."""
        try:
            super().ack(delivery_tag)
        except Exception:
            virtual.QoS.ack(self, delivery_tag)
            raise

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Reject a message; it frees its place in any case."""
        try:
            super().reject(delivery_tag, requeue=requeue)
        except Exception:
            virtual.QoS.ack(self, delivery_tag)
            raise


class BrokerChannel(kombu_redis.Channel):
    """A channel that opens only where the server takes writes; kombu tries again, ever more slowly."""

    QoS = BrokerQoS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        try:
            self.client.set("probe", 1, ex=PROBE_KEPT_SECONDS)
        except Exception:
            self._disconnect_pools()  # type: ignore[attr-defined]  # as its superclass does where a ping fails
            raise

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
        parameters: dict[str, Any] = super()._connparams(asynchronous)  # type: ignore[misc]  # not in the stubs
        return parameters | {"parser_class": _BrokerParser}


class BrokerTransport(kombu_redis.Transport):
    """The transport with our channel, which a refusing server disconnects."""

    Channel = BrokerChannel
    connection_errors = (*kombu_redis.Transport.connection_errors, BrokerRefusesError)


def install() -> None:
    """Put our transport in the place of kombu's for all Redis URLs. To be called before the Celery app is made."""
    for scheme in _SCHEMES:
        TRANSPORT_ALIASES[scheme] = f"{__name__}:BrokerTransport"
