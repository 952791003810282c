"""The README's first push works as printed, a device in one process, a backend in another; and what README and
docs/gateway.md have devices do makes one device of a phone, however often its connection is cut."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.e2e import backends
from tests.e2e.database import Database
from tests.support import node_packages
from tests.support.cutting_proxy import CuttingProxy
from tests.support.stack import Stack

pytestmark = pytest.mark.xdist_group("stack")

ROOT = Path(__file__).resolve().parent.parent.parent
README, GATEWAY = ROOT / "README.md", ROOT / "docs" / "gateway.md"
SDK_README, CLIENT_GUIDE = ROOT / "sdk" / "python" / "README.md", ROOT / "docs" / "clients" / "python.md"
NODE = ROOT / "tests" / "gateway" / "node"
CUTS = 3
DEVICES = "SELECT count(*) FROM pushcore_device"
# As `pip install ./sdk/python` would.
WITH_SDK = os.environ | {"PYTHONPATH": str(ROOT / "sdk" / "python" / "src")}


def programs_of(document: Path) -> list[str]:
    """Return the Python programs of a document: what begins with an import."""
    blocks = re.findall(r"```python\n(.*?)```", document.read_text(), re.DOTALL)
    return [block for block in blocks if block.startswith(("import ", "from "))]


@pytest.fixture
def backend(stack: Stack) -> str:
    """Return the README's program of a backend, with the port of the started service."""
    _, backend = programs_of(README)
    return backend.replace("127.0.0.1:8000", backends.endpoint(stack.demo))


def push_and_receive(stack: Stack, database: Database, folder: Path, device: str, backend: str) -> str:
    """Run the device's program in a folder, and the backend's; returns the line the device prints."""
    # Other tests' messages to the same user wait for a device of theirs.
    database.query("UPDATE pushcore_message SET expire_at = now() WHERE status IN (0, 1) RETURNING id")
    database.query("UPDATE pushcore_binding SET unbound_at = now() WHERE unbound_at IS NULL RETURNING id")
    with subprocess.Popen(
        [stack.python, "-u", "-c", device], cwd=folder, stdout=subprocess.PIPE, text=True, env=WITH_SDK
    ) as running:
        assert running.stdout is not None
        giving_up = threading.Timer(60, running.kill)
        giving_up.start()
        try:
            pushed = subprocess.run(
                [stack.python, "-c", backend],
                cwd=stack.data_dir.parent,
                capture_output=True,
                text=True,
                timeout=60,
                check=True,
            )
            assert '"ResultCode": "100"' in pushed.stdout
            return running.stdout.readline()
        finally:
            giving_up.cancel()
            running.kill()


def test_the_readmes_device_has_five_lines_gets_the_push_and_stays_one_device(
    stack: Stack, backend: str, database: Database
) -> None:
    device, _ = programs_of(README)
    assert len([line for line in device.strip().splitlines() if not line.startswith("from ")]) == 5
    [(before,)] = database.query(DEVICES)
    for _ in range(2):  # started again, it is the device that it was
        assert push_and_receive(stack, database, stack.data_dir.parent, device, backend) == "Hello from the backend\n"
    assert database.query(DEVICES) == [(before + 1,)]


@pytest.mark.parametrize("document", [SDK_README, CLIENT_GUIDE], ids=lambda document: document.name)
def test_the_python_sdks_programs_run_as_printed(
    stack: Stack, backend: str, database: Database, document: Path, tmp_path: Path
) -> None:
    (tmp_path / "mps-device.json").write_bytes((stack.data_dir / "mps-device.json").read_bytes())
    programs = programs_of(document)
    assert len(programs) >= 2
    for program in programs:
        assert push_and_receive(stack, database, tmp_path, program, backend) == "Hello from the backend\n"


def survive_cuts(proxy: CuttingProxy, running: subprocess.Popen[str], connected: str) -> None:
    """Cut the program's connection repeatedly; whenever it connects it prints a line that begins with `connected`."""
    assert running.stdout is not None
    giving_up = threading.Timer(60, running.kill)
    giving_up.start()
    try:
        for _ in range(CUTS):
            assert running.stdout.readline().startswith(connected)
            proxy.cut()
        assert running.stdout.readline().startswith(connected)
    finally:
        giving_up.cancel()
        running.kill()


def test_the_readmes_device_is_one_device_after_its_connection_was_cut(
    stack: Stack, database: Database, tmp_path: Path, backend: str
) -> None:
    (tmp_path / "var").mkdir()
    config = json.loads((stack.data_dir / "mps-device.json").read_text())
    device, _ = programs_of(README)
    [(before,)] = database.query(DEVICES)
    with CuttingProxy(urlsplit(config["endpoint"]).port or 0) as proxy:
        config["endpoint"] = f"mqtt://127.0.0.1:{proxy.port}"
        (tmp_path / "var" / "mps-device.json").write_text(json.dumps(config))
        command = [stack.python, "-c", device]
        with subprocess.Popen(command, cwd=tmp_path, env=WITH_SDK) as running:
            try:
                for cuts in range(CUTS):
                    proxy.wait(lambda made=cuts: proxy.attempts > made, "a connection")  # type: ignore[misc]
                    proxy.cut()
            finally:
                running.kill()
        assert push_and_receive(stack, database, tmp_path, device, backend) == "Hello from the backend\n"
    assert database.query(DEVICES) == [(before + 1,)]


def test_the_documents_mqtt_js_device_is_one_device_after_its_connection_was_cut(
    stack: Stack, database: Database, tmp_path: Path
) -> None:
    modules = node_packages.installed(NODE)
    [program] = re.findall(r"```js\n(.*?)```", GATEWAY.read_text(), re.DOTALL)
    constants = {name.upper(): stack.demo[name] for name in ("app_id", "workspace_id", "client_key")}
    declared = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in constants.items())
    [(before,)] = database.query(DEVICES)
    with CuttingProxy(urlsplit(stack.demo["ws_url"]).port or 0) as proxy:
        (tmp_path / "device.js").write_text(
            declared
            + program.replace("8001", str(proxy.port))
            + "device.on('connect', () => console.log('connected'));\n"
        )
        environment = os.environ | {"NODE_PATH": str(modules)}
        for _ in range(2):  # started again, it is the device that it was
            with subprocess.Popen(
                ["node", "device.js"], cwd=tmp_path, stdout=subprocess.PIPE, text=True, env=environment
            ) as running:
                survive_cuts(proxy, running, "connected")
    assert database.query(DEVICES) == [(before + 1,)]
