"""Memory and CPU of a device of the Python SDK that is connected and idle.

    make run                                                      # in another terminal
    make bench-python_sdk ARGS="--seconds 60"

One process has one client; another has only imported the package, which tells apart what Python itself takes.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
_IMPORTED = "import sys, mps_device; print('ready', flush=True); sys.stdin.read()"
_CONNECTED = """
import sys, threading
from mps_device import Config, PushClient, Status, Store
connected = threading.Event()
client = PushClient(Config.load(sys.argv[1]), Store(sys.argv[2]))
client.on_state = lambda state: state.status is Status.CONNECTED and connected.set()
client.start(consent=True)
connected.wait()
print("ready", flush=True)
sys.stdin.read()
client.unregister()
"""


def measure(*command: str, seconds: float) -> tuple[float, float]:
    """Run a program; return its own memory in MiB and the CPU seconds it takes in an hour."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "sdk" / "python" / "src")}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        assert running.stdout.readline() == b"ready\n"
        before, since = _cpu_seconds(running.pid), time.monotonic()
        time.sleep(seconds)
        used, passed = _cpu_seconds(running.pid) - before, time.monotonic() - since
        memory = psutil.Process(running.pid).memory_full_info().uss
        running.stdin.close()
        running.wait()
        return memory / 2**20, used / passed * 3600


def _cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process's threads, in the scheduler's nanoseconds: idle, it is below a tick."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", default=str(ROOT / "var" / "mps-device.json"))
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        python = (sys.executable, "-c")
        imported, _ = measure(*python, _IMPORTED, seconds=1)
        connected, cpu = measure(*python, _CONNECTED, options.config, f"{folder}/device", seconds=options.seconds)
    print(f"memory: {connected:.1f} MiB, of which the client {connected - imported:.1f} MiB")
    print(f"CPU: {cpu:.2f} s in an hour")


if __name__ == "__main__":
    main()
