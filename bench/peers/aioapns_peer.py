"""aioapns, 400 notifications side by side on four connections, as the project's own adapter."""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import time
from typing import Any
from urllib.parse import urlsplit

from aioapns import APNs, NotificationRequest
from aioapns.connection import APNsProductionClientProtocol


async def main(asked: dict[str, Any]) -> list[dict[str, float]]:
    address, values = urlsplit(asked["url"]), asked["values"]
    APNsProductionClientProtocol.APNS_SERVER = address.hostname
    APNsProductionClientProtocol.APNS_PORT = address.port
    client = APNs(
        key=values["p8"],
        key_id=values["key_id"],
        team_id=values["team_id"],
        topic=values["bundle_id"],
        max_connections=4,
        ssl_context=ssl.create_default_context(),
    )
    gate = asyncio.Semaphore(400)

    async def send(token: str) -> None:
        async with gate:
            answer = await client.send_notification(NotificationRequest(device_token=token, message=asked["message"]))
            assert answer.is_successful, answer.description

    await send(asked["tokens"][0])
    runs = []
    for _ in range(asked["runs"]):
        core, wall = time.process_time(), time.perf_counter()
        await asyncio.gather(*(send(token) for token in asked["tokens"]))
        runs.append({"core": time.process_time() - core, "wall": time.perf_counter() - wall})
    return runs


print(json.dumps(asyncio.run(main(json.load(sys.stdin)))))
