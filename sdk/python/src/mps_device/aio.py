"""The client for asyncio: the same device, whose callbacks may be coroutines."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Mapping
from typing import Any, Self

from mps_device.client import PushClient
from mps_device.clock import Clock
from mps_device.config import Config
from mps_device.device_requests import ProofProvider
from mps_device.inbox import InboxPage
from mps_device.messages import Message
from mps_device.state import State
from mps_device.store import Store


class AsyncPushClient:
    """A device in an event loop. Callbacks are those of `PushClient`, as functions or coroutines, run by the loop."""

    def __init__(
        self, config: Config, store: Store, clock: Clock | None = None, logger: logging.Logger | None = None
    ) -> None:
        """Make a client, as `PushClient`."""
        self.on_message: Callable[[Message], Any] = lambda message: None
        self.on_revoked: Callable[[str], Any] = lambda k: None
        self.on_notification_opened: Callable[[str], Any] = lambda k: None
        self.on_state: Callable[[State], Any] = lambda state: None
        self._client = PushClient(config, store, clock, logger)
        self._loop: asyncio.AbstractEventLoop | None = None

    async def start(self, *, consent: bool) -> None:
        """Connect, and stay connected until `stop`. See `PushClient.start`."""
        self._loop = asyncio.get_running_loop()
        self._client.on_message = lambda message: self._call(self.on_message, message)
        self._client.on_revoked = lambda k: self._call(self.on_revoked, k)
        self._client.on_notification_opened = lambda k: self._call(self.on_notification_opened, k)
        self._client.on_state = lambda state: self._call(self.on_state, state)
        await asyncio.to_thread(self._client.start, consent=consent)

    async def stop(self) -> None:
        """Disconnect. See `PushClient.stop`."""
        await asyncio.to_thread(self._client.stop)

    async def close(self) -> None:
        """Stop, and close the store."""
        await asyncio.to_thread(self._client.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def state(self) -> State:
        """What the client is doing."""
        return self._client.state

    @property
    def token(self) -> str | None:
        """The device's Ad-token, which backends push to; None until it has registered."""
        return self._client.token

    async def bind(self, user_id: str, proof_provider: ProofProvider | None = None) -> None:
        """Bind the device to a user, and wait for the answer however long it takes. See `PushClient.bind`."""
        await asyncio.wrap_future(self._client.bind_later(user_id, proof_provider))

    async def unbind(self) -> None:
        """End the binding. See `PushClient.unbind`."""
        await asyncio.wrap_future(self._client.unbind_later())

    async def report_vendor_token(self, channel: int, token: str) -> None:
        """Report the token of a vendor's channel. See `PushClient.report_vendor_token`."""
        await asyncio.wrap_future(self._client.report_later(channel, token))

    async def withdraw_vendor_token(self) -> None:
        """Withdraw the vendor's token. See `PushClient.withdraw_vendor_token`."""
        await asyncio.wrap_future(self._client.report_later(0, ""))

    async def vendor_message(self, data: Mapping[str, Any]) -> bool:
        """Note a message that came by a vendor. See `PushClient.vendor_message`."""
        return await asyncio.to_thread(self._client.vendor_message, data)

    async def opened(self, k: str) -> None:
        """Report that the user opened a message. See `PushClient.opened`."""
        await asyncio.to_thread(self._client.opened, k)

    async def ignored(self, k: str) -> None:
        """Report that the user dismissed a message. See `PushClient.ignored`."""
        await asyncio.to_thread(self._client.ignored, k)

    async def count_outbox(self) -> int:
        """Return how many reports wait to be sent."""
        return await asyncio.to_thread(self._client.count_outbox)

    async def read_inbox(self, *, before: str = "", limit: int = 20) -> InboxPage:
        """Read a page of the inbox. See `PushClient.read_inbox`."""
        return await asyncio.to_thread(self._client.read_inbox, before=before, limit=limit)

    async def count_unread(self) -> int:
        """Return how many messages of the inbox are unread, for a badge. See `PushClient.count_unread`."""
        return await asyncio.to_thread(self._client.count_unread)

    async def mark_read(self, *ks: str) -> int:
        """Mark messages as read, up to 100; return how many are unread then. See `PushClient.mark_read`."""
        return await asyncio.to_thread(self._client.mark_read, *ks)

    async def mark_all_read(self) -> int:
        """Mark all messages as read; return how many are unread then. See `PushClient.mark_all_read`."""
        return await asyncio.to_thread(self._client.mark_all_read)

    async def delete_from_inbox(self, *ks: str) -> int:
        """Delete messages, up to 100; return how many are unread then. See `PushClient.delete_from_inbox`."""
        return await asyncio.to_thread(self._client.delete_from_inbox, *ks)

    async def add_tags(self, *names: str) -> None:
        """Add tags to the device, of those that the backend has made. See `PushClient.add_tags`."""
        await asyncio.to_thread(self._client.add_tags, *names)

    async def remove_tags(self, *names: str) -> None:
        """Remove tags of the device. See `PushClient.remove_tags`."""
        await asyncio.to_thread(self._client.remove_tags, *names)

    async def subscribe(self, *topics: str) -> None:
        """Subscribe the device to topics, of those that the backend has made. See `PushClient.subscribe`."""
        await asyncio.to_thread(self._client.subscribe, *topics)

    async def unsubscribe(self, *topics: str) -> None:
        """End subscriptions to topics. See `PushClient.unsubscribe`."""
        await asyncio.to_thread(self._client.unsubscribe, *topics)

    async def set_attributes(self, values: Mapping[str, Any]) -> None:
        """Set attributes of the device. See `PushClient.set_attributes`."""
        await asyncio.to_thread(self._client.set_attributes, values)

    async def unset_attributes(self, *names: str) -> None:
        """Remove attributes of the device. See `PushClient.unset_attributes`."""
        await asyncio.to_thread(self._client.unset_attributes, *names)

    async def set_marketing_consent(self, consent: bool | None) -> None:
        """Say whether the device takes marketing messages. See `PushClient.set_marketing_consent`."""
        await asyncio.to_thread(self._client.set_marketing_consent, consent)

    async def unregister(self) -> None:
        """End the device. See `PushClient.unregister`."""
        await asyncio.to_thread(self._client.unregister)

    def diagnostics(self) -> list[str]:
        """Return the latest lines of the client's log. See `PushClient.diagnostics`."""
        return self._client.diagnostics()

    def _call(self, callback: Callable[..., Any], argument: object) -> None:
        """Run a callback in the event loop, and wait for it; raises what it raises."""

        async def run() -> None:
            result = callback(argument)
            if inspect.isawaitable(result):
                await result

        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(run(), self._loop).result()
