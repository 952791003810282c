"""Fixtures of the scenarios: one service for all, a fault proxy and agents for each; and the table of results."""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from alibabacloud_mpaas20201028 import models as mpaas2020

from conformance import results, toolchain
from conformance.agent import Agent
from conformance.fault_proxy import FaultProxy
from conformance.sdks import ROOT, Sdk, chosen_from
from tests.e2e import backends
from tests.e2e.database import Database
from tests.support.stack import Stack


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each scenario with each chosen SDK."""
    if "sdk" in metafunc.fixturenames:
        sdks = chosen_from(metafunc.config.getoption("--sdk"))
        metafunc.parametrize("sdk", sdks, ids=[one.name for one in sdks], scope="session")


def sdk_of(item: pytest.Item) -> str:
    """Return the name of the SDK that a test judges."""
    judged = getattr(item, "callspec", None)
    if judged is not None and "sdk" in judged.params:
        return str(judged.params["sdk"].name)
    return item.path.stem.removeprefix("test_")


@pytest.hookimpl(tryfirst=True)  # xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the scenarios of an SDK on one worker, which starts the service."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group(f"conformance-{sdk_of(item)}"))
            # The first one builds its SDK, on a new machine with downloads.
            item.add_marker(pytest.mark.timeout(1_200))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the table of results, and write it where that is asked for."""
    table = results.table_of(terminalreporter.stats)
    if table:
        terminalreporter.section("conformance of the device SDKs")
        terminalreporter.write_line(table)
        if config.getoption("--write-results"):
            document = ROOT / "conformance" / "RESULTS.md"
            former = results.read(document.read_text()) if document.exists() else {}
            document.write_text(results.document_of(results.table_of(terminalreporter.stats, former)))


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Start the service once."""
    with Stack(tmp_path_factory.mktemp("conformance") / "var") as running:
        yield running


@pytest.fixture
def database(service: Stack) -> Iterator[Database]:
    """Return the service's database."""
    database = Database(service)
    yield database
    database.close()


@pytest.fixture(scope="session")
def built(sdk: Sdk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sdk]:
    """Return the SDK with its agent built and its host running; skips with the reason where that cannot be."""
    if reason := sdk.missing():
        pytest.skip(reason)
    toolchain.build(sdk.build)
    if not sdk.host:
        yield sdk
        return
    folder = tmp_path_factory.mktemp("host")
    path = str(folder / "socket")
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(
            [*sdk.host, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=sdk.variables()
        ) as host,
    ):
        assert host.stdout is not None
        assert host.stdout.readline(), f"the host did not start: {folder / 'log'}"
        yield replace(sdk, environment={**sdk.environment, "AGENT_HOST": path})
        assert host.stdin is not None
        host.stdin.close()


@pytest.fixture
def proxy(service: Stack) -> Iterator[FaultProxy]:
    """Return a proxy before the gateway, which misbehaves when told to."""
    with FaultProxy(urlsplit(service.demo["mqtt_url"]).port or 0) as running:
        yield running


@dataclass
class Devices:
    """Makes agents, all of which connect through the proxy."""

    sdk: Sdk
    config: dict[str, str]
    folder: Path
    running: list[Agent]

    def agent(
        self, store: str = "store", *, clock: str = "real", start: bool = True, now: float | None = None
    ) -> Agent:
        """Run an agent on a store, configured, and started unless that is not wanted.

        Args:
            store: Name of the store; the same name is the same device.
            clock: `manual` for a clock that `advance` moves.
            start: Whether to start the client.
            now: What a manual clock shows at first, in seconds since 1970; the time by default.
        """
        agent = Agent(self.sdk.command, self.sdk.variables(), self.folder)
        self.running.append(agent)
        time = {} if now is None else {"now": now}
        agent.do("configure", config=self.config, store=str(self.folder / store), clock=clock, **time)
        if start:
            agent.do("start")
        return agent

    def connected(self, store: str = "store", *, clock: str = "real", now: float | None = None) -> Agent:
        """Run an agent on a store, and wait until it is connected."""
        agent = self.agent(store, clock=clock, now=now)
        agent.next_state("connected")
        return agent


@pytest.fixture
def devices(built: Sdk, service: Stack, proxy: FaultProxy, tmp_path: Path) -> Iterator[Devices]:
    """Return what makes agents of the SDK; all are killed after the scenario."""
    demo = service.demo
    config = {
        "endpoint": proxy.url,
        "httpEndpoint": demo["http_url"],
        "appId": demo["app_id"],
        "workspaceId": demo["workspace_id"],
        "clientKey": demo["client_key"],
        "platform": "android",
    }
    made = Devices(built, config, tmp_path, [])
    yield made
    for agent in made.running:
        agent.kill()


@dataclass
class Backend:
    """What the app's backend does: push, and revoke."""

    demo: dict[str, str]

    def push(self, agent: Agent | None = None, *, user: str = "", seconds: int = 600, inbox: bool = False) -> Pushed:
        """Push a message to an agent's device, or to a user; for the inbox too where that is wanted."""
        target = user or (agent.do("token") if agent else "")
        msgkey = uuid.uuid4().hex
        more = {"Inbox": "true"} if inbox else {}
        answer = backends.push_2019(
            self.demo,
            target,
            msgkey,
            DeliveryType=3 if user else 1,
            ExpiredSeconds=seconds,
            TaskName="conformance",
            **more,
        )
        assert answer["ResultCode"] == "100", answer
        return Pushed(msgkey, target, str(answer["PushResult"]["Data"]))

    def revoke(self, pushed: Pushed) -> None:
        """Revoke a message."""
        answer = backends.client_2020(self.demo).revoke_push_message(
            mpaas2020.RevokePushMessageRequest(
                app_id=self.demo["app_id"],
                workspace_id=self.demo["workspace_id"],
                message_id=pushed.msgkey,
                target_id=pushed.target,
            )
        )
        assert json.loads(json.dumps(answer.body.push_result.to_map()))["Success"], answer


@dataclass(frozen=True)
class Pushed:
    """A pushed message: its msgKey, its target and its task."""

    msgkey: str
    target: str
    task: str


@pytest.fixture
def backend(service: Stack) -> Backend:
    """Return the app's backend."""
    return Backend(service.demo)


@pytest.fixture
def count_devices(database: Database) -> Callable[[], int]:
    """Return a function that counts the service's devices."""
    return lambda: int(database.query("SELECT count(*) FROM pushcore_device")[0][0])
