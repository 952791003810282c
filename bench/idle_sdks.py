"""Memory, threads and CPU of a device that is connected and idle, for each device SDK that is built.

    make run                                                      # in another terminal
    npm --prefix sdk/js ci && npm --prefix sdk/js run build       # TypeScript, in Node
    mvn -q -f sdk/java/pom.xml -DskipTests package                # Java
    make bench-idle_sdks ARGS="--seconds 120"

Of each SDK one process has a connected client, and another has only loaded the package, which tells apart what the
language itself takes. All connected ones idle at the same time.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
JAR = ROOT / "sdk" / "java" / "target" / "mps-device.jar"
NODE = ROOT / "sdk" / "js" / "dist" / "node" / "index.js"

# Each program gets a configuration and the path of a store, prints a line once it is connected, and unregisters at the
# end of its input. Without arguments it only loads the package.
_PYTHON = """
import sys, threading
from mps_device import Config, PushClient, Status, Store
if len(sys.argv) > 1:
    connected = threading.Event()
    client = PushClient(Config.load(sys.argv[1]), Store(sys.argv[2]))
    client.on_state = lambda state: state.status is Status.CONNECTED and connected.set()
    client.start(consent=True)
    connected.wait()
print("ready", flush=True)
sys.stdin.read()
if len(sys.argv) > 1:
    client.unregister()
"""
_NODE = f"""
import {{ FileStore, PushClient, loadConfig }} from '{NODE}';
const [path, store] = process.argv.slice(1);
let client;
if (path) {{
  const onState = ({{ state }}) => state === 'connected' && console.log('ready');
  client = new PushClient({{ config: loadConfig(path), store: new FileStore(store), onMessage() {{}}, onState }});
  await client.start({{ consent: true }});
}} else {{
  console.log('ready');
}}
process.stdin.resume().on('end', async () => {{
  await client?.unregister();
  process.exit();
}});
"""
_JAVA = """
import java.io.File;
import mps.device.*;

class Idle {
    public static void main(String[] args) throws Exception {
        PushListener listener = new PushListener() {
            @Override public void onState(State state) {
                if (state.status() == State.Status.CONNECTED) System.out.println("ready");
            }
        };
        PushClient client = null;
        if (args.length > 0) {
            client = new PushClient(Config.load(new File(args[0])), new FileStore(new File(args[1])), listener);
            client.start(true);
        } else {
            System.out.println("ready");
        }
        while (System.in.read() >= 0) {}
        if (client != null) client.unregister().get();
        System.exit(0);
    }
}
"""


@dataclass(frozen=True)
class Usage:
    """What a process takes.

    Attributes:
        own: MiB that no other process shares.
        resident: MiB in use, shared ones too.
        threads: How many threads it has.
        cpu: Seconds of CPU time since its start.
    """

    own: float
    resident: float
    threads: int
    cpu: float


def usage_of(pid: int) -> Usage:
    """Read what a process takes; its CPU time in the scheduler's nanoseconds, for idle it is below a tick."""
    memory = psutil.Process(pid).memory_full_info()
    tasks = list(Path(f"/proc/{pid}/task").iterdir())
    cpu = sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9
    return Usage(memory.uss / 2**20, memory.rss / 2**20, len(tasks), cpu)


def start(stack: contextlib.ExitStack, *command: str) -> int:
    """Run a program until it is ready; returns its number. It ends with the stack."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "sdk" / "python" / "src")}
    running = stack.enter_context(
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
    )
    assert running.stdin is not None
    assert running.stdout is not None
    stack.callback(running.stdin.close)
    assert running.stdout.readline() == b"ready\n"
    return running.pid


def programs(folder: Path) -> dict[str, Sequence[str]]:
    """Return the command of each SDK that is built."""
    found: dict[str, Sequence[str]] = {"Python": (sys.executable, "-c", _PYTHON)}
    if NODE.exists():
        found["TypeScript (Node)"] = ("node", "--input-type=module", "-e", _NODE)
    if JAR.exists():
        (folder / "Idle.java").write_text(_JAVA)
        subprocess.run(["javac", "-cp", JAR, "-d", folder, folder / "Idle.java"], check=True)
        found["Java"] = ("java", "-XX:+UseSerialGC", "-Xmx64m", "-cp", f"{JAR}{os.pathsep}{folder}", "Idle")
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", default=str(ROOT / "var" / "mps-device.json"))
    parser.add_argument("--seconds", type=float, default=120)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        commands = programs(folder)
        loaded = {sdk: start(stack, *command) for sdk, command in commands.items()}
        connected = {
            sdk: start(stack, *command, options.config, str(folder / f"store-{number}"))
            for number, (sdk, command) in enumerate(commands.items())
        }
        time.sleep(5)  # what happens once after the start is no idling
        before, since = {sdk: usage_of(pid) for sdk, pid in connected.items()}, time.monotonic()
        time.sleep(options.seconds)
        passed = time.monotonic() - since
        print("| SDK | own MiB | without a client | RSS MiB | threads (without) | CPU seconds in an hour |")
        print("|---|---|---|---|---|---|")
        for sdk, pid in connected.items():
            now, bare = usage_of(pid), usage_of(loaded[sdk])
            cpu = (now.cpu - before[sdk].cpu) / passed * 3600
            print(
                f"| {sdk} | {now.own:.1f} | {bare.own:.1f} | {now.resident:.1f} "
                f"| {now.threads} ({bare.threads}) | {cpu:.2f} |"
            )


if __name__ == "__main__":
    main()
