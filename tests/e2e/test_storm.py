"""The service stays ready while thousands of devices reconnect at once."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections import Counter

import pytest

from tests.support.fleet import Fleet
from tests.support.stack import Stack

pytestmark = pytest.mark.xdist_group("stack")

DEVICES = 2_000
SECONDS = 90


class Readiness(threading.Thread):
    """Asks /readyz repeatedly inside a `with`, and counts the answers by status."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(daemon=True)
        self.answers: Counter[int] = Counter()
        self._url = f"{stack.url}/readyz"
        self._enough = threading.Event()

    def run(self) -> None:
        while not self._enough.wait(0.1):
            try:
                with urllib.request.urlopen(self._url, timeout=10) as answer:
                    self.answers[answer.status] += 1
            except urllib.error.HTTPError as error:
                self.answers[error.code] += 1

    def __enter__(self) -> Readiness:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self.join()


def test_the_service_stays_ready_while_thousands_of_devices_reconnect_at_once(stack: Stack) -> None:
    with Fleet(stack.demo, DEVICES, keep_alive=300) as fleet, Readiness(stack) as readiness:
        fleet.reconnect(SECONDS)
        assert fleet.refusals == 0
    assert set(readiness.answers) == {200}
