"""The Java SDK's package, and its quick start as printed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
import uuid
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from conformance import toolchain
from conformance.sdks import ROOT, SDKS
from tests.e2e import backends
from tests.e2e.database import Database
from tests.support.stack import Stack

QUICK_START = ROOT.parent / "docs" / "clients" / "java.md"
JAVA_8 = 52
OTHER = 9


@pytest.fixture(scope="module")
def jar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build and test the SDK; returns the jar that is published."""
    [sdk] = (one for one in SDKS if one.name == "java")
    if reason := sdk.missing():
        pytest.skip(reason)
    toolchain.build(sdk.build)
    copy = tmp_path_factory.mktemp("java") / "mps-device.jar"
    return Path(shutil.copy(ROOT / "java" / "target" / "mps-device.jar", copy))


def blocks(language: str) -> list[str]:
    """Return the code blocks of the quick start, as a reader copies them."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```", QUICK_START.read_text(), re.DOTALL | re.MULTILINE)
    return [re.sub(rf"^{indent}", "", text, flags=re.MULTILINE) for indent, text in found]


@contextmanager
def running(command: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(command.split(), cwd=folder, stdout=subprocess.PIPE, text=True)
    # A program that is silent is ended, and with it the wait for its lines.
    limit = threading.Timer(120, process.kill)
    limit.start()
    try:
        yield process
    finally:
        limit.cancel()
        process.kill()
        process.communicate()


def wait_for_line(process: subprocess.Popen[str], pattern: str) -> re.Match[str]:
    assert process.stdout is not None
    read = []
    for line in process.stdout:
        read.append(line)
        if found := re.search(pattern, line):
            return found
    pytest.fail(f"no {pattern} in {read}")


@pytest.mark.parametrize("transport", ["mqtt_url", "ws_url"])
def test_the_quick_start_works_as_printed(
    transport: str, jar: Path, service: Stack, database: Database, tmp_path: Path
) -> None:
    shutil.copy(jar, tmp_path)
    config = json.loads(blocks("json")[0]) | {
        "endpoint": service.demo[transport],
        "clientKey": service.demo["client_key"],
        "appId": service.demo["app_id"],
        "workspaceId": service.demo["workspace_id"],
    }
    (tmp_path / "mps-device.json").write_text(json.dumps(config))
    (tmp_path / "Device.java").write_text(blocks("java")[0])
    compile_it, run_it = blocks("sh")[0].splitlines()
    toolchain.run(compile_it.split(), tmp_path)
    with running(run_it, tmp_path) as device:
        token = wait_for_line(device, r"Ad-token (\S+)")[1]
        answer = backends.push_2019(service.demo, token, uuid.uuid4().hex, DeliveryType=OTHER)
        wait_for_line(device, "test: ")
        assert database.wait_for_status(answer["PushResult"]["Data"], 2)
    with running(run_it, tmp_path) as again:
        assert wait_for_line(again, r"Ad-token (\S+)")[1] == token


def test_the_jar_is_java_8_and_meets_no_other_library_in_the_app(jar: Path) -> None:
    with zipfile.ZipFile(jar) as archive:
        classes = [name for name in archive.namelist() if name.endswith(".class")]
        assert [name for name in classes if not name.startswith("mps/device/")] == []
        assert {archive.read(name)[7] for name in classes} <= set(range(JAVA_8 + 1))


def test_the_example_compiles_on_java_8(jar: Path, tmp_path: Path) -> None:
    example = ROOT / "java" / "examples" / "Chat.java"
    toolchain.run(f"javac --release 8 -Xlint:-options -cp {jar} -d {tmp_path} {example}".split(), tmp_path)
