"""The client's network thread: connects, waits, sends what is to be sent, and takes what arrives.

All state of the connection belongs to this thread. Other threads post functions to it.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import selectors
import socket
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from mps_device import reasons
from mps_device.backoff import Backoff
from mps_device.callbacks import Callbacks
from mps_device.clock import Clock
from mps_device.config import Config
from mps_device.connection import Answered, Arrived, Connected, Connection, Disconnected, Happening, Refused
from mps_device.delivery import Delivery
from mps_device.diagnostics import Diagnostics
from mps_device.errors import NotRunningError, RefusedError
from mps_device.messages import Message, decode_message
from mps_device.reasons import Action, Verdict
from mps_device.state import State, Status
from mps_device.store import Event, Identity, Store

# In a storm of connects the server may take 60 s to answer a CONNECT.
CONNACK_SECONDS = 75.0
# A connection that lasts for this long was a success: the next wait is short again.
STABLE_SECONDS = 60.0
ANSWER_SECONDS = 30.0
# The service is asked again after it was unable to serve a request.
UNAVAILABLE_SECONDS = 30.0
MAX_BATCH = 100
TEMPORARY = "SYSTEM_ERROR"
BINDING, VENDOR_TOKEN = "binding", "vendorToken"

_GAVE_UP = (Status.REFUSED, Status.REPLACED)
ProofProvider = Callable[[str, str], str]
Answer = dict[str, Any]


@dataclass
class _Binding:
    """The user that is to be bound or unbound, and who waits for that."""

    proof_provider: ProofProvider | None
    waiting: list[Future[None]]


class Engine:
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
        self.state = State(Status.STOPPED)
        self._config = config
        self._store = store
        self._clock = clock
        self._diagnostics = diagnostics
        self._on_state = on_state
        self._backoff = Backoff()
        # Whether this attempt registers; whether the next one is to, though there is an identity; and whether one was
        # since the last stable connection.
        self._is_registering = self._registers_again = self._has_registered_again = False
        self._connection: Connection | None = None
        self._number = 0
        self._connected_at = 0.0
        self._requests: dict[bytes, Callable[[Answer], None]] = {}
        self._request_numbers = itertools.count(1)
        self._timers: dict[str, float] = {}
        self._sending_events = False
        # How many reports to send alone, after a list of them was refused.
        self._one_by_one = 0
        self._binding = _Binding(None, [])
        self._reporting: list[Future[None]] = []
        self._commands: deque[Callable[[], None]] = deque()
        self._stopping = False
        self.has_ended = False
        self._ending = threading.Lock()
        self._wake_out, self._wake_in = socket.socketpair()
        self._wake_out.setblocking(False)
        self._wake_in.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._wake_out, selectors.EVENT_READ)
        self._watched: tuple[socket.socket, int] | None = None
        self.callbacks = Callbacks(diagnostics)
        self._delivery = Delivery(store, clock, diagnostics, on_message, self._handled)
        clock.on_advance(self._wake)
        self._thread = threading.Thread(target=self._run, name="mps-device", daemon=True)
        self._commands.append(self._connect)
        self._thread.start()

    # -- for other threads ----------------------------------------------------------------------------------------

    def post(self, command: Callable[[], None]) -> None:
        """Have a function called by the network thread.

        Raises:
            NotRunningError: The thread has ended.
        """
        with self._ending:
            if self.has_ended:
                raise NotRunningError("the client was stopped")
            self._commands.append(command)
        self._wake()

    def stop(self) -> None:
        """Disconnect and end the thread; wait for it unless it is the caller."""
        self._stopping = True
        self._wake()
        self.join()

    def join(self) -> None:
        """Wait for the thread to end, and for handlers that are running."""
        if self._thread is not threading.current_thread():
            self._thread.join()
        self._delivery.join(5)
        self.callbacks.join(5)

    def connect_again(self) -> None:
        """Connect again after the client made no more attempts."""
        self.post(lambda: self._connect() if self.state.status in _GAVE_UP else None)

    def bind(self, user_id: str, proof_provider: ProofProvider | None) -> Future[None]:
        """Bind a user, now or with the next connection."""
        future: Future[None] = Future()
        self.post(lambda: self._want_binding(user_id, True, proof_provider, future))
        return future

    def unbind(self) -> Future[None]:
        """Unbind the user, now or with the next connection."""
        future: Future[None] = Future()
        self.post(lambda: self._want_unbound(future))
        return future

    def report(self, channel: int, token: str) -> Future[None]:
        """Report a vendor's token, or withdraw it (channel 0), now or with the next connection."""
        future: Future[None] = Future()
        self.post(lambda: self._want_report(channel, token, future))
        return future

    def unregister(self) -> Future[None]:
        """Unregister over the connection there is."""
        future: Future[None] = Future()
        self.post(lambda: self._unregister(future))
        return future

    def note_vendor_message(self, k: str, task: str) -> bool:
        """Remember a message that came by a vendor; tell whether it is new."""
        return self._delivery.note_vendor_message(k, task)

    def flush_events(self) -> None:
        """Send what waits in the outbox, where the client runs."""
        with contextlib.suppress(NotRunningError):
            self.post(self._send_events)

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # it is awake, or has ended
            self._wake_in.send(b"\0")

    def _handled(self, number: int, packet_id: int) -> None:
        with contextlib.suppress(NotRunningError):  # it comes again, and is known then
            self.post(lambda: self._acknowledge(number, packet_id))

    # -- the loop -------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._stopping:
                try:
                    self._step()
                except (sqlite3.Error, OSError) as error:
                    self._lost(Verdict(Action.SLOW, f"the store cannot be used: {error}"))
        except Exception as error:
            self._diagnostics.note(f"the client has ended by a fault: {type(error).__name__}: {error}")
            raise
        finally:
            self._close_connection()
            self._set_state(State(Status.STOPPED))
            with self._ending:
                self.has_ended = True
            self._run_commands()  # futures among them are settled below
            self._fail_waiting(NotRunningError("the client was stopped"))
            self._delivery.stop()
            self.callbacks.stop()
            self._selector.close()
            self._wake_in.close()
            self._wake_out.close()

    def _step(self) -> None:
        self._run_commands()
        self._run_timers()
        if not self._commands and not self._stopping:
            self._wait()

    def _run_commands(self) -> None:
        while self._commands and (self.has_ended or not self._stopping):
            self._commands.popleft()()

    def _wait(self) -> None:
        """Wait for a command, a timer or the connection, and process what it brings."""
        connection = self._connection
        self._watch(connection)
        timeout = self._timeout()
        if connection is not None and connection.has_buffered_input:
            timeout = 0.0
        ready = self._selector.select(timeout)
        for key, events in ready:
            if key.fileobj is self._wake_out:
                self._drain_wakes()
            elif connection is not None:
                if events & selectors.EVENT_WRITE:
                    connection.write()
                if events & selectors.EVENT_READ:
                    connection.read()
        if connection is not None:
            if timeout == 0.0:
                connection.read()
            connection.check_keep_alive()
            for happening in connection.happened():
                if self._connection is connection:
                    self._process(happening)

    def _drain_wakes(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._wake_out.recv(4096):
                pass

    def _watch(self, connection: Connection | None) -> None:
        wanted = None
        if connection is not None and (sock := connection.socket) is not None:
            wanted = sock, selectors.EVENT_READ | (selectors.EVENT_WRITE if connection.wants_write else 0)
        if wanted != self._watched:
            self._unwatch()
            if wanted is not None:
                self._selector.register(*wanted)
            self._watched = wanted

    def _unwatch(self) -> None:
        if self._watched is not None:
            self._selector.unregister(self._watched[0])
            self._watched = None

    def _timeout(self) -> float | None:
        timeouts = []
        if self._timers:
            left = max(0.0, min(self._timers.values()) - self._clock.monotonic())
            timeouts.append(self._clock.block_seconds(left))
        if self._connection is not None:
            # Paho's keep alive goes by the system's clock.
            timeouts.append(self._config.keep_alive / 10)
        known = [one for one in timeouts if one is not None]
        return min(known) if known else None

    def _run_timers(self) -> None:
        now = self._clock.monotonic()
        for name in [name for name, due in self._timers.items() if due <= now]:
            if self._timers.pop(name, None) is None:
                continue  # one before it has cancelled it
            match name:
                case "reconnect":
                    self._connect()
                case "wishes":
                    self._send_wishes()
                case "events":
                    self._send_events()
                case "connack":
                    self._lost(Verdict(Action.RETRY, "no answer to the CONNECT"))
                case "answer":
                    self._lost(Verdict(Action.RETRY, "no answer to a request"))

    def _start_timer(self, name: str, seconds: float) -> None:
        self._timers[name] = self._clock.monotonic() + seconds

    # -- connecting -----------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        if self._stopping:
            return
        self._set_state(State(Status.CONNECTING))
        identity = None if self._registers_again else self._store.identity
        self._is_registering = identity is None
        connection = Connection(self._config)
        self._number += 1
        try:
            connection.open(identity, self._properties())
        except OSError as error:
            self._lost(Verdict(Action.RETRY, f"the server cannot be reached: {error}"))
            return
        self._connection = connection
        self._start_timer("connack", CONNACK_SECONDS)

    def _properties(self) -> list[tuple[str, str]]:
        properties = {name: str(value) for name, value in self._config.description.items() if value}
        properties["platform"] = self._config.platform
        if self._is_registering:
            properties |= self._store.proof_of_registration()
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
            self._store.keep_identity(issued)
            self._registers_again = False
            self._diagnostics.note("registered")
        else:
            self._store.registration_is_over()
        self._connected_at = self._clock.monotonic()
        self._set_state(State(Status.CONNECTED))
        self._hold_or_deliver()
        self._send_wishes()
        self._send_events()

    def _lost(self, verdict: Verdict) -> None:
        """End the connection, and do what its end asks for."""
        if self._is_connected and self._clock.monotonic() - self._connected_at >= STABLE_SECONDS:
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
                self._store.forget_identity()
                self._connect_in(self._backoff.next_wait(slow=True), verdict.reason)
            case Action.RETRY | Action.SLOW:
                slow = verdict.action is Action.SLOW
                self._connect_in(self._backoff.next_wait(slow=slow, at_least=verdict.at_least), verdict.reason)

    def _connect_in(self, seconds: float, reason: str) -> None:
        self._start_timer("reconnect", seconds)
        self._set_state(State(Status.WAITING, reason, seconds))

    def _give_up(self, status: Status, reason: str) -> None:
        self._set_state(State(status, reason))
        self._fail_waiting(NotRunningError(f"{status.value}: {reason}"))

    def _close_connection(self) -> None:
        self._unwatch()
        self._timers.clear()
        self._requests.clear()
        self._sending_events = False
        self._delivery.discard()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _set_state(self, state: State) -> None:
        if state != self.state:
            self.state = state
            parts = [state.status.value]
            if state.reason:
                parts.append(state.reason)
            if state.seconds is not None:
                parts.append(f"again in {state.seconds:.1f} s")
            self._diagnostics.note(", ".join(parts), warning=state.status in _GAVE_UP)
            self.callbacks.add(lambda: self._on_state(state))

    def _fail_waiting(self, error: Exception) -> None:
        waiting = [*self._binding.waiting, *self._reporting]
        self._binding.waiting, self._reporting = [], []
        _settle(waiting, error)

    # -- messages -------------------------------------------------------------------------------------------------

    def _arrived(self, arrived: Arrived) -> None:
        try:
            message = decode_message(arrived.payload, repeat=arrived.repeat, seconds_left=arrived.seconds_left)
        except ValueError:
            self._diagnostics.note("a message could not be read")
            self._acknowledge(self._number, arrived.packet_id)  # else it would come for ever
            return
        self._delivery.add(message, arrived.packet_id, self._number)

    def _acknowledge(self, number: int, packet_id: int) -> None:
        if self._connection is not None and number == self._number:
            self._connection.acknowledge(packet_id)

    def _hold_or_deliver(self) -> None:
        """Hold messages back while another user is to be bound: they may be the former user's."""
        wish = self._store.wish(BINDING)
        if wish is not None and not wish.confirmed:
            self._delivery.pause()
        else:
            self._delivery.resume()

    # -- requests -------------------------------------------------------------------------------------------------

    @property
    def _is_connected(self) -> bool:
        return self.state.status is Status.CONNECTED

    def _request(self, topic: str, payload: object, on_answer: Callable[[Answer], None]) -> None:
        assert self._connection is not None
        correlation = str(next(self._request_numbers)).encode()
        self._requests[correlation] = on_answer
        self._timers.setdefault("answer", self._clock.monotonic() + ANSWER_SECONDS)
        self._connection.request(topic, json.dumps(payload, separators=(",", ":")).encode(), correlation)

    def _answered(self, answered: Answered) -> None:
        on_answer = self._requests.pop(answered.correlation, None)
        if on_answer is None:
            return
        self._timers.pop("answer", None)
        if self._requests:
            self._start_timer("answer", ANSWER_SECONDS)
        try:
            answer = json.loads(answered.payload)
            success = answer["success"]
        except (ValueError, KeyError, TypeError):
            self._lost(Verdict(Action.SLOW, "an answer could not be read"))
            return
        if not success:
            self._diagnostics.note(f"refused: {answer.get('name')} {answer.get('message')}")
        on_answer(answer)

    def _send_wishes(self) -> None:
        self._send_binding()
        self._send_report()

    def _want_binding(
        self, user_id: str, bound: bool, provider: ProofProvider | None, future: Future[None] | None
    ) -> None:
        _settle(self._binding.waiting, NotRunningError("replaced by a later bind or unbind"))
        self._binding = _Binding(provider, [future] if future else [])
        former = self._store.wish(BINDING)
        value = {"userId": user_id, "bound": bound, "needsProof": provider is not None}
        known = former is not None and former.confirmed and former.value == value
        self._store.set_wish(BINDING, value, confirmed=known)
        self._hold_or_deliver()
        self._send_binding()

    def _want_unbound(self, future: Future[None]) -> None:
        wish = self._store.wish(BINDING)
        if wish is None or (wish.confirmed and not wish.value["bound"]):
            _settle([future])
        else:
            self._want_binding(wish.value["userId"], False, None, future)

    def _send_binding(self) -> None:
        """Send the binding, if the service does not know it or the app has asked for it again."""
        wish, binding, identity = self._store.wish(BINDING), self._binding, self._store.identity
        if wish is None or (wish.confirmed and not binding.waiting) or not self._is_connected or identity is None:
            return
        value, provider, number = wish.value, binding.proof_provider, self._number
        topic, payload = ("mps/bind" if value["bound"] else "mps/unbind"), {"userId": value["userId"]}

        def send(proof: str | None = None) -> None:
            if self._binding is binding and self._is_connected and self._number == number:
                request = payload if proof is None else payload | {"bindToken": proof}
                self._request(topic, request, lambda answer: self._binding_answered(binding, value, answer))

        def prove() -> None:
            assert provider is not None
            try:
                proof = provider(value["userId"], identity.ad_token)
            except Exception as error:  # the app's; who waits for the bind gets it
                failed = error
                self.post(lambda: self._binding_failed(binding, failed))
            else:
                self.post(lambda: send(proof))

        if provider is not None:
            self.callbacks.add(prove)
        elif not value["needsProof"]:
            send()
        # Else the app binds again after its restart, and brings the provider.

    def _binding_answered(self, binding: _Binding, value: dict[str, Any], answer: Answer) -> None:
        if self._binding is not binding:
            return
        if not answer["success"]:
            if answer.get("name") == TEMPORARY:
                self._start_timer("wishes", UNAVAILABLE_SECONDS)
            else:
                self._binding_failed(binding, _refusal(answer))
            return
        changed = not (wish := self._store.wish(BINDING)) or not wish.confirmed
        self._store.set_wish(BINDING, value, confirmed=True)
        _settle(binding.waiting)
        if changed and self._delivery.discard():
            # They may be the former user's. What is this user's comes again.
            self._diagnostics.note("messages from before the bind are read again")
            self._close_connection()
            self._connect()
        self._hold_or_deliver()

    def _binding_failed(self, binding: _Binding, error: Exception) -> None:
        if self._binding is binding:
            self._store.drop_wish(BINDING)
            _settle(binding.waiting, error)
            self._hold_or_deliver()

    def _want_report(self, channel: int, token: str, future: Future[None]) -> None:
        _settle(self._reporting, NotRunningError("replaced by a later report"))
        self._reporting = [future]
        self._store.set_wish(VENDOR_TOKEN, {"channel": channel, "token": token})
        self._send_report()

    def _send_report(self) -> None:
        wish, waiting = self._store.wish(VENDOR_TOKEN), self._reporting
        if wish is None or wish.confirmed or not self._is_connected:
            return
        value = wish.value
        payload = {"thirdChannel": value["channel"]}
        if value["channel"]:
            payload["thirdChannelDeviceToken"] = value["token"]

        def answered(answer: Answer) -> None:
            if self._reporting is not waiting:
                return
            if answer["success"]:
                self._store.set_wish(VENDOR_TOKEN, value, confirmed=True)
                _settle(waiting)
            elif answer.get("name") == TEMPORARY:
                self._start_timer("wishes", UNAVAILABLE_SECONDS)
            else:
                self._store.drop_wish(VENDOR_TOKEN)
                _settle(waiting, _refusal(answer))

        self._request("mps/report", payload, answered)

    def _unregister(self, future: Future[None]) -> None:
        if not self._is_connected:
            _settle([future], NotRunningError("not connected"))
            return

        def answered(answer: Answer) -> None:
            if answer["success"]:
                self._close_connection()
                self._store.clear()
                self._stopping = True
                _settle([future])
            else:
                _settle([future], _refusal(answer))

        self._request("mps/unregister", {}, answered)

    # -- outbox ---------------------------------------------------------------------------------------------------

    def _send_events(self) -> None:
        """Send the oldest reports, in one request at a time: those that are added meanwhile make the next."""
        if self._sending_events or not self._is_connected or "events" in self._timers:
            return
        events = self._store.next_events(1 if self._one_by_one else MAX_BATCH)
        if events:
            self._sending_events = True
            payload = [{"k": one.k, "event": one.event, "at": one.at} for one in events]
            self._request("mps/event", payload, lambda answer: self._events_answered(events, answer))

    def _events_answered(self, events: list[Event], answer: Answer) -> None:
        self._sending_events = False
        if answer["success"]:
            self._one_by_one = max(0, self._one_by_one - 1)
            self._store.remove_events(events)
        elif answer.get("name") == TEMPORARY:
            self._start_timer("events", UNAVAILABLE_SECONDS)
        elif len(events) > 1:
            self._one_by_one = len(events)  # one of them is faulty
        else:
            self._diagnostics.note(f"the report of {events[0].k} was refused and dropped")
            self._one_by_one = max(0, self._one_by_one - 1)
            self._store.remove_events(events)
        self._send_events()


def _settle(futures: list[Future[None]], error: Exception | None = None) -> None:
    for future in futures:
        if not future.done():
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)


def _refusal(answer: Answer) -> RefusedError:
    return RefusedError(int(answer.get("code", 0)), str(answer.get("name")), str(answer.get("message")))
