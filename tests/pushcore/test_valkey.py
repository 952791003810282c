"""Valkey's client raises one error at once, in whatever way Valkey is unavailable."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from mps_project.launcher import engines
from pushcore.storage import valkey
from tests.support.valkey_server import ValkeyServer

REFUSALS = {
    "a full disk": "MISCONF Errors writing to the AOF file: No space left on device",
    "full memory": "OOM command not allowed when used memory > 'maxmemory'.",
    "a replica": "READONLY You can't write against a read only replica.",
    "too few replicas": "NOREPLICAS Not enough good replicas to write.",
    "a script of Redis 6": "ERR Error running script (call to f_1): @user_script:1: @user_script: 1: -MISCONF Redis is",
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ValkeyServer]:
    with ValkeyServer(tmp_path) as served:
        yield served


@pytest.mark.parametrize("text", REFUSALS.values(), ids=REFUSALS.keys())
def test_a_refusal_to_write_counts_as_unavailable(text: str) -> None:
    assert isinstance(valkey.ErrorParser.parse_error(text), valkey.ValkeyDown)


@pytest.mark.parametrize("text", ["WRONGTYPE Operation against a key", "ERR unknown command 'OOM '", "NOSCRIPT No"])
def test_another_error_is_raised_as_it_is(text: str) -> None:
    assert not isinstance(valkey.ErrorParser.parse_error(text), valkey.ValkeyDown)


@pytest.mark.parametrize(
    ("refuse", "relent"),
    [
        (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0")),
        (("CONFIG", "SET", "min-replicas-to-write", "1"), ("CONFIG", "SET", "min-replicas-to-write", "0")),
        (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE")),
    ],
)
def test_commands_scripts_and_pipelines_fail_alike_when_writes_are_refused(
    server: ValkeyServer, refuse: tuple[str, ...], relent: tuple[str, ...]
) -> None:
    client = valkey.connect(server.url)
    script = client.register_script("return redis.call('SET', KEYS[1], 1)")
    script(keys=["mps:before"])
    server.admin.execute_command(*refuse)
    with pytest.raises(valkey.ValkeyDown):
        client.set("mps:x", 1)
    with pytest.raises(valkey.ValkeyDown):
        script(keys=["mps:x"])
    for transaction in (True, False):
        with pytest.raises(valkey.ValkeyDown), client.pipeline(transaction=transaction) as pipeline:
            pipeline.set("mps:x", 1).get("mps:before").execute()
    assert client.get("mps:before") == b"1"
    server.admin.execute_command(*relent)
    assert client.set("mps:x", 1)
    client.close()


def test_a_hanging_valkey_is_waited_for_once(server: ValkeyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(valkey, "ANSWER_SECONDS", 0.2)
    client = valkey.connect(server.url)
    client.set("mps:x", 1)
    server.freeze()
    with pytest.raises(redis.TimeoutError):
        client.get("mps:x")
    assert client.breaker.is_open
    for ask in (lambda: client.get("mps:x"), lambda: client.pipeline().get("mps:x").execute()):
        with pytest.raises(valkey.ValkeyTimeoutError):
            ask()
    server.thaw()
    deadline = time.monotonic() + 20
    while client.breaker.is_open and time.monotonic() < deadline:
        time.sleep(0.05)
    assert client.get("mps:x") == b"1"
    client.close()


def test_an_unreachable_valkey_counts_as_unavailable(tmp_path: Path) -> None:
    client = valkey.connect(f"redis://127.0.0.1:{engines.free_port()}/0")
    with pytest.raises(valkey.ValkeyDown):
        client.ping()
    client.close()
