"""What a device asks of the service: binding a user, a vendor's token, reports of events, its end.

What the app wants is in the store before it is sent, and is sent with each connection until it is answered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, Protocol

from mps_device.callbacks import Callbacks
from mps_device.diagnostics import Diagnostics
from mps_device.errors import NotRunningError, RefusedError
from mps_device.store import Event, Store

# The service is asked again after it was unable to serve a request.
UNAVAILABLE_SECONDS = 30.0
MAX_BATCH = 100
TEMPORARY, WRONG_PROOF = "SYSTEM_ERROR", "SIGNATURE_MISMATCH"
BINDING, VENDOR_TOKEN = "binding", "vendorToken"

ProofProvider = Callable[[str, str], str]
Answer = dict[str, Any]


class Requester(Protocol):
    """The client's network thread, as its requests see it."""

    store: Store
    callbacks: Callbacks
    diagnostics: Diagnostics

    @property
    def connection_number(self) -> int:
        """The number of the connection that takes requests; 0 if there is none."""

    def request(self, topic: str, payload: object, on_answer: Callable[[Answer], None]) -> None:
        """Send a request. Its answer may never come, where the connection is lost."""

    def post(self, command: Callable[[], None]) -> None:
        """Have a function called by the network thread."""

    def start_timer(self, name: str, seconds: float) -> None:
        """Start a timer."""

    def has_timer(self, name: str) -> bool:
        """Tell whether a timer runs."""

    def hold_or_deliver(self) -> None:
        """Hold messages back while another user is to be bound, else deliver them."""

    def read_messages_again(self) -> None:
        """Drop the messages that wait for the handler, and read again what is still for this device."""


class Binding:
    """The user that is to be bound or unbound, and who waits for that."""

    def __init__(self, requester: Requester) -> None:
        self._requester = requester
        self._store = requester.store
        self._provider: ProofProvider | None = None
        self._waiting: list[Future[None]] = []
        # Counts wishes, so that answers to former ones are known.
        self._number = 0
        self._has_proved_again = False

    def bind(self, user_id: str, provider: ProofProvider | None, future: Future[None]) -> None:
        """Bind a user, now or with the next connection."""
        self._want(user_id, True, provider, future)

    def unbind(self, future: Future[None]) -> None:
        """Unbind the user, now or with the next connection."""
        wish = self._store.wish(BINDING)
        if wish is None or (wish.confirmed and not wish.value["bound"]):
            settle([future])
        else:
            self._want(wish.value["userId"], False, None, future)

    @property
    def is_pending(self) -> bool:
        """Whether the service has not answered: the messages that come may be the former user's."""
        wish = self._store.wish(BINDING)
        return wish is not None and not wish.confirmed

    def give_up(self, error: Exception) -> None:
        """Tell who waits that there are no more attempts."""
        settle(self._waiting, error)

    def _want(self, user_id: str, bound: bool, provider: ProofProvider | None, future: Future[None]) -> None:
        self.give_up(NotRunningError("replaced by a later bind or unbind"))
        self._number += 1
        self._provider, self._waiting, self._has_proved_again = provider, [future], False
        former = self._store.wish(BINDING)
        value = {"userId": user_id, "bound": bound, "needsProof": provider is not None}
        known = former is not None and former.confirmed and former.value == value
        self._store.set_wish(BINDING, value, confirmed=known)
        self._requester.hold_or_deliver()
        self.send()

    def send(self) -> None:
        """Send the binding, if the service does not know it or the app has asked for it again."""
        wish, identity, requester = self._store.wish(BINDING), self._store.identity, self._requester
        if wish is None or identity is None or (wish.confirmed and not self._waiting):
            return
        number, connection, provider = self._number, requester.connection_number, self._provider
        user_id, ad_token = wish.value["userId"], identity.ad_token

        def send(proof: str | None = None) -> None:
            if connection and self._number == number and requester.connection_number == connection:
                topic = "mps/bind" if wish.value["bound"] else "mps/unbind"
                payload = {"userId": user_id} if proof is None else {"userId": user_id, "bindToken": proof}
                requester.request(topic, payload, lambda answer: self._answered(number, answer))

        def prove() -> None:
            assert provider is not None
            try:
                proof = provider(user_id, ad_token)
            except Exception as error:  # the app's; who waits for the bind gets it
                failed = error
                requester.post(lambda: self._failed(number, failed))
            else:
                requester.post(lambda: send(proof))

        if connection and provider is not None:
            requester.callbacks.add(prove)
        elif not wish.value["needsProof"]:
            send()
        # Else the app binds again after its restart, and brings the provider.

    def _answered(self, number: int, answer: Answer) -> None:
        wish = self._store.wish(BINDING)
        if self._number != number or wish is None:
            return
        if answer["success"]:
            self._store.set_wish(BINDING, wish.value, confirmed=True)
            settle(self._waiting)
            self._waiting = []
            if not wish.confirmed:
                self._requester.read_messages_again()
            self._requester.hold_or_deliver()
        elif answer.get("name") == TEMPORARY:
            self._requester.start_timer("wishes", UNAVAILABLE_SECONDS)
        elif answer.get("name") == WRONG_PROOF and self._provider is not None and not self._has_proved_again:
            self._has_proved_again = True
            self.send()
        else:
            self._failed(number, refusal(answer))

    def _failed(self, number: int, error: Exception) -> None:
        if self._number == number:
            self._store.drop_wish(BINDING)
            settle(self._waiting, error)
            self._waiting = []
            self._requester.hold_or_deliver()


class VendorToken:
    """The vendor's token that is to be reported or withdrawn, and who waits for that."""

    def __init__(self, requester: Requester) -> None:
        self._requester = requester
        self._store = requester.store
        self._waiting: list[Future[None]] = []

    def report(self, channel: int, token: str, future: Future[None]) -> None:
        """Report a token, or withdraw it (channel 0), now or with the next connection."""
        self.give_up(NotRunningError("replaced by a later report"))
        self._waiting = [future]
        self._store.set_wish(VENDOR_TOKEN, {"channel": channel, "token": token})
        self.send()

    def give_up(self, error: Exception) -> None:
        """Tell who waits that there are no more attempts."""
        settle(self._waiting, error)

    def send(self) -> None:
        """Send the token, if the service does not know it."""
        wish, waiting = self._store.wish(VENDOR_TOKEN), self._waiting
        if wish is None or wish.confirmed or not self._requester.connection_number:
            return
        value = wish.value
        payload = {"thirdChannel": value["channel"]}
        if value["channel"]:
            payload["thirdChannelDeviceToken"] = value["token"]

        def answered(answer: Answer) -> None:
            if self._waiting is not waiting:
                return
            if answer["success"]:
                self._store.set_wish(VENDOR_TOKEN, value, confirmed=True)
                settle(waiting)
            elif answer.get("name") == TEMPORARY:
                self._requester.start_timer("wishes", UNAVAILABLE_SECONDS)
            else:
                self._store.drop_wish(VENDOR_TOKEN)
                settle(waiting, refusal(answer))

        self._requester.request("mps/report", payload, answered)


class Outbox:
    """Reports of events, which wait in the store."""

    def __init__(self, requester: Requester) -> None:
        self._requester = requester
        self._store = requester.store
        # The connection on which a request is open: there is one at a time.
        self._open_on = 0
        # How many reports to send alone, after a list of them was refused.
        self._one_by_one = 0

    def send(self) -> None:
        """Send the oldest reports, in one request at a time: those that are added meanwhile make the next."""
        connection = self._requester.connection_number
        if not connection or connection == self._open_on or self._requester.has_timer("events"):
            return
        events = self._store.next_events(1 if self._one_by_one else MAX_BATCH)
        if events:
            self._open_on = connection
            payload = [{"k": one.k, "event": one.event, "at": one.at} for one in events]
            self._requester.request("mps/event", payload, lambda answer: self._answered(events, answer))

    def _answered(self, events: list[Event], answer: Answer) -> None:
        self._open_on = 0
        if answer.get("name") == TEMPORARY:
            self._requester.start_timer("events", UNAVAILABLE_SECONDS)
            return
        if answer["success"] or len(events) == 1:
            self._one_by_one = max(0, self._one_by_one - 1)
            self._store.remove_events(events)
        else:
            self._one_by_one = len(events)  # one of them is faulty
        self.send()


class Unregistration:
    """The end of the device, over the connection there is, and who waits for it."""

    def __init__(self, requester: Requester, when_done: Callable[[], None]) -> None:
        """Prepare it; `when_done` is called once the service has ended the device."""
        self._requester = requester
        self._when_done = when_done
        self._waiting: list[Future[None]] = []

    def ask(self, future: Future[None]) -> None:
        """Ask the service to end the device."""
        self._waiting.append(future)
        if self._requester.connection_number:
            self._requester.request("mps/unregister", {}, self._answered)
        else:
            self.give_up(NotRunningError("not connected"))

    def give_up(self, error: Exception) -> None:
        """Tell who waits that there is no answer."""
        waiting, self._waiting = self._waiting, []
        settle(waiting, error)

    def _answered(self, answer: Answer) -> None:
        if answer["success"]:
            waiting, self._waiting = self._waiting, []
            self._when_done()
            settle(waiting)
        else:
            self.give_up(refusal(answer))


class Calls:
    """Requests that are answered now or fail: they are not kept for the next connection."""

    def __init__(self, requester: Requester) -> None:
        self._requester = requester
        self._waiting: set[Future[Any]] = set()

    def ask(self, topic: str, payload: Mapping[str, object], future: Future[Any]) -> None:
        """Send a request; the future has the answer's data."""
        if not self._requester.connection_number:
            future.set_exception(NotRunningError("not connected"))
            return

        def answered(answer: Answer) -> None:
            if future not in self._waiting:
                return
            self._waiting.discard(future)
            if answer["success"]:
                future.set_result(answer.get("data"))
            else:
                future.set_exception(refusal(answer))

        self._waiting.add(future)
        self._requester.request(topic, payload, answered)

    def give_up(self, error: Exception) -> None:
        """Tell who waits that there is no answer."""
        waiting, self._waiting = self._waiting, set()
        for future in waiting:
            future.set_exception(error)


def settle(futures: list[Future[None]], error: Exception | None = None) -> None:
    """Tell who waits the end: success, or an error. Futures that are done stay so."""
    for future in futures:
        if not future.done():
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)


def refusal(answer: Answer) -> RefusedError:
    """Return the error of an answer that refuses."""
    return RefusedError(int(answer.get("code", 0)), str(answer.get("name")), str(answer.get("message")))
