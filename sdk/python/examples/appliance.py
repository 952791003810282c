"""A Linux device that shows pushes on its console, and reports them as opened.

    python appliance.py mps-device.json /var/lib/appliance user1024

It ends cleanly on SIGTERM, so systemd can run it as it is.
"""

from __future__ import annotations

import argparse
import logging
import platform
import signal
import sys
from dataclasses import replace
from pathlib import Path

from mps_device import Config, Message, NotRunningError, PushClient, RefusedError, State, Status, Store

log = logging.getLogger("appliance")


def main() -> int:
    """Run until SIGTERM or Ctrl-C; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path, help="mps-device.json, from the console")
    parser.add_argument("store", type=Path, help="folder of the device's state")
    parser.add_argument("user", help="whose device this is")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    description = {"model": platform.node(), "osVersion": f"{platform.system()} {platform.release()}"}
    client = PushClient(replace(Config.load(options.config), description=description), Store(options.store))

    def show(message: Message) -> None:
        if not message.silent:
            sys.stdout.write(f"{message.title}: {message.content}\n")
            sys.stdout.flush()
            client.opened(message.k)

    def watch(state: State) -> None:
        if state.status in (Status.REFUSED, Status.REPLACED):
            client.stop()  # systemd starts it again, after whatever time it is told to

    client.on_message, client.on_state = show, watch
    client.on_revoked = lambda k: log.info("revoked: %s", k)
    signal.signal(signal.SIGTERM, lambda *_: client.stop())
    client.start(consent=True)
    try:
        client.bind(options.user)
    except TimeoutError:
        log.info("no connection yet; the user is bound with the first one")
    except (RefusedError, NotRunningError) as error:
        log.error("not bound: %s", error)
        client.close()
        return 1
    client.wait()
    client.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
