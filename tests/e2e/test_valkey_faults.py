"""While Valkey refuses writes or hangs, calls are answered 503 and no process ends; afterwards all work again."""

from __future__ import annotations

import os
import signal
import time
import uuid
from collections.abc import Callable, Iterator

import pytest
import redis
import requests
from aliyunsdkcore.acs_exception.exceptions import ServerException

from tests.e2e import backends
from tests.support.devices import PahoDevice
from tests.support.stack import Stack

pytestmark = pytest.mark.xdist_group("stack")


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.fixture
def refusing(stack: Stack) -> Iterator[tuple[Callable[[], object], Callable[[], object]]]:
    with redis.Redis.from_url(stack.env()["REDIS_URL"]) as admin:
        name = "min-replicas-to-write"
        yield (lambda: admin.config_set(name, 1)), (lambda: admin.config_set(name, 0))
        admin.config_set(name, 0)


@pytest.fixture
def hanging(stack: Stack) -> Iterator[tuple[Callable[[], object], Callable[[], object]]]:
    pid = stack.pids["valkey"]
    yield (lambda: os.kill(pid, signal.SIGSTOP)), (lambda: os.kill(pid, signal.SIGCONT))
    os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("fault", ["refusing", "hanging"])
def test_calls_are_answered_503_and_can_be_repeated_later(
    stack: Stack, new_device: Callable[..., PahoDevice], fault: str, request: pytest.FixtureRequest
) -> None:
    begin, end = request.getfixturevalue(fault)
    device, key, before = new_device(), uuid.uuid4().hex, stack.pids
    printed = len(stack.output)
    begin()
    for _ in range(3):
        with pytest.raises(ServerException) as refused:
            backends.push_2019(stack.demo, device.ad_token, key, DeliveryType=1)
        assert refused.value.http_status == 503
    ready = requests.get(f"{stack.url}/readyz", timeout=30)
    assert ready.status_code == 503
    assert any(part.startswith("Valkey: ") for part in ready.json()["missing"])
    assert requests.get(f"{stack.url}/healthz", timeout=30).ok
    assert requests.get(f"{stack.url}/console/login/", timeout=30).ok
    if fault == "refusing":  # it lasts until the Celery processes have met it, each of which once ended then
        logged = ("Cannot connect to redis", "periodic tasks are skipped")
        wait_for(lambda: all(line in stack.output[printed:] for line in logged))
    end()
    stack.wait_until_ready()
    assert backends.push_2019(stack.demo, device.ad_token, key, DeliveryType=1)["ResultCode"] == "100"
    device.wait_for_key(key)
    assert stack.pids == before
