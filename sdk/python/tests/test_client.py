from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator

import pytest

from mps_device import AsyncPushClient, Config, ConsentError, Message, NotRunningError, PushClient, State, Status, Store


@pytest.fixture
def config() -> Config:
    """Return a configuration whose server refuses connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    return Config(endpoint=f"mqtt://127.0.0.1:{port}", app_id="a", workspace_id="w", client_key="the-key")


@pytest.fixture
def client(config: Config) -> Iterator[PushClient]:
    with PushClient(config, Store(None)) as client:
        yield client


def test_it_starts_only_with_consent(client: PushClient) -> None:
    with pytest.raises(ConsentError):
        client.start(consent=False)
    assert client.state == State(Status.STOPPED)


def test_requests_need_a_running_client(client: PushClient) -> None:
    with pytest.raises(NotRunningError):
        client.bind("ann")
    with pytest.raises(NotRunningError):
        client.withdraw_vendor_token()


def test_a_request_without_a_connection_times_out_and_is_kept(client: PushClient) -> None:
    client.start(consent=True)
    with pytest.raises(TimeoutError):
        client.bind("ann", timeout=0.01)
    client.stop()


def test_who_waits_for_a_request_is_told_when_the_client_stops(client: PushClient) -> None:
    client.start(consent=True)
    waiting = client.bind_later("ann")
    client.stop()
    with pytest.raises(NotRunningError):
        waiting.result(10)


def test_reports_are_kept_while_the_client_does_not_run(client: PushClient) -> None:
    client.opened("1")
    client.ignored("2")
    assert client.count_outbox() == 2
    with pytest.raises(ValueError, match="key"):
        client.opened("not a key")


def test_an_unreachable_server_is_waited_for_and_said(config: Config) -> None:
    states: list[State] = []

    async def run() -> list[str]:
        waiting = asyncio.Event()

        def on_state(state: State) -> None:
            states.append(state)
            if state.status is Status.WAITING:
                waiting.set()

        async with AsyncPushClient(config, Store(None)) as client:
            client.on_state = on_state
            await client.start(consent=True)
            await waiting.wait()
            return client.diagnostics()

    lines = asyncio.run(run())
    assert [one.status for one in states[:2]] == [Status.CONNECTING, Status.WAITING]
    assert any("cannot be reached" in line for line in lines)
    assert not any("the-key" in line for line in lines)


def test_unregistering_a_device_that_never_registered_only_stops(client: PushClient) -> None:
    client.start(consent=True)
    client.unregister()
    assert client.state.status is Status.STOPPED


def test_unregistering_without_any_connection_changes_nothing(config: Config) -> None:
    from mps_device.store import Identity

    store = Store(None)
    store.keep_identity(Identity("ad-token", "secret"))
    with PushClient(config, store) as client, pytest.raises(NotRunningError):
        client.unregister()
    assert store.identity is not None


def test_wait_returns_when_the_client_is_stopped(client: PushClient) -> None:
    client.on_state = lambda state: client.stop() if state.status is Status.WAITING else None
    client.start(consent=True)
    client.wait()
    assert client.state.status is Status.STOPPED


def test_a_coroutine_callback_may_stop_its_client_without_waiting_for_itself(config: Config) -> None:
    """A stop waits for callbacks that run, but not for the one that asks for it."""
    joined: list[float | None] = []

    async def run() -> None:
        stopped = asyncio.Event()
        async with AsyncPushClient(config, Store(None)) as client:

            async def on_state(state: State) -> None:
                if state.status is Status.WAITING:
                    await client.stop()
                    stopped.set()

            client.on_state = on_state
            with pytest.MonkeyPatch.context() as patch:
                await client.start(consent=True)
                engine = client._client._engine
                assert engine is not None
                patch.setattr(engine.callbacks._thread, "join", joined.append)
                await stopped.wait()

    asyncio.run(run())
    assert not joined


def test_a_handler_may_stop_its_client_from_a_coroutine(config: Config) -> None:
    handled = threading.Event()

    async def run() -> None:
        async with AsyncPushClient(config, Store(None)) as client:

            async def on_message(_message: Message) -> None:
                await client.stop()
                handled.set()

            waiting = asyncio.Event()
            client.on_message = on_message
            client.on_state = lambda state: waiting.set() if state.status is Status.WAITING else None
            await client.start(consent=True)
            await waiting.wait()  # an attempt that fails drops the messages of its connection
            engine = client._client._engine
            assert engine is not None
            engine._delivery.add(Message("1"), 1, 1)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(engine._delivery._thread, "join", lambda _timeout: pytest.fail("it waits for itself"))
                await asyncio.to_thread(handled.wait, 20)

    asyncio.run(run())
    assert handled.is_set()
