"""`mps mcp`: the commands of `mps` as tools of a Model Context Protocol server, on standard input and output.

Each command is a tool, `push_simple` or `task_show`, with the command's options as its parameters, and works with the
rights of the access key. The package `mcp` is an extra: `pip install message-push-service[mcp]`.

Source: https://modelcontextprotocol.io/specification
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mcp import types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

from mps_cli.client import Api, RefusedError, UnreachableError

# Its output is lines as time goes by, which no tool has.
_LEFT_OUT = frozenset({"task_tail", "mcp"})
# They only look; the others push, change or revoke.
_READS = frozenset(
    {"template_list", "template_show", "audience_names", "audience_show", "audience_count", "segment_list"}
    | {"device_state", "task_show"}
)
_INSTRUCTIONS = (
    "Push messages to devices and users of one app, and look after them. `dry_run` of a push sends nothing and says "
    "what would become of it: do that first."
)


@dataclass(frozen=True, slots=True)
class Command:
    """A command of the command line: the words that name it, and the parser of what follows them."""

    words: tuple[str, ...]
    parser: argparse.ArgumentParser

    @property
    def name(self) -> str:
        """The tool's name."""
        return "_".join(self.words)

    @property
    def parameters(self) -> list[argparse.Action]:
        """The options and positional arguments that are parameters of the tool."""
        return [one for one in self.parser._actions if one.dest not in ("help", "credentials")]

    def tool(self) -> types.Tool:
        """Return the tool."""
        reads = self.name in _READS
        return types.Tool(
            name=self.name,
            description=self.parser.description,
            input_schema={
                "type": "object",
                "properties": {one.dest: _schema_of(one) for one in self.parameters},
                "required": [one.dest for one in self.parameters if _is_required(one)],
                "additionalProperties": False,
            },
            annotations=types.ToolAnnotations(read_only_hint=reads, destructive_hint=not reads),
        )

    def command_line(self, given: Mapping[str, Any]) -> list[str]:
        """Return the command line that gives these parameters.

        Raises:
            ValueError: There is no such parameter.
        """
        known = {one.dest: one for one in self.parameters}
        if unknown := given.keys() - known.keys():
            raise ValueError(f"no such parameter: {', '.join(sorted(unknown))}")
        options: list[str] = []
        for dest, value in given.items():
            action = known[dest]
            if action.option_strings and action.nargs == 0:
                options += action.option_strings[-1:] if value is True else []
            elif action.option_strings:
                options += [f"{action.option_strings[-1]}={one}" for one in _texts(value)]
        positional = [
            one
            for action in self.parameters
            if not action.option_strings and action.dest in given
            for one in _texts(given[action.dest])
        ]
        # What begins with a dash is a value there, too.
        return [*self.words, *options, *(["--", *positional] if positional else [])]


def commands_of(parser: argparse.ArgumentParser, words: tuple[str, ...] = ()) -> Iterator[Command]:
    """Yield the commands of a parser that are tools."""
    groups = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
    if not groups and "_".join(words) not in _LEFT_OUT:
        yield Command(words, parser)
    for group in groups:
        for word, below in group.choices.items():
            yield from commands_of(below, (*words, word))


def serve(parser: argparse.ArgumentParser, api: Api, *, read_only: bool) -> None:
    """Serve until standard input ends.

    Args:
        parser: The command line.
        api: The API that the tools call.
        read_only: Offer only tools that change nothing.
    """
    offered = {one.name: one for one in commands_of(parser) if not read_only or one.name in _READS}

    async def list_tools(_context: Any, _params: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[one.tool() for one in offered.values()])

    async def call_tool(_context: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        command = offered.get(params.name)
        if command is None:
            return _failed(f"there is no tool {params.name!r}")
        return await asyncio.to_thread(_call, parser, api, command, params.arguments or {})

    server: Server[Any] = Server("mps", instructions=_INSTRUCTIONS, on_list_tools=list_tools, on_call_tool=call_tool)

    async def run() -> None:
        async with stdio_server() as (reading, writing):
            await server.run(reading, writing, server.create_initialization_options())

    asyncio.run(run())


def _call(
    parser: argparse.ArgumentParser, api: Api, command: Command, given: Mapping[str, Any]
) -> types.CallToolResult:
    """Run a command; whatever it refuses is the result, for whoever called to read."""
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            parsed = parser.parse_args(command.command_line(given))
        result = parsed.handler(api, parsed)
    except SystemExit:  # of the parser
        return _failed(complaint.getvalue().strip().rpartition("error: ")[2])
    except (RefusedError, UnreachableError, ValueError, OSError) as error:
        return _failed(str(error))
    text = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
    return types.CallToolResult(content=[types.TextContent(type="text", text=text)])


def _failed(why: str) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(type="text", text=why)], is_error=True)


def _is_required(action: argparse.Action) -> bool:
    return action.required and action.nargs != "*"


def _schema_of(action: argparse.Action) -> dict[str, Any]:
    """Return the JSON schema of a parameter."""
    schema: dict[str, Any] = {"type": "string"}
    if action.choices is not None:
        schema["enum"] = list(action.choices)
    if action.nargs == 0:
        schema = {"type": "boolean"}
    elif isinstance(action, argparse._AppendAction) or action.nargs == "*":
        schema = {"type": "array", "items": schema}
    words = [str(action.metavar or ""), action.help or ""]
    return schema | {"description": ": ".join(word for word in words if word)}


def _texts(value: Any) -> list[str]:
    """Return the value of a parameter, or each of its values, as the command line spells it."""
    values = value if isinstance(value, list) else [value]
    return [one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in values]
