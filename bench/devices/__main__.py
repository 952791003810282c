"""Run the load client; its protocol is described in `bench.devices`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import bench.devices
from bench.devices.fleet import Fleet
from bench.devices.packets import PacketEncoder, timed_payload


def main() -> None:
    """Execute the commands on standard input until it ends."""
    parser = argparse.ArgumentParser(
        description=bench.devices.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--credentials", type=Path, required=True, help="JSON: a list of [client id, user, password]")
    parser.add_argument("--version", type=int, choices=(4, 5), default=4, help="of MQTT; 4 is 3.1.1")
    parser.add_argument("--websocket", action="store_true")
    parser.add_argument("--subscribe", action="store_true", help="to a topic of its own and to one for all")
    parser.add_argument("--address", type=int, default=1, help="number of this client among several")
    parser.add_argument("--payload", type=int, default=250)
    arguments = parser.parse_args()
    credentials = json.loads(arguments.credentials.read_text())
    fleet = Fleet(
        arguments.port,
        credentials,
        PacketEncoder(arguments.version),
        websocket=arguments.websocket,
        subscribe=arguments.subscribe,
        address=arguments.address,
    )
    payload = timed_payload(arguments.payload)
    for line in sys.stdin:
        name, *parameters = line.split()
        if name == "connect":
            answer = fleet.connect(int(parameters[0]), int(parameters[1]))
        elif name in ("receive", "receive-batched"):
            answer = fleet.receive(int(parameters[0]), float(parameters[1]), batched=name == "receive-batched")
        elif name == "publish":
            answer = fleet.publish(int(parameters[0]), int(parameters[1]), payload)
        elif name == "publish-paced":
            answer = fleet.publish_paced(int(parameters[0]), float(parameters[1]), arguments.payload)
        elif name == "publish-all":
            answer = fleet.publish_all(int(parameters[0]), payload)
        else:
            fleet.close()
            answer = {}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
