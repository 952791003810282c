"""`mps template`: list, show, create and delete templates."""

from __future__ import annotations

import argparse
from typing import Any

from mps_cli.arguments import add_command
from mps_cli.client import Api


def add_to(commands: Any) -> None:
    """Add the commands."""
    group = commands.add_parser("template", help="look after templates").add_subparsers(required=True, metavar="verb")
    listing = add_command(group, "list", _list, "List templates, the newest first.")
    listing.add_argument("--page", type=int, default=1)
    for verb, handler, help_text in (("show", _show, "Show a template."), ("delete", _delete, "Delete a template.")):
        add_command(group, verb, handler, help_text).add_argument("name")
    create = add_command(group, "create", _create, "Create a template; #name# in title or content is a placeholder.")
    create.add_argument("name")
    create.add_argument("--title", required=True)
    create.add_argument("--content", required=True)
    create.add_argument("--uri", default="", help="what a tap opens")
    create.add_argument("--description", default="made by mps")


def _list(api: Api, arguments: argparse.Namespace) -> Any:
    return api.call("ListTemplatePage", {"currentPage": arguments.page, "pageSize": 100})


def _show(api: Api, arguments: argparse.Namespace) -> Any:
    return api.call("GetTemplate", {"templateName": arguments.name})


def _delete(api: Api, arguments: argparse.Namespace) -> Any:
    return api.call("DeleteTemplate", {"templateName": arguments.name})


def _create(api: Api, arguments: argparse.Namespace) -> Any:
    values = {
        "templateName": arguments.name,
        "title": arguments.title,
        "content": arguments.content,
        "uri": arguments.uri,
        "descInfo": arguments.description,
    }
    return api.call("CreateTemplate", values)
