"""The packed SDK and the service it is tried with."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.conftest import browser
from tests.support.node_packages import NO_REGISTRY
from tests.support.stack import ROOT, Stack

__all__ = ["browser"]

SDK = ROOT / "sdk" / "js"
DOCUMENT = ROOT / "docs" / "clients" / "javascript.md"


@pytest.hookimpl(tryfirst=True)  # xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep these tests on one worker, which packs the SDK and starts the service."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("javascript"))


@pytest.fixture(scope="session")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build, pack and install the SDK as the quick start says; returns the folder where that was done."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("node and npm are not on this machine")
    folder = tmp_path_factory.mktemp("javascript")
    made = shutil.ignore_patterns("node_modules", "dist", "build", "*.tgz")
    shutil.copytree(SDK, folder / "sdk" / "js", ignore=made)
    [commands] = re.findall(r"^ *```sh\n(.*?)```", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)
    ran = subprocess.run(
        ["bash", "-ec", commands], cwd=folder, capture_output=True, text=True, timeout=280, check=False
    )
    if ran.returncode and any(sign in ran.stderr for sign in NO_REGISTRY):
        pytest.skip(f"npm reaches no registry from this machine: {ran.stderr.splitlines()[0]}")
    assert ran.returncode == 0, f"{ran.stdout}{ran.stderr}"
    return folder


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Start the service once."""
    with Stack(tmp_path_factory.mktemp("service") / "var") as running:
        yield running


@pytest.fixture
def config(service: Stack) -> dict[str, str]:
    """Return what `mps-device.json` says of the demo's workspace, with the gateway's WebSocket."""
    demo = service.demo
    return {
        "endpoint": demo["ws_url"],
        "httpEndpoint": demo["http_url"],
        "appId": demo["app_id"],
        "workspaceId": demo["workspace_id"],
        "clientKey": demo["client_key"],
        "platform": "web",
    }
