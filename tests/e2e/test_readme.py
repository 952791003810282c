"""The README's first push works as printed: a device in one process, a backend in another."""

from __future__ import annotations

import re
import subprocess
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.e2e import backends
from tests.e2e.database import Database
from tests.support.stack import Stack

pytestmark = pytest.mark.xdist_group("stack")

README = Path(__file__).resolve().parent.parent.parent / "README.md"


@pytest.fixture
def programs(stack: Stack) -> tuple[str, str]:
    """The device's and the backend's; the stack of the tests listens on ports of its own."""
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
    devices = "SELECT count(*) FROM pushcore_device"
    [(before,)] = database.query(devices)
    for _ in range(2):  # started again, it is the device that it was
        arrived = push_and_receive(stack, *programs)
        assert arrived.startswith("mps/inbox ")
        assert '"content":"from the backend"' in arrived
    assert database.query(devices) == [(before + 1,)]
