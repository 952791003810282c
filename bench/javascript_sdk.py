"""Memory and CPU of a device of the TypeScript SDK that is connected and idle, in Node.

    make run                                                      # in another terminal
    make sdk-js-bundle
    make bench-javascript_sdk ARGS="--seconds 60"

One process has one client; another has only imported the package, which tells apart what Node itself takes.
"""

from __future__ import annotations

import argparse
import tempfile

from bench.python_sdk import ROOT, measure

_IMPORT = f"""
import {{ FileStore, PushClient, loadConfig }} from '{ROOT}/sdk/js/dist/node/index.js';
const [path, store] = process.argv.slice(1);
"""
_IMPORTED = f"{_IMPORT} console.log('ready'); process.stdin.resume();"
_CONNECTED = f"""{_IMPORT}
const onState = ({{ state }}) => state === 'connected' && console.log('ready');
const client = new PushClient({{ config: loadConfig(path), store: new FileStore(store), onMessage() {{}}, onState }});
await client.start({{ consent: true }});
process.stdin.resume().on('end', async () => {{
  await client.unregister();
  process.exit();
}});
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", default=str(ROOT / "var" / "mps-device.json"))
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    node = ("node", "--input-type=module", "-e")
    with tempfile.TemporaryDirectory() as folder:
        imported, _ = measure(*node, _IMPORTED, seconds=1)
        connected, cpu = measure(*node, _CONNECTED, options.config, f"{folder}/device", seconds=options.seconds)
    print(f"memory: {connected:.1f} MiB, of which the client {connected - imported:.1f} MiB")
    print(f"CPU: {cpu:.2f} s in an hour")


if __name__ == "__main__":
    main()
