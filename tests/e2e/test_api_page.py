"""The examples of docs/api.md work as printed, except for endpoint and keys, and reach a device."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import backends
from tests.e2e.database import Database
from tests.support.devices import PahoDevice
from tests.support.stack import ROOT, Stack

pytestmark = [pytest.mark.xdist_group("stack"), pytest.mark.usefixtures("broadcasts_end")]

PAGE = ROOT / "docs" / "api.md"
TEMPLATE = {
    "appId": "ONEX570DA89211721", "workspaceId": "test", "name": "winner", "description": "a prize",
    "title": "Hello #name#", "body": "you won #prize#", "uri": "https://example.com/#prize#",
}  # fmt: skip
# Simple and broadcast push, and twice Ann's: by template and by multiple push. The broadcast goes to both users.
PUSHED = [
    ("Hello", ""), ("Hello Ann", "tea"), ("Hello Ann", "tea"), ("Hello Bob", "cake"), ("Hello all", "tea"),
    ("Hello all", "tea"),
]  # fmt: skip


def program(stack: Stack, language: str) -> str:
    """Return the page's examples in one language, in its order, for the started service."""
    blocks = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    text = "\n".join(blocks).replace("127.0.0.1:8000", backends.endpoint(stack.demo))
    return text.replace("ACCESS_KEY_ID", stack.demo["access_key_id"]).replace(
        "ACCESS_KEY_SECRET", stack.demo["access_key_secret"]
    )


def run(command: list[str], folder: Path, **environment: str) -> list[dict[str, Any]]:
    """Run a program; returns the answers it prints, a line each."""
    ran = subprocess.run(
        command, cwd=folder, env=os.environ | environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return [json.loads(line) for line in ran.stdout.splitlines()]


@pytest.fixture
def users(new_device: Callable[..., PahoDevice]) -> list[PahoDevice]:
    """Connect devices of the users that the page pushes to."""
    made = []
    for user in ("user1024", "user1025"):
        made.append(new_device())
        assert made[-1].request("mps/bind", {"userId": user})["code"] == "100"
    return made


@pytest.fixture
def folder(stack: Stack, database: Database, tmp_path: Path) -> Iterator[Path]:
    """Return the folder that the page works in, where the service's data folder is `var`; delete what it made."""
    (tmp_path / "var").symlink_to(stack.data_dir)
    yield tmp_path
    database.query("DELETE FROM pushcore_template WHERE name = 'winner' RETURNING id")
    for table in ("audienceprofile", "audiencename", "useralias"):
        database.query(f"DELETE FROM pushcore_{table} RETURNING id")


@pytest.fixture
def template(stack: Stack, folder: Path) -> None:
    made = backends.rest_signed_by_openssl(stack.demo, "/api/v1/templates", TEMPLATE, folder)
    assert made["code"] == "100"


def arrived(users: list[PahoDevice], tasks: list[str]) -> list[tuple[str, str]]:
    """Return title and prize (from the URL) of the tasks' messages, sorted."""
    received = [data for device in users for _, data, _ in device.received if data["taskId"] in tasks]
    return sorted((data["title"], data["url"].removeprefix("https://example.com/")) for data in received)


def test_the_curl_examples_push(stack: Stack, users: list[PahoDevice], folder: Path) -> None:
    for tool in ("bash", "curl", "openssl"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not on this machine")
    answers = run(["bash", "-euc", program(stack, "sh")], folder)
    assert [answer["code"] for answer in answers] == ["100"] * 25
    tasks = [answer["data"] for answer in answers]
    # The message of the file is the same as that of the template push; the audience is Ann.
    expected = sorted([*PUSHED, ("Hello Ann", "tea"), ("For members", "")])
    assert users[0].wait(lambda: arrived(users, tasks) == expected), arrived(users, tasks)
    assert {"colour": "green"} in [data["params"] for _, data, _ in users[0].received]


def test_the_python_examples_push(stack: Stack, users: list[PahoDevice], folder: Path, template: None) -> None:
    check_rpc(run([stack.python, "-c", program(stack, "python")], folder), users)


def test_the_node_examples_push(
    stack: Stack, users: list[PahoDevice], folder: Path, template: None, node_modules: Path
) -> None:
    check_rpc(run(["node", "-e", program(stack, "js")], folder, NODE_PATH=str(node_modules)), users)


def check_rpc(answers: list[dict[str, Any]], users: list[PahoDevice]) -> None:
    """Check that the four pushes were accepted and their messages arrived."""
    assert [answer["ResultCode"] for answer in answers] == ["100"] * 4
    tasks = [answer["PushResult"]["Data"] for answer in answers]
    assert users[0].wait(lambda: arrived(users, tasks) == PUSHED), arrived(users, tasks)
