"""A running client: connects, waits, takes what arrives, and lets requests be sent.

Everything here happens in the network thread but the methods for other threads, which post to it.
"""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

from mps_device import reasons
from mps_device.backoff import Backoff
from mps_device.callbacks import Callbacks
from mps_device.clock import Clock
from mps_device.config import Config
from mps_device.connection import Answered, Arrived, Connected, Connection, Disconnected, Happening, Refused
from mps_device.delivery import Delivery
from mps_device.device_requests import Answer, Binding, Calls, Outbox, ProofProvider, Unregistration, VendorToken
from mps_device.diagnostics import Diagnostics
from mps_device.errors import NotRunningError
from mps_device.messages import Message, decode_message
from mps_device.network_loop import NetworkLoop
from mps_device.reasons import Action, Verdict
from mps_device.state import State, Status
from mps_device.store import Identity, Store
from mps_device.system_region import region

# In a storm of connects the server may take 60 s to answer a CONNECT.
CONNACK_SECONDS = 75.0
# A connection that lasts for this long was a success: the next wait is short again.
STABLE_SECONDS = 60.0
ANSWER_SECONDS = 30.0
# How long a stop waits for a handler that runs.
HANDLER_SECONDS = 5.0
DEVICE_HAS_ENDED = "DELIVERYTOKEN_INVALID"

_GAVE_UP = (Status.REFUSED, Status.REPLACED)


class Engine(NetworkLoop):
    """The network thread of one client, from its start to its stop."""

    def __init__(
        self,
        config: Config,
        store: Store,
        clock: Clock,
        diagnostics: Diagnostics,
        *,
        on_message: Callable[[Message], None],
        on_state: Callable[[State], object],
    ) -> None:
        """Start the thread; it connects at once."""
        super().__init__(clock, diagnostics, config.keep_alive)
        self.state = State(Status.STOPPED)
        self.store = store
        self.callbacks = Callbacks(diagnostics)
        self._config = config
        self._on_state = on_state
        self._backoff = Backoff()
        # Whether this attempt registers; whether the next one is to, though there is an identity; and whether one was
        # since the last stable connection.
        self._is_registering = self._registers_again = self._has_registered_again = False
        # Counts attempts: acknowledgements and proofs for a former connection are dropped.
        self._number = 0
        self._connected_at = 0.0
        self._requests: dict[bytes, Callable[[Answer], None]] = {}
        self._request_numbers = itertools.count(1)
        self._binding = Binding(self)
        self._vendor_token = VendorToken(self)
        self._outbox = Outbox(self)
        self._unregistration = Unregistration(self, self._has_unregistered)
        self._calls = Calls(self)
        self._delivery = Delivery(store, clock, diagnostics, on_message, self._handled)
        self._commands.append(self._connect)
        self._thread.start()

    # -- for other threads ----------------------------------------------------------------------------------------

    def join(self) -> None:
        """Wait for the thread to end, and for handlers that are running."""
        super().join()
        self._delivery.join(HANDLER_SECONDS)
        self.callbacks.join(HANDLER_SECONDS)

    def connect_again(self) -> None:
        """Connect again after the client made no more attempts."""
        self.post(lambda: self._connect() if self.state.status in _GAVE_UP else None)

    def bind(self, user_id: str, proof_provider: ProofProvider | None) -> Future[None]:
        """Bind a user, now or with the next connection."""
        return self._ask(lambda future: self._binding.bind(user_id, proof_provider, future))

    def unbind(self) -> Future[None]:
        """Unbind the user, now or with the next connection."""
        return self._ask(self._binding.unbind)

    def report(self, channel: int, token: str) -> Future[None]:
        """Report a vendor's token, or withdraw it (channel 0), now or with the next connection."""
        return self._ask(lambda future: self._vendor_token.report(channel, token, future))

    def unregister(self) -> Future[None]:
        """Unregister over the connection there is."""
        return self._ask(self._unregistration.ask)

    def call(self, topic: str, payload: Mapping[str, object]) -> Future[Any]:
        """Send a request over the connection there is; the future has the answer's data."""
        future: Future[Any] = Future()
        self.post(lambda: self._calls.ask(topic, payload, future))
        return future

    def note_vendor_message(self, k: str, task: str) -> bool:
        """Remember a message that came by a vendor; tell whether it is new."""
        return self._delivery.note_vendor_message(k, task)

    def flush_events(self) -> None:
        """Send what waits in the outbox, where the client runs."""
        with contextlib.suppress(NotRunningError):
            self.post(self._outbox.send)

    def _ask(self, request: Callable[[Future[None]], None]) -> Future[None]:
        future: Future[None] = Future()
        self.post(lambda: request(future))
        return future

    def _handled(self, number: int, packet_id: int) -> None:
        with contextlib.suppress(NotRunningError):  # it comes again, and is known then
            self.post(lambda: self._acknowledge(number, packet_id))

    # -- the thread's life ----------------------------------------------------------------------------------------

    def _timer_is_due(self, name: str) -> None:
        match name:
            case "reconnect":
                self._connect()
            case "wishes":
                self._send_wishes()
            case "events":
                self._outbox.send()
            case "connack":
                self._lost(Verdict(Action.RETRY, "no answer to the CONNECT"))
            case "answer":
                self._lost(Verdict(Action.RETRY, "no answer to a request"))

    def _store_failed(self, error: Exception) -> None:
        self._lost(Verdict(Action.SLOW, f"the store cannot be used: {error}"))

    def _stopped(self) -> None:
        self._close_connection()
        self._set_state(State(Status.STOPPED))

    def _ended(self) -> None:
        self._fail_waiting(NotRunningError("the client was stopped"))
        self._delivery.stop()
        self.callbacks.stop()

    def _set_state(self, state: State) -> None:
        if state != self.state:
            self.state = state
            parts = [state.status.value]
            if state.reason:
                parts.append(state.reason)
            if state.seconds is not None:
                parts.append(f"again in {state.seconds:.1f} s")
            self.diagnostics.note(", ".join(parts), warning=state.status in _GAVE_UP)
            self.callbacks.add(lambda: self._on_state(state))

    # -- connecting -----------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        if self._stopping:
            return
        self._set_state(State(Status.CONNECTING))
        identity = None if self._registers_again else self.store.identity
        self._is_registering = identity is None
        connection = Connection(self._config)
        self._number += 1
        try:
            connection.open(identity, self._properties())
        except OSError as error:
            self._lost(Verdict(Action.RETRY, f"the server cannot be reached: {error}"))
            return
        self._connection = connection
        self.start_timer("connack", CONNACK_SECONDS)

    def _properties(self) -> list[tuple[str, str]]:
        described = region() | dict(self._config.description)
        properties = {name: str(value) for name, value in described.items() if value}
        properties["platform"] = self._config.platform
        if self._is_registering:
            properties |= self.store.proof_of_registration()
        return list(properties.items())

    def _process(self, happening: Happening) -> None:
        match happening:
            case Connected():
                self._connected(happening.issued)
            case Refused(code, retry_after):
                self._lost(reasons.of_connack(code, registering=self._is_registering, retry_after=retry_after))
            case Disconnected(code):
                self._lost(reasons.of_disconnect(code))
            case Arrived():
                self._arrived(happening)
            case Answered():
                self._answered(happening)

    def _connected(self, issued: Identity | None) -> None:
        self._timers.pop("connack", None)
        if issued is not None:
            self.store.keep_identity(issued)
            self._registers_again = False
            self.diagnostics.note("registered")
        else:
            self.store.registration_is_over()
        self._connected_at = self._clock.monotonic()
        self._set_state(State(Status.CONNECTED))
        self.hold_or_deliver()
        self._send_wishes()
        self._outbox.send()

    def _lost(self, verdict: Verdict) -> None:
        """End the connection, and do what its end asks for."""
        if self.connection_number and self._clock.monotonic() - self._connected_at >= STABLE_SECONDS:
            self._backoff.reset()
            self._has_registered_again = False
        self._close_connection()
        match verdict.action:
            case Action.REFUSED:
                self._give_up(Status.REFUSED, verdict.reason)
            case Action.REPLACED:
                self._give_up(Status.REPLACED, verdict.reason)
            case Action.REGISTER_AGAIN:
                seconds = self._backoff.longest_wait() if self._has_registered_again else 0.0
                self._registers_again = self._has_registered_again = True
                self._connect_in(seconds, verdict.reason)
            case Action.REGISTER_ANEW:
                self.store.forget_identity()
                self._connect_in(self._backoff.next_wait(slow=True), verdict.reason)
            case Action.RETRY | Action.SLOW:
                slow = verdict.action is Action.SLOW
                self._connect_in(self._backoff.next_wait(slow=slow, at_least=verdict.at_least), verdict.reason)

    def _connect_in(self, seconds: float, reason: str) -> None:
        self.start_timer("reconnect", seconds)
        self._set_state(State(Status.WAITING, reason, seconds))

    def _give_up(self, status: Status, reason: str) -> None:
        self._set_state(State(status, reason))
        self._fail_waiting(NotRunningError(f"{status.value}: {reason}"))

    def _fail_waiting(self, error: Exception) -> None:
        self._binding.give_up(error)
        self._vendor_token.give_up(error)

    def _close_connection(self) -> None:
        self._unwatch()
        self._timers.clear()
        self._requests.clear()
        self._unregistration.give_up(NotRunningError("the connection was lost"))
        self._calls.give_up(NotRunningError("the connection was lost"))
        self._delivery.discard()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _has_unregistered(self) -> None:
        self._close_connection()
        self.store.clear()
        self._stopping = True

    # -- messages -------------------------------------------------------------------------------------------------

    def _arrived(self, arrived: Arrived) -> None:
        try:
            message = decode_message(arrived.payload, repeat=arrived.repeat, seconds_left=arrived.seconds_left)
        except ValueError:
            self.diagnostics.note("a message could not be read")
            self._acknowledge(self._number, arrived.packet_id)  # else it would come for ever
            return
        self._delivery.add(message, arrived.packet_id, self._number)

    def _acknowledge(self, number: int, packet_id: int) -> None:
        if self._connection is not None and number == self._number:
            self._connection.acknowledge(packet_id)

    def hold_or_deliver(self) -> None:
        """Hold messages back while another user is to be bound: they may be the former user's."""
        if self._binding.is_pending:
            self._delivery.pause()
        else:
            self._delivery.resume()

    def read_messages_again(self) -> None:
        """Drop the messages that wait for the handler, and read again what is still for this device."""
        if self._delivery.discard():
            self.diagnostics.note("messages from before the bind are read again")
            self._close_connection()
            self._connect()

    # -- requests -------------------------------------------------------------------------------------------------

    @property
    def connection_number(self) -> int:
        """The number of the connection that takes requests; 0 if there is none."""
        return self._number if self.state.status is Status.CONNECTED else 0

    def request(self, topic: str, payload: object, on_answer: Callable[[Answer], None]) -> None:
        """Send a request. Its answer may never come, where the connection is lost."""
        assert self._connection is not None
        correlation = str(next(self._request_numbers)).encode()
        self._requests[correlation] = on_answer
        if not self.has_timer("answer"):
            self.start_timer("answer", ANSWER_SECONDS)
        self._connection.request(topic, json.dumps(payload, separators=(",", ":")).encode(), correlation)

    def _send_wishes(self) -> None:
        self._binding.send()
        self._vendor_token.send()

    def _answered(self, answered: Answered) -> None:
        on_answer = self._requests.pop(answered.correlation, None)
        if on_answer is None:
            return
        self._timers.pop("answer", None)
        if self._requests:
            self.start_timer("answer", ANSWER_SECONDS)
        try:
            answer = json.loads(answered.payload)
            success = answer["success"]
        except (ValueError, KeyError, TypeError):
            self._lost(Verdict(Action.SLOW, "an answer could not be read"))
            return
        if not success:
            self.diagnostics.note(f"refused: {answer.get('name')} {answer.get('message')}")
        if answer.get("name") == DEVICE_HAS_ENDED:
            self._lost(reasons.UNKNOWN_DEVICE)
        else:
            on_answer(answer)
