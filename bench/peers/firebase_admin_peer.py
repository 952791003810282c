"""firebase-admin: `send_each_async` (HTTP/2) of 500 messages at a time, its maximum."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

import firebase_admin
from firebase_admin import credentials, messaging

MOST = 500


async def main(asked: dict[str, Any]) -> None:
    """Send a batch for each line on standard input."""
    # The package has no setting for another address.
    messaging._MessagingService.FCM_URL = asked["url"] + "/v1/projects/{0}/messages:send"
    firebase_admin.initialize_app(credentials.Certificate(asked["service_account"]))
    shown = messaging.Notification(title="Title", body="Content")
    messages = [messaging.Message(token=token, notification=shown) for token in asked["tokens"]]

    async def send(batch: list[messaging.Message]) -> None:
        answer = await messaging.send_each_async(batch, dry_run=False)
        assert answer.failure_count == 0, next(one.exception for one in answer.responses if one.exception)

    print("ready", flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        await send(messages[:100])
        core, wall = time.process_time(), time.perf_counter()
        for start in range(0, len(messages), MOST):
            await send(messages[start : start + MOST])
        print(json.dumps({"core": time.process_time() - core, "wall": time.perf_counter() - wall}), flush=True)


asyncio.run(main(json.loads(sys.stdin.readline())))
