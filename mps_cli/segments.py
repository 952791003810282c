"""`mps segment`: list, create, change and delete segments, conditions under a name."""

from __future__ import annotations

import argparse
from typing import Any

from mps_cli.arguments import add_command, json_object
from mps_cli.client import Api


def add_to(commands: Any) -> None:
    """Add the commands."""
    group = commands.add_parser("segment", help="look after segments").add_subparsers(required=True, metavar="verb")
    add_command(group, "list", _list, "List segments.")
    add_command(group, "delete", _delete, "Delete a segment.").add_argument("name")
    for verb, handler, help_text in (
        ("create", _create, "Save a condition as a segment."),
        ("change", _change, "Give a segment another condition."),
    ):
        command = add_command(group, verb, handler, help_text)
        command.add_argument("name")
        command.add_argument("condition", type=json_object, help="JSON, or FCM's form (docs/audiences.md)")
        command.add_argument("--description", default=None, help="what it is for")


def _list(api: Api, _arguments: argparse.Namespace) -> Any:
    return api.call("PushQuerySegments", {})


def _delete(api: Api, arguments: argparse.Namespace) -> Any:
    return api.call("PushDeleteSegment", {"segmentName": arguments.name})


def _create(api: Api, arguments: argparse.Namespace) -> Any:
    return api.call("PushCreateSegment", _values(arguments))


def _change(api: Api, arguments: argparse.Namespace) -> Any:
    return api.call("PushUpdateSegment", _values(arguments))


def _values(arguments: argparse.Namespace) -> dict[str, Any]:
    values = {"segmentName": arguments.name, "condition": arguments.condition}
    return values if arguments.description is None else values | {"description": arguments.description}
