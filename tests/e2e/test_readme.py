"""The README's first push works as printed: a device in one process, a backend in another."""

from __future__ import annotations

import re
import subprocess
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.e2e import backends
from tests.support.stack import Stack

pytestmark = pytest.mark.xdist_group("stack")

README = Path(__file__).resolve().parent.parent.parent / "README.md"


def test_the_readmes_device_gets_the_readmes_push(stack: Stack) -> None:
    device, backend = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert max(len(program.strip().splitlines()) for program in (device, backend)) <= 10
    # The stack of the tests listens on ports of its own.
    device = device.replace("1883", str(urlsplit(stack.demo["mqtt_url"]).port))
    backend = backend.replace("127.0.0.1:8000", backends.endpoint(stack.demo))
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
            arrived = running.stdout.readline()
        finally:
            giving_up.cancel()
            running.kill()
    assert arrived.startswith("mps/inbox ")
    assert '"content":"from the backend"' in arrived
