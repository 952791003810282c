"""The client of an app: a device of the message push service."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self

from mps_device import http
from mps_device.clock import Clock, SystemClock
from mps_device.config import Config
from mps_device.device_requests import ProofProvider
from mps_device.diagnostics import Diagnostics
from mps_device.engine import Engine
from mps_device.errors import ConsentError, NotRunningError
from mps_device.inbox import InboxPage
from mps_device.messages import IGNORED, LONGEST_VALIDITY_SECONDS, OPENED, Message
from mps_device.state import State, Status
from mps_device.store import Store

REQUEST_SECONDS = 30.0


class PushClient:
    """A device. Safe to use from several threads; callbacks may call it too.

    Assign the callbacks before `start`:

    - `on_message(message)` is called with each message, once, in a thread of the client's. It may block. When it
      returns, the message is stored as handled and acknowledged; when it raises, the message comes again.
    - `on_revoked(k)` is called with the key of a message that the backend has revoked: remove its notification.
    - `on_notification_opened(k)` is called when `opened` is.
    - `on_state(state)` is called with each new state.
    """

    def __init__(
        self,
        config: Config,
        store: Store,
        clock: Clock | None = None,
        logger: logging.Logger | None = None,
    ) -> None:
        """Make a client, which does nothing until `start`.

        Args:
            config: Where the service is and which app this is.
            store: Where the device keeps its state.
            clock: Tells time; the system's by default.
            logger: Takes what `diagnostics` keeps too; `mps_device` by default.
        """
        self.on_message: Callable[[Message], object] = lambda message: None
        self.on_revoked: Callable[[str], object] = lambda k: None
        self.on_notification_opened: Callable[[str], object] = lambda k: None
        self.on_state: Callable[[State], object] = lambda state: None
        self._config = config
        self._store = store
        self._clock = clock or SystemClock()
        self._diagnostics = Diagnostics(self._clock, logger or logging.getLogger("mps_device"))
        self._engine: Engine | None = None

    def start(self, *, consent: bool) -> None:
        """Connect, and stay connected until `stop`. A client that was refused or replaced tries again.

        Args:
            consent: Whether the user agreed to what the app does with push messages. Nothing is stored or sent before.

        Raises:
            ConsentError: `consent` is not True.
        """
        if consent is not True:
            raise ConsentError("the client starts only with the user's consent")
        if self._engine is not None and not self._engine.has_ended:
            self._engine.connect_again()
            return
        self._store.use_for(self._config.username)
        self._engine = Engine(
            self._config,
            self._store,
            self._clock,
            self._diagnostics,
            on_message=self._handle,
            on_state=lambda state: self.on_state(state),
        )

    def stop(self) -> None:
        """Disconnect. Messages wait in the service; reports wait in the store. Idempotent."""
        if self._engine is not None:
            self._engine.stop()
            self._engine = None

    def wait(self) -> None:
        """Block until the client is stopped, or the program interrupted (Ctrl-C), which stops it."""
        try:
            if self._engine is not None:
                self._engine.join()
        except KeyboardInterrupt:
            self.stop()

    def close(self) -> None:
        """Stop, and close the store."""
        self.stop()
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def state(self) -> State:
        """What the client is doing."""
        return self._engine.state if self._engine is not None else State(Status.STOPPED)

    @property
    def token(self) -> str | None:
        """The device's Ad-token, which backends push to; None until it has registered."""
        identity = self._store.identity
        return identity.ad_token if identity else None

    def bind(
        self, user_id: str, proof_provider: ProofProvider | None = None, *, timeout: float | None = REQUEST_SECONDS
    ) -> None:
        """Bind the device to a user, who gets the messages to it from then on; a former user is unbound.

        It is kept: without a connection it is sent with the next one, and a device that registers anew binds its user
        again. Until the service has answered, no message is handed over, for it may be the former user's.

        Args:
            user_id: The user, as the backend names it.
            proof_provider: Called with user ID and Ad-token where the workspace asks for proof; returns the bind token,
                which the backend signs. It is called whenever the user is bound, in a thread where it may block.
            timeout: Seconds to wait for the answer.

        Raises:
            RefusedError: The service refused.
            NotRunningError: The client does not run, or makes no more attempts.
            TimeoutError: There was no answer in time; the client goes on trying.
        """
        self.bind_later(user_id, proof_provider).result(timeout)

    def unbind(self, *, timeout: float | None = REQUEST_SECONDS) -> None:
        """End the binding, as when the user logs out. Raises what `bind` does."""
        self.unbind_later().result(timeout)

    def report_vendor_token(self, channel: int, token: str, *, timeout: float | None = REQUEST_SECONDS) -> None:
        """Report the token of a vendor's channel; `channel` is the vendor's number. Raises what `bind` does."""
        self.report_later(channel, token).result(timeout)

    def withdraw_vendor_token(self, *, timeout: float | None = REQUEST_SECONDS) -> None:
        """Withdraw the vendor's token: the device is reached by its connection alone. Raises what `bind` does."""
        self.report_later(0, "").result(timeout)

    def bind_later(self, user_id: str, proof_provider: ProofProvider | None = None) -> Future[None]:
        """Bind as `bind` does, without waiting; the future tells the end."""
        if not user_id:
            raise ValueError("the user's ID is empty")
        return self._needed.bind(user_id, proof_provider)

    def unbind_later(self) -> Future[None]:
        """Unbind as `unbind` does, without waiting; the future tells the end."""
        return self._needed.unbind()

    def report_later(self, channel: int, token: str) -> Future[None]:
        """Report a vendor's token, or withdraw it (channel 0), without waiting; the future tells the end."""
        return self._needed.report(channel, token)

    def vendor_message(self, data: Mapping[str, Any]) -> bool:
        """Note a message that came by a vendor, so that its copy over the connection is not handed over.

        Args:
            data: What the vendor's SDK gave the app, with the members `k` and `taskId`.

        Returns:
            Whether it is new. One that is not was handed over already: do not show it.
        """
        k, task = str(data.get("k") or ""), str(data.get("taskId") or "")
        if not k:
            return True
        if self._engine is not None:
            return self._engine.note_vendor_message(k, task)
        return self._store.mark_new(k, task, self._clock.time(), LONGEST_VALIDITY_SECONDS)

    def opened(self, k: str) -> None:
        """Report that the user opened a message. It is stored at once, and sent when there is a connection."""
        self._add_event(k, OPENED)
        engine = self._engine
        if engine is not None:
            engine.callbacks.add(lambda: self.on_notification_opened(k))

    def ignored(self, k: str) -> None:
        """Report that the user dismissed a message. It is stored at once, and sent when there is a connection."""
        self._add_event(k, IGNORED)

    def count_outbox(self) -> int:
        """Return how many reports wait to be sent."""
        return self._store.count_events()

    def read_inbox(self, *, before: str = "", limit: int = 20, timeout: float | None = REQUEST_SECONDS) -> InboxPage:
        """Read a page of the inbox: the messages of the device and of its user, newest first.

        Args:
            before: The `next` of the page before; empty for the newest.
            limit: How many messages at most, up to 50.
            timeout: Seconds to wait for the answer.

        Raises:
            RefusedError: The service refused.
            NotRunningError: There is no connection.
            TimeoutError: There was no answer in time.
        """
        return self._inbox({"before": before, "limit": limit}, timeout)

    def count_unread(self, *, timeout: float | None = REQUEST_SECONDS) -> int:
        """Return how many messages of the inbox are unread, for a badge. Raises what `read_inbox` does."""
        return self._inbox({"limit": 0}, timeout).unread

    def mark_read(self, *ks: str, timeout: float | None = REQUEST_SECONDS) -> int:
        """Mark messages as read, up to 100; return how many are unread then. Raises what `read_inbox` does."""
        return self._inbox({"read": ks, "limit": 0}, timeout).unread

    def mark_all_read(self, *, timeout: float | None = REQUEST_SECONDS) -> int:
        """Mark all messages as read; return how many are unread then. Raises what `read_inbox` does."""
        return self._inbox({"read": "all", "limit": 0}, timeout).unread

    def delete_from_inbox(self, *ks: str, timeout: float | None = REQUEST_SECONDS) -> int:
        """Delete messages, up to 100; return how many are unread then. Raises what `read_inbox` does."""
        return self._inbox({"delete": ks, "limit": 0}, timeout).unread

    def add_tags(self, *names: str, timeout: float | None = REQUEST_SECONDS) -> None:
        """Add tags to the device, of those that the backend has made. Raises what `read_inbox` does."""
        self._change_profile({"tags": {"add": names}}, timeout)

    def remove_tags(self, *names: str, timeout: float | None = REQUEST_SECONDS) -> None:
        """Remove tags of the device. Raises what `read_inbox` does."""
        self._change_profile({"tags": {"remove": names}}, timeout)

    def subscribe(self, *topics: str, timeout: float | None = REQUEST_SECONDS) -> None:
        """Subscribe the device to topics, of those that the backend has made. Raises what `read_inbox` does."""
        self._change_profile({"topics": {"add": topics}}, timeout)

    def unsubscribe(self, *topics: str, timeout: float | None = REQUEST_SECONDS) -> None:
        """End subscriptions to topics. Raises what `read_inbox` does."""
        self._change_profile({"topics": {"remove": topics}}, timeout)

    def set_attributes(self, values: Mapping[str, Any], *, timeout: float | None = REQUEST_SECONDS) -> None:
        """Set attributes of the device: texts, numbers, or `{"time": milliseconds}`. Raises what `read_inbox` does."""
        self._change_profile({"attributes": values}, timeout)

    def unset_attributes(self, *names: str, timeout: float | None = REQUEST_SECONDS) -> None:
        """Remove attributes of the device. Raises what `read_inbox` does."""
        self._change_profile({"attributes": dict.fromkeys(names)}, timeout)

    def set_marketing_consent(self, consent: bool | None, *, timeout: float | None = REQUEST_SECONDS) -> None:
        """Say whether the device takes marketing messages; None takes it back. Raises what `read_inbox` does."""
        self._change_profile({"marketingConsent": consent}, timeout)

    def _inbox(self, payload: Mapping[str, object], timeout: float | None) -> InboxPage:
        return InboxPage.of(self._needed.call("mps/inbox", payload).result(timeout))

    def _change_profile(self, payload: Mapping[str, object], timeout: float | None) -> None:
        self._needed.call("mps/profile", payload).result(timeout)

    def unregister(self, *, timeout: float | None = REQUEST_SECONDS) -> None:
        """End the device: the service deletes it, the store is emptied and the client stops.

        Without a connection it is asked for over HTTP.

        Raises:
            NotRunningError: The service cannot be reached; nothing was changed.
            RefusedError: The service refused; nothing was changed.
            TimeoutError: There was no answer in time.
        """
        identity = self._store.identity
        if identity is None:
            self.stop()
        elif self.state.status is Status.CONNECTED:
            self._needed.unregister().result(timeout)
            self.stop()
        else:
            http.unregister(self._config, identity)
            self.stop()
        self._store.clear()

    def diagnostics(self) -> list[str]:
        """Return the latest lines of the client's log, for support: no secrets, no contents of messages."""
        return self._diagnostics.lines()

    @property
    def _needed(self) -> Engine:
        if self._engine is None:
            raise NotRunningError("the client is not started")
        return self._engine

    def _handle(self, message: Message) -> None:
        if message.revokes:
            self.on_revoked(message.revokes)
        else:
            self.on_message(message)

    def _add_event(self, k: str, event: str) -> None:
        if not k.isdecimal():
            raise ValueError("k is the key of a message")
        self._store.add_event(k, event, int(self._clock.time() * 1000))
        if self._engine is not None:
            self._engine.flush_events()
