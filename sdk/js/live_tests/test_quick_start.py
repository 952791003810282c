"""The quick start of docs/clients/javascript.md works as printed."""

from __future__ import annotations

import json
import re
import subprocess
import textwrap
import threading
import uuid
from pathlib import Path

from tests.e2e import backends
from tests.e2e.database import Database
from tests.support.stack import ROOT, Stack

DOCUMENT = ROOT / "docs" / "clients" / "javascript.md"
DEVICES = "SELECT count(*) FROM pushcore_device"


def receive(service: Stack, folder: Path) -> None:
    """Run the device's program, push to its user once it is bound, and read what it prints of that."""
    with subprocess.Popen(["node", "device.mjs"], cwd=folder, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        giving_up = threading.Timer(60, running.kill)
        giving_up.start()
        try:
            # A message whose program was killed in its handler comes again, so there may be other lines before.
            assert any(line.startswith("bound as ") for line in running.stdout)
            title = uuid.uuid4().hex
            backends.push_2019(service.demo, "user1024", title, DeliveryType=3, Title=title)
            assert any(line == f"{title} Test 2\n" for line in running.stdout)
        finally:
            giving_up.cancel()
            running.kill()


def test_the_quick_starts_device_gets_a_push_and_stays_one_device(
    service: Stack, packed: Path, config: dict[str, str]
) -> None:
    folder, database = packed / "push-demo", Database(service)
    program = re.findall(r"^ *```js\n(.*?)```", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)[0]
    (folder / "device.mjs").write_text(textwrap.dedent(program))
    (folder / "mps-device.json").write_text(
        json.dumps(config | {"endpoint": service.demo["mqtt_url"], "platform": "other"})
    )
    [(before,)] = database.query(DEVICES)
    for _ in range(2):  # started again, it is the device that it was
        receive(service, folder)
    assert database.query(DEVICES) == [(before + 1,)]
    database.close()
