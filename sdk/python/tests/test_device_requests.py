from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from mps_device import NotRunningError, RefusedError, Store, SystemClock
from mps_device.callbacks import Callbacks
from mps_device.device_requests import Answer, Binding, Outbox, VendorToken
from mps_device.diagnostics import Diagnostics
from mps_device.store import Identity

SUCCESS: Answer = {"success": True, "code": "100", "name": "SUCCESS", "message": ""}
UNAVAILABLE: Answer = {"success": False, "code": "9000", "name": "SYSTEM_ERROR", "message": ""}
WRONG_PROOF: Answer = {"success": False, "code": "-1", "name": "SIGNATURE_MISMATCH", "message": ""}
INVALID: Answer = {"success": False, "code": "3028", "name": "INVALID_PARAM", "message": ""}


class Connection:
    """Stands for the network thread: keeps what is asked, and runs what is posted when it is told to."""

    def __init__(self) -> None:
        self.store = Store(None)
        self.store.keep_identity(Identity("ad-token", "secret"))
        self.diagnostics = Diagnostics(SystemClock(), logging.getLogger("tests"))
        self.callbacks = Callbacks(self.diagnostics)
        self.connection_number = 1
        self.asked: list[tuple[str, Any]] = []
        self.answer: Callable[[Answer], None] = lambda answer: None
        self.timers: list[str] = []
        self.read_again = 0
        self.posted: list[Callable[[], None]] = []

    def request(self, topic: str, payload: object, on_answer: Callable[[Answer], None]) -> None:
        self.asked.append((topic, payload))
        self.answer = on_answer

    def post(self, command: Callable[[], None]) -> None:
        self.posted.append(command)

    def run_callbacks(self) -> None:
        """Run what the callbacks' thread was given, then what it has posted."""
        done: Future[None] = Future()
        self.callbacks.add(lambda: done.set_result(None))
        done.result(10)
        posted, self.posted = self.posted, []
        for command in posted:
            command()

    def start_timer(self, name: str, _seconds: float) -> None:
        self.timers.append(name)

    def has_timer(self, name: str) -> bool:
        return name in self.timers

    def hold_or_deliver(self) -> None:
        pass

    def read_messages_again(self) -> None:
        self.read_again += 1


@pytest.fixture
def connection() -> Iterator[Connection]:
    connection = Connection()
    yield connection
    connection.callbacks.stop()
    connection.store.close()


def test_a_proof_that_was_refused_is_fetched_again_once(connection: Connection) -> None:
    proofs, future = iter(["old", "new"]), Future[None]()
    Binding(connection).bind("ann", lambda user_id, ad_token: f"{next(proofs)} {user_id} {ad_token}", future)
    for _ in range(2):
        connection.run_callbacks()
        connection.answer(WRONG_PROOF)
    connection.run_callbacks()
    assert [payload["bindToken"] for _, payload in connection.asked] == ["old ann ad-token", "new ann ad-token"]
    with pytest.raises(RefusedError, match="SIGNATURE_MISMATCH"):
        future.result(0)


def test_what_a_proof_provider_raises_reaches_who_waits(connection: Connection) -> None:
    def fail(_user_id: str, _ad_token: str) -> str:
        raise KeyError("backend")

    future = Future[None]()
    Binding(connection).bind("ann", fail, future)
    connection.run_callbacks()
    with pytest.raises(KeyError):
        future.result(0)


def test_a_later_bind_takes_the_place_of_one_that_waits(connection: Connection) -> None:
    binding, first, second = Binding(connection), Future[None](), Future[None]()
    binding.bind("ann", None, first)
    answer_to_ann = connection.answer
    binding.bind("bob", None, second)
    answer_to_ann(SUCCESS)
    assert binding.is_pending, "bob is not bound yet"
    connection.answer(SUCCESS)
    assert not binding.is_pending
    assert second.done()
    with pytest.raises(NotRunningError):
        first.result(0)


def test_messages_are_read_again_only_where_the_user_changed(connection: Connection) -> None:
    binding = Binding(connection)
    for expected in (1, 1):
        binding.bind("ann", None, Future())
        connection.answer(SUCCESS)
        assert connection.read_again == expected
    binding.unbind(Future())
    connection.answer(SUCCESS)
    assert connection.read_again == 2


def test_a_service_that_is_away_is_asked_again(connection: Connection) -> None:
    token, future = VendorToken(connection), Future[None]()
    token.report(6, "vendor-token", future)
    connection.answer(UNAVAILABLE)
    assert connection.timers == ["wishes"]
    token.send()
    connection.answer(SUCCESS)
    assert future.done()
    token.send()
    assert len(connection.asked) == 2, "it is known"


def test_of_a_list_that_was_refused_only_the_faulty_report_is_dropped(connection: Connection) -> None:
    for number in (1, 2, 3):
        connection.store.add_event(str(number), "opened", 1)
    outbox = Outbox(connection)
    outbox.send()
    connection.answer(INVALID)
    for answer in (SUCCESS, INVALID, SUCCESS):
        connection.answer(answer)
    assert [[one["k"] for one in payload] for _, payload in connection.asked] == [["1", "2", "3"], ["1"], ["2"], ["3"]]
    assert connection.store.count_events() == 0


def test_one_request_of_reports_is_open_at_a_time(connection: Connection) -> None:
    outbox = Outbox(connection)
    connection.store.add_event("1", "opened", 1)
    outbox.send()
    connection.store.add_event("2", "opened", 1)
    outbox.send()
    assert len(connection.asked) == 1
    connection.connection_number = 2
    outbox.send()
    assert len(connection.asked) == 2, "the answer was lost with the connection"
