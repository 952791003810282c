"""`mps task`: show, follow and revoke the task of a push."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from typing import Any

from mps_cli.arguments import add_command, seconds
from mps_cli.client import Api

_COUNTS = {"PushNum": "pushed", "PushSuccessNum": "accepted", "PushArrivalNum": "arrived", "PushExpiredNum": "expired"}


def add_to(commands: Any) -> None:
    """Add the commands."""
    group = commands.add_parser("task", help="look after what was pushed").add_subparsers(required=True, metavar="verb")
    for verb, handler, help_text in (
        ("show", _show, "Show the figures of a task."),
        ("revoke", _revoke, "Revoke a task: what waits is not sent any more."),
    ):
        add_command(group, verb, handler, help_text).add_argument("task_id")
    tail = add_command(group, "tail", _tail, "Follow the figures of a task until every message arrived or expired.")
    tail.add_argument("task_id")
    tail.add_argument("--every", type=seconds, default=1, metavar="SPAN", help="how often to look (default 1s)")
    tail.add_argument("--at-most", type=seconds, default=3600, metavar="SPAN", help="how long to look (default 1h)")


def _show(api: Api, arguments: argparse.Namespace) -> Any:
    return api.call("QueryPushAnalysisTaskDetail", {"taskId": arguments.task_id})


def _revoke(api: Api, arguments: argparse.Namespace) -> Any:
    return api.call("RevokePushTask", {"taskId": arguments.task_id})


def _tail(api: Api, arguments: argparse.Namespace) -> None:
    deadline, shown = time.monotonic() + arguments.at_most, ""
    while True:
        counts = _counts_of(_show(api, arguments))
        line = "  ".join(f"{word} {counts[name]:,}" for name, word in _COUNTS.items())
        if line != shown:
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
            shown = line
        if _is_over(counts) or time.monotonic() >= deadline:
            return
        time.sleep(max(1, arguments.every))


def _counts_of(detail: Mapping[str, Any]) -> dict[str, int]:
    return {name: int(detail.get(name) or 0) for name in _COUNTS}


def _is_over(counts: Mapping[str, int]) -> bool:
    return 0 < counts["PushNum"] <= counts["PushArrivalNum"] + counts["PushExpiredNum"]
