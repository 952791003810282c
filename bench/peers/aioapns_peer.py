"""aioapns: 400 notifications at once on four connections, as the project's own adapter sends them.

The connections are opened before anything is sent, and stay open. On a new connection aioapns does not wait for the
server's limit of streams; it would open too many, and the server would end the connection.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import time
from typing import Any
from urllib.parse import urlsplit

from aioapns import APNs, NotificationRequest, PushType
from aioapns.connection import APNsProductionClientProtocol

# aioapns assumes this limit of streams on a connection that knows none yet.
_UNTOLD = 1000


async def main(asked: dict[str, Any]) -> None:
    """Send a batch for each line on standard input."""
    address, values = urlsplit(asked["url"]), asked["values"]
    APNsProductionClientProtocol.APNS_SERVER = address.hostname
    APNsProductionClientProtocol.APNS_PORT = address.port
    tls = ssl.create_default_context()
    tls.set_alpn_protocols(["h2"])  # by itself it offers no protocol, which some servers refuse
    client = APNs(
        key=values["p8"],
        key_id=values["key_id"],
        team_id=values["team_id"],
        topic=values["bundle_id"],
        max_connections=4,
        ssl_context=tls,
    )
    APNsProductionClientProtocol.INACTIVITY_TIME = 3600
    pool = client.pool
    for _ in range(4):
        pool.connections.append(await pool.create_connection())
    async with asyncio.timeout(10):
        while any(connection.free_channels.bound == _UNTOLD for connection in pool.connections):
            await asyncio.sleep(0.01)
    gate = asyncio.Semaphore(400)

    async def send(one: dict[str, Any]) -> None:
        async with gate:
            answer = await client.send_notification(
                NotificationRequest(
                    device_token=one["token"],
                    message=one["message"],
                    time_to_live=asked["seconds"],
                    priority=asked["priority"],
                    collapse_key=one["collapse"],
                    push_type=PushType(asked["push_type"]),
                )
            )
            assert answer.is_successful, answer.description

    print("ready", flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        core, wall = time.process_time(), time.perf_counter()
        await asyncio.gather(*(send(one) for one in asked["notifications"]))
        print(json.dumps({"core": time.process_time() - core, "wall": time.perf_counter() - wall}), flush=True)


asyncio.run(main(json.loads(sys.stdin.readline())))
