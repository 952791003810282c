"""The agent of the TypeScript SDK in Chromium: passes lines to a page of the browser of all agents, and back."""

from __future__ import annotations

import os
import socket
import sys
import threading

with socket.socket(socket.AF_UNIX) as host:
    host.connect(os.environ["AGENT_HOST"])

    def answer() -> None:
        """Pass the page's lines on; its end is the agent's."""
        with host.makefile("rb") as lines:
            for line in lines:
                sys.stdout.buffer.write(line)
                sys.stdout.buffer.flush()
        os._exit(0)

    threading.Thread(target=answer, daemon=True).start()
    while chunk := os.read(sys.stdin.fileno(), 65_536):
        host.sendall(chunk)
