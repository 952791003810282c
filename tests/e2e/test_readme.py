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
NODE = ROOT / "tests" / "gateway" / "node"
CUTS = 3
DEVICES = "SELECT count(*) FROM pushcore_device"


@pytest.fixture
def programs(stack: Stack) -> tuple[str, str]:
    """Return the programs of device and backend, with the ports of the started service."""
    device, backend = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert max(len(program.strip().splitlines()) for program in (device, backend)) <= 13
    device = device.replace("1883", str(urlsplit(stack.demo["mqtt_url"]).port))
    return device, backend.replace("127.0.0.1:8000", backends.endpoint(stack.demo))


def push_and_receive(stack: Stack, device: str, backend: str) -> str:
    """Run the device's program, and the backend's once it is bound; returns the line the device prints then."""
    folder = stack.data_dir.parent
    with subprocess.Popen(
        [stack.python, "-u", "-c", device], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        assert running.stdout is not None
        giving_up = threading.Timer(60, running.kill)
        giving_up.start()
        try:
            assert running.stdout.readline().startswith('mps/reply {"success": true')  # bound
            pushed = subprocess.run(
                [stack.python, "-c", backend], cwd=folder, capture_output=True, text=True, timeout=60, check=True
            )
            assert '"ResultCode": "100"' in pushed.stdout
            return running.stdout.readline()
        finally:
            giving_up.cancel()
            running.kill()


def test_the_readmes_device_gets_the_readmes_push_and_stays_one_device(
    stack: Stack, programs: tuple[str, str], database: Database
) -> None:
    [(before,)] = database.query(DEVICES)
    for _ in range(2):  # started again, it is the device that it was
        arrived = push_and_receive(stack, *programs)
        assert arrived.startswith("mps/inbox ")
        assert '"content":"from the backend"' in arrived
    assert database.query(DEVICES) == [(before + 1,)]


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
    stack: Stack, programs: tuple[str, str], database: Database, tmp_path: Path
) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "demo.json").write_text(json.dumps(stack.demo))
    port = urlsplit(stack.demo["mqtt_url"]).port or 0
    [(before,)] = database.query(DEVICES)
    with CuttingProxy(port) as proxy:
        program = programs[0].replace(str(port), str(proxy.port))
        command = [stack.python, "-u", "-c", program]
        with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as running:
            survive_cuts(proxy, running, 'mps/reply {"success": true')
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
