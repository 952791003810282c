"""`mps audience`: tags of devices and users, and how many devices a condition chooses."""

from __future__ import annotations

import argparse
from typing import Any

from mps_cli.arguments import add_command, json_object
from mps_cli.client import Api

_TYPES = {"device": 1, "user": 2}


def add_to(commands: Any) -> None:
    """Add the commands."""
    group = commands.add_parser("audience", help="tags, topics and conditions").add_subparsers(
        required=True, metavar="verb"
    )
    count = add_command(group, "count", _count, "Count the devices of a condition.")
    count.add_argument("condition", type=json_object, help="JSON, or FCM's form (docs/audiences.md)")
    add_command(group, "names", _names, "List the workspace's tags and topics.")
    show = add_command(group, "show", _show, "Show what is known of a target.")
    _add_target_type(show)
    show.add_argument("target")
    for verb, handler in (("tag", _tag), ("topic", _topic)):
        command = add_command(group, verb, handler, f"Add and remove {verb}s of up to 1,000 targets.")
        _add_target_type(command)
        command.add_argument("target", nargs="+")
        command.add_argument("--add", action="append", default=[], metavar="NAME")
        command.add_argument("--remove", action="append", default=[], metavar="NAME")


def _add_target_type(command: argparse.ArgumentParser) -> None:
    command.add_argument("--type", choices=_TYPES, default="user", help="what a target is (default: user)")


def _count(api: Api, arguments: argparse.Namespace) -> Any:
    return api.call("PushCountAudience", {"condition": arguments.condition})


def _names(api: Api, _arguments: argparse.Namespace) -> Any:
    return api.call("PushQueryAudienceNames", {})


def _show(api: Api, arguments: argparse.Namespace) -> Any:
    return api.call("PushQueryProfile", {"target": arguments.target, "targetType": _TYPES[arguments.type]})


def _tag(api: Api, arguments: argparse.Namespace) -> Any:
    return _update(api, "PushUpdateTags", arguments)


def _topic(api: Api, arguments: argparse.Namespace) -> Any:
    return _update(api, "PushUpdateTopics", arguments)


def _update(api: Api, action: str, arguments: argparse.Namespace) -> Any:
    changes = {name: given for name in ("add", "remove") if (given := getattr(arguments, name))}
    return api.call(action, {"targets": arguments.target, "targetType": _TYPES[arguments.type], **changes})
