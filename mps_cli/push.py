"""`mps push`: the kinds of pushes, and a file of targets; now or later, or as a dry run."""

from __future__ import annotations

import argparse
import json
import uuid
from pathlib import Path
from typing import Any

from mps_cli.arguments import TARGET_TYPES, add_command, json_object, moment, pair, seconds
from mps_cli.client import Api

# Targets of a simple or template push; more go as a multiple push, which takes a template.
MAX_TARGETS = 10


def add_to(commands: Any) -> None:
    """Add the commands."""
    group = commands.add_parser("push", help="push a message").add_subparsers(required=True, metavar="kind")
    simple = add_command(group, "simple", _simple, "Push a title and a text to up to 10 targets.")
    simple.add_argument("--title", required=True)
    simple.add_argument("--content", required=True)
    simple.add_argument("--uri", default="", help="what a tap opens")
    _add_targets(simple)
    template = add_command(group, "template", _template, "Push a template to up to 10 targets.")
    _add_template(template)
    _add_targets(template)
    broadcast = add_command(group, "broadcast", _broadcast, "Push a template to every device of a platform.")
    _add_template(broadcast)
    broadcast.add_argument("--platform", choices=[name for name in TARGET_TYPES if name != "user"], required=True)
    audience = add_command(group, "audience", _audience, "Push to the devices that meet a condition, or a segment's.")
    chosen = audience.add_mutually_exclusive_group(required=True)
    chosen.add_argument("--segment", help="its name")
    chosen.add_argument("--condition", type=json_object, help="JSON, or FCM's form (docs/audiences.md)")
    audience.add_argument("--title", default="", help="with --content, in the place of --template")
    audience.add_argument("--content", default="")
    audience.add_argument("--uri", default="", help="what a tap opens")
    _add_template(audience, required=False)
    audience.add_argument(
        "--local-time", default="", metavar="HH:MM", help="when it is that time where a device is, within 24 hours"
    )
    audience.add_argument(
        "--best-time", type=int, metavar="HOURS", help="at each user's best hour within so many hours, 1 to 24"
    )
    audience.add_argument("--msgkey", default="", help="the push's own ID; else it is random")
    file = add_command(group, "file", _file, "Push a template to the targets of a file (target,msgkey,name=value,...).")
    file.add_argument("path", type=Path)
    file.add_argument("--template", required=True, help="its name")
    _add_target_type(file)
    for command in (simple, template, broadcast, audience, file):
        _add_common(command)
    for command in (audience, file):
        pace = command.add_mutually_exclusive_group()
        pace.add_argument("--pace", type=int, metavar="NUMBER", help="so many messages a second at most")
        command.add_argument("--pace-url", default="", metavar="URL", help="go on while this URL says so")
        pace.add_argument("--over", type=seconds, metavar="SPAN", help="spread evenly over a period, such as 2h")
    for command in (simple, template, broadcast, audience):
        command.add_argument("--at", type=moment, metavar="TIME", help="send at a time, such as 2026-12-24T18:00")


def _add_targets(command: argparse.ArgumentParser) -> None:
    _add_target_type(command)
    command.add_argument("--to", action="append", required=True, metavar="TARGET", help="a target; again for more")
    command.add_argument("--msgkey", default="", help="begins the messages' own IDs; else they are random")


def _add_target_type(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--type", choices=TARGET_TYPES, default="user", help="what a target is: a user (default), or a device"
    )


def _add_template(command: argparse.ArgumentParser, *, required: bool = True) -> None:
    command.add_argument("--template", required=required, default="", help="its name")
    command.add_argument(
        "--value", action="append", type=pair, default=[], metavar="name=value", help="a placeholder's"
    )


def _add_common(command: argparse.ArgumentParser) -> None:
    command.add_argument("--name", default="mps", help="name of the task")
    command.add_argument(
        "--valid", type=seconds, default=86_400, metavar="SPAN", help="such as 10m, 12h, 3d (default 1d)"
    )
    command.add_argument("--param", action="append", type=pair, default=[], metavar="name=value", help="for the app")
    command.add_argument("--category", default="", help="the message category, whose caps and quiet hours count")
    command.add_argument("--ignore-quiet-hours", action="store_true", help="deliver in quiet hours too")
    command.add_argument("--dry-run", action="store_true", help="send nothing; show what would become of it")


def _simple(api: Api, arguments: argparse.Namespace) -> Any:
    values = {"title": arguments.title, "content": arguments.content, "uri": arguments.uri}
    return _push(api, "PushSimple", arguments, values | _targets(arguments))


def _template(api: Api, arguments: argparse.Namespace) -> Any:
    return _push(api, "PushTemplate", arguments, _of_template(arguments) | _targets(arguments))


def _broadcast(api: Api, arguments: argparse.Namespace) -> Any:
    values = {"deliveryType": TARGET_TYPES[arguments.platform], "msgkey": uuid.uuid4().hex}
    return _push(api, "PushBroadcast", arguments, _of_template(arguments) | values)


def _audience(api: Api, arguments: argparse.Namespace) -> Any:
    values = {"msgkey": arguments.msgkey or uuid.uuid4().hex}
    if arguments.segment is None:
        values["condition"] = arguments.condition
    else:
        values["segmentName"] = arguments.segment
    content = {name: getattr(arguments, name) for name in ("title", "content", "uri")}
    values |= _of_template(arguments) if arguments.template else {}
    values |= _pace(arguments) | ({"localTime": arguments.local_time} if arguments.local_time else {})
    if arguments.best_time is not None:
        values |= {"bestTime": True, "bestTimeHours": arguments.best_time}
    return _push(api, "PushToAudience", arguments, values | {name: text for name, text in content.items() if text})


def _file(api: Api, arguments: argparse.Namespace) -> Any:
    values = {"templateName": arguments.template, "deliveryType": TARGET_TYPES[arguments.type]}
    return api.push_file(arguments.path, values | _pace(arguments) | _common(arguments))


def _push(api: Api, action: str, arguments: argparse.Namespace, values: dict[str, Any]) -> Any:
    if arguments.at is not None:
        values |= {"strategyType": 1, "strategyContent": {"fixedTime": arguments.at}}
    answer = api.call(action, values | _common(arguments))
    return json.loads(answer) if arguments.dry_run else answer


def _common(arguments: argparse.Namespace) -> dict[str, Any]:
    values: dict[str, Any] = {"taskName": arguments.name, "expiredSeconds": arguments.valid}
    if arguments.param:
        values["extendedParams"] = dict(arguments.param)
    if arguments.category:
        values["messageCategory"] = arguments.category
    if arguments.ignore_quiet_hours:
        values["ignoreQuietHours"] = True
    return values | ({"dryRun": True} if arguments.dry_run else {})


def _pace(arguments: argparse.Namespace) -> dict[str, Any]:
    url = arguments.pace_url or None
    values = {"messagesPerSecond": arguments.pace, "overSeconds": arguments.over, "paceUrl": url}
    return {name: value for name, value in values.items() if value is not None}


def _of_template(arguments: argparse.Namespace) -> dict[str, Any]:
    return {"templateName": arguments.template, "templateKeyValue": dict(arguments.value)}


def _targets(arguments: argparse.Namespace) -> dict[str, Any]:
    begin = arguments.msgkey or uuid.uuid4().hex
    keys = {target: begin if len(arguments.to) == 1 else f"{begin}-{n}" for n, target in enumerate(arguments.to, 1)}
    return {"deliveryType": TARGET_TYPES[arguments.type], "targetMsgkey": keys}
