"""Vendor credentials are fetched once for all workers, renewed in time, and never reused once refused."""

from __future__ import annotations

import threading
import time

import pytest
import redis
from redis.lock import Lock

from channels_vendor.base.contract import CannotAuthorise
from channels_vendor.base.credentials import SharedCredential
from pushcore.storage.valkey import client


class Source:
    def __init__(self, life: float = 3600.0, takes: float = 0.0) -> None:
        self.fetched, self.life, self.takes = 0, life, takes

    def __call__(self) -> tuple[str, float]:
        time.sleep(self.takes)
        self.fetched += 1
        return f"token-{self.fetched}", self.life


def test_workers_at_the_same_time_fetch_one_credential() -> None:
    source, got = Source(takes=0.2), []
    threads = [threading.Thread(target=lambda: got.append(SharedCredential("account").get(source))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == ["token-1"] * 6
    assert source.fetched == 1


def test_workers_whose_credential_is_refused_at_the_same_time_renew_it_once() -> None:
    source = Source(takes=0.1)
    workers = [SharedCredential("account") for _ in range(4)]
    held = {worker.get(source) for worker in workers}
    assert held == {"token-1"}
    refused = "token-1"
    got: list[str] = []
    threads = [
        threading.Thread(target=lambda worker=worker: got.append(worker.get(source, refused=refused)))
        for worker in workers
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == ["token-2"] * 4
    assert source.fetched == 2


def test_a_credential_is_renewed_before_it_ends() -> None:
    source, now = Source(life=2700.0), [1_000.0]
    tokens = SharedCredential("account", clock=lambda: now[0])
    assert tokens.get(source) == "token-1"
    now[0] += 2_399
    assert tokens.get(source) == "token-1"
    now[0] += 2
    assert tokens.get(source) == "token-2"


def test_a_credential_is_encrypted_in_valkey() -> None:
    SharedCredential("account").get(Source())
    [key] = client().keys("mps:vendor:token:*")
    assert b"token-1" not in bytes(client().get(key))  # type: ignore[arg-type]


def test_a_failed_fetch_is_reported_and_the_next_worker_may_try() -> None:
    def broken() -> tuple[str, float]:
        raise CannotAuthorise("no", permanent=True)

    with pytest.raises(CannotAuthorise):
        SharedCredential("account").get(broken)
    assert SharedCredential("account").get(Source()) == "token-1"


def test_a_lock_that_cannot_be_given_back_costs_no_second_credential(monkeypatch: pytest.MonkeyPatch) -> None:
    def release(_lock: Lock) -> None:
        raise redis.ConnectionError("gone")

    monkeypatch.setattr(Lock, "release", release)
    source = Source()
    assert SharedCredential("lost lock").get(source) == "token-1"
    assert source.fetched == 1
