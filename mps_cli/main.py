"""`mps push`, `template`, `audience`, `segment`, `device`, `task`, `api`, `mcp`: see `mps push --help`, docs/cli.md.

Exit codes: 0 done, 1 refused by the API, 2 wrong command line, 3 the service cannot be reached.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from mps_cli import audience, devices, push, segments, tasks, templates
from mps_cli.arguments import json_value
from mps_cli.client import Api, RefusedError, UnreachableError
from mps_cli.credentials import VARIABLE, CredentialsError, load

REFUSED, USAGE, UNREACHABLE = 1, 2, 3
# As shells have it for a command that SIGPIPE ends.
READER_LEFT = 141

Handler = Callable[[Api, argparse.Namespace], object]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code."""
    parsed = parser().parse_args(arguments)
    handler: Handler = parsed.handler
    try:
        show(handler(Api(load(parsed.credentials)), parsed))
    except BrokenPipeError:  # the reader left, as `head` does: nothing is left to flush at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_LEFT
    except UnicodeEncodeError:
        sys.stderr.write("mps: an argument is not UTF-8, or the terminal cannot show the answer\n")
        return USAGE
    except CredentialsError as error:
        return _complain(error, USAGE)
    except (RefusedError, OSError) as error:
        return _complain(error, REFUSED)
    except UnreachableError as error:
        return _complain(error, UNREACHABLE)
    except KeyboardInterrupt:
        return 130
    return 0


def show(result: object) -> None:
    """Write a result to standard output: text as it is, all else as JSON."""
    if result is None:
        return
    text = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False, indent=2)
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _complain(error: Exception, code: int) -> int:
    sys.stderr.write(f"mps: {error}\n")
    return code


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    top = argparse.ArgumentParser(
        prog="mps",
        description="Push messages and look after them, over the signed API of a message push service.",
        epilog=f"Credentials: a JSON file, as `make run` writes var/demo.json; --credentials or {VARIABLE} names it.",
    )
    top.set_defaults(credentials="")
    commands = top.add_subparsers(required=True, metavar="command")
    for module in (push, templates, audience, segments, devices, tasks):
        module.add_to(commands)
    _add_api(commands)
    _add_mcp(commands)
    return top


def _add_mcp(commands: Any) -> None:
    server = commands.add_parser("mcp", help="serve these commands to a language model", description=_serve.__doc__)
    server.add_argument("--read-only", action="store_true", help="offer only tools that change nothing")
    server.add_argument("--credentials", default="", help="file of credentials")
    server.set_defaults(handler=_serve)


def _serve(api: Api, arguments: argparse.Namespace) -> None:
    """Serve the commands as tools of the Model Context Protocol, on standard input and output."""
    try:
        module = import_module("mps_cli.mcp_server")
    except ModuleNotFoundError as error:
        raise CredentialsError(f"{error.name} is not installed: pip install message-push-service[mcp]") from None
    module.serve(parser(), api, read_only=arguments.read_only)


def _add_api(commands: Any) -> None:
    generic = commands.add_parser("api", help="call any action of the API", description=_call.__doc__)
    generic.add_argument("action", help="such as PushSimple (docs/api.md)")
    generic.add_argument(
        "parameter",
        nargs="*",
        type=json_value,
        metavar="name=value",
        help="as the REST API spells it; text, or a JSON object or list",
    )
    generic.add_argument("--credentials", default="", help="file of credentials")
    generic.set_defaults(handler=_call)


def _call(api: Api, arguments: argparse.Namespace) -> Any:
    """Call an action with parameters, and show the data of the answer."""
    return api.call(arguments.action, dict(arguments.parameter))
