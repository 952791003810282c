"""`manage.py gateway`: one gateway process. Run one per core."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from typing import Any

import uvloop
from django.conf import settings
from django.core.management.base import BaseCommand
from redis.exceptions import RedisError

from gateway.node import Node
from gateway.server import PortTakenError, listen, serve


class Command(BaseCommand):
    help = "Serve devices: MQTT over TCP and over WebSocket."

    def handle(self, *args: Any, **options: Any) -> None:
        # Imported here: it needs Django set up, and other commands do not need it.
        from channels.routing import get_default_application

        try:
            tcp = listen(settings.BIND, settings.MQTT_PORT)
            websocket = listen(settings.BIND, settings.WS_PORT)
            uvloop.run(self._serve(tcp, websocket, get_default_application()))
        except PortTakenError as error:
            self.stderr.write(f"mps: gateway: {error}")
            sys.exit(1)
        except RedisError as error:
            self.stderr.write(f"mps: gateway: the fast store does not answer: {type(error).__name__}")
            sys.exit(1)

    async def _serve(self, tcp: Any, websocket: Any, application: object) -> None:
        node = Node(settings.REDIS_URL, max_keep_alive=settings.GATEWAY_MAX_KEEP_ALIVE)
        stop = asyncio.Event()
        for signum in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(signum, stop.set)
        await serve(node, tcp, websocket, application, stop=stop, ready=_freeze)


def _freeze() -> None:
    """What lives at this point lives as long as the process: keep it out of every collection.

    Sessions live long too, and make no garbage in circles: a look at all of them is a pause for everybody, and rare.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)
