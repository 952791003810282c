"""`mps device`: whether a device, or a user's device, is there."""

from __future__ import annotations

import argparse
from typing import Any

from mps_cli.arguments import add_command
from mps_cli.client import Api

_TYPES = {"device": 1, "user": 2}


def add_to(commands: Any) -> None:
    """Add the commands."""
    group = commands.add_parser("device", help="look at devices").add_subparsers(required=True, metavar="verb")
    state = add_command(group, "state", _state, "Show a device, or the device of a user, and whether it is online.")
    state.add_argument("--type", choices=_TYPES, default="user", help="what the target is (default: user)")
    state.add_argument("target")


def _state(api: Api, arguments: argparse.Namespace) -> Any:
    return api.call("PushQueryDeviceState", {"target": arguments.target, "targetType": _TYPES[arguments.type]})
