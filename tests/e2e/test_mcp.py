"""`mps mcp` against the started service, by the official client of the Model Context Protocol."""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.client.session import ClientSession
from mcp.client.stdio import StdioServerParameters, stdio_client

from mps_cli.main import parser
from mps_cli.mcp_server import commands_of
from mps_project.__main__ import _CLIENT_COMMANDS
from tests.support.devices import PahoDevice
from tests.support.stack import ROOT, Stack

pytestmark = pytest.mark.xdist_group("stack")
Work = Callable[[ClientSession], Awaitable[None]]


@pytest.fixture
def served(stack: Stack, tmp_path: Path) -> Callable[..., None]:
    """Return a function that starts the server and works with a session on it."""
    credentials = tmp_path / "credentials.json"
    credentials.write_text(json.dumps(stack.demo))

    def run(work: Work, *options: str) -> None:
        command = ["-m", "mps_project", "mcp", "--credentials", str(credentials), *options]

        async def session() -> None:
            server = StdioServerParameters(command=sys.executable, args=command, cwd=str(ROOT))
            async with stdio_client(server) as streams, ClientSession(*streams) as opened:
                await opened.initialize()
                await work(opened)

        anyio.run(session)

    return run


async def call(session: ClientSession, tool: str, refused: bool = False, **parameters: Any) -> Any:
    result = await session.call_tool(tool, parameters)
    assert bool(result.is_error) is refused, result
    text = result.content[0].text  # type: ignore[union-attr]
    try:
        return json.loads(text)
    except ValueError:
        return text


def test_a_model_pushes_what_it_tried_before_and_reads_refusals(
    served: Callable[..., None], new_device: Callable[..., PahoDevice]
) -> None:
    device = new_device()

    async def work(session: ClientSession) -> None:
        push: dict[str, Any] = {
            "to": [device.ad_token],
            "type": "android",
            "title": "-5 degrees",
            "content": "C",
            "msgkey": "mcp-1",
        }
        tried = await call(session, "push_simple", **push, dry_run=True)
        assert tried["messages"] == 1
        task = await call(session, "push_simple", **push)
        detail = await call(session, "task_show", task_id=str(task))
        assert int(detail["PushNum"]) == 1
        missing = await call(session, "push_simple", refused=True, to=["ann"], title="T")
        assert missing == "the following arguments are required: --content"
        assert await call(session, "push_simple", refused=True, colour="red") == "no such parameter: colour"
        assert await call(session, "fly", refused=True) == "there is no tool 'fly'"

    served(work)
    device.wait_for_key("mcp-1")


def test_who_only_reads_is_offered_nothing_that_changes(served: Callable[..., None]) -> None:
    async def work(session: ClientSession) -> None:
        tools = (await session.list_tools()).tools
        assert {tool.name for tool in tools} >= {"task_show", "audience_count", "template_list"}
        assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools)
        await call(session, "push_simple", refused=True, to=["ann"], title="T", content="C")

    served(work, "--read-only")


def test_each_command_of_the_command_line_is_a_tool_and_a_command_of_mps() -> None:
    tools = [command.name for command in commands_of(parser())]
    assert len(tools) == len(set(tools)) > 20
    assert {name.partition("_")[0] for name in tools} | {"mcp"} == _CLIENT_COMMANDS
