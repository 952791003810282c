"""Published packages that a backend could use instead; `make bench-vendors` measures them against the same server.

Each runs in a process of its own (`aioapns_peer.py`, `firebase_admin_peer.py`, `node_apn_peer.js`). It reads its
parameters as one line of JSON, opens its connections and prints `ready`. For each further line it sends all
notifications once and prints one JSON object with the CPU seconds and the wall seconds. Packages that are not among the
project's requirements are installed into `var/bench-peers` when the benchmark first runs.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

HERE = Path(__file__).parent
INSTALLED = HERE.parent.parent / "var" / "bench-peers"
FIREBASE_ADMIN, NODE_APN = "firebase-admin==7.7.0", "@parse/node-apn@8.1.0"
READY = "ready"


class PeerError(Exception):
    """A package cannot be installed, or its process ended."""


class Peer:
    """A running peer."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, line: str) -> str:
        """Send a line and wait for its answer.

        Raises:
            PeerError: The process ended.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline().strip()
        if not answer:
            raise PeerError(f"it ended with {self._process.wait()}")
        return answer

    def run(self) -> tuple[float, float]:
        """Send all notifications; returns the CPU seconds and the wall seconds."""
        spent = json.loads(self.ask("run"))
        return spent["core"], spent["wall"]


def aioapns(parameters: Mapping[str, object]) -> contextlib.AbstractContextManager[Peer]:
    """Run the package aioapns as a peer."""
    return _peer([sys.executable, str(HERE / "aioapns_peer.py")], parameters)


def firebase_admin(parameters: Mapping[str, object]) -> contextlib.AbstractContextManager[Peer]:
    """Run the package firebase-admin as a peer; raises `PeerError` if it cannot be installed."""
    python = INSTALLED / "firebase" / "bin" / "python"
    if not python.exists():
        _install([sys.executable, "-m", "venv", str(python.parent.parent)])
        _install([str(python), "-m", "pip", "install", "-qq", FIREBASE_ADMIN])
    return _peer([str(python), str(HERE / "firebase_admin_peer.py")], parameters)


def node_apn(parameters: Mapping[str, object]) -> contextlib.AbstractContextManager[Peer]:
    """Run the package @parse/node-apn as a peer; raises `PeerError` if it cannot be installed."""
    node = shutil.which("node")
    if node is None:
        raise PeerError("node is not installed (Debian packages nodejs and npm)")
    folder = INSTALLED / "node"
    if not (folder / "node_modules" / "@parse" / "node-apn").exists():
        folder.mkdir(parents=True, exist_ok=True)
        _install(["npm", "install", "--silent", "--prefix", str(folder), NODE_APN])
    return _peer([node, str(HERE / "node_apn_peer.js")], parameters, NODE_PATH=str(folder / "node_modules"))


def _install(command: Sequence[str]) -> None:
    try:
        subprocess.run(command, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise PeerError(f"it cannot be installed: {error}") from None


@contextlib.contextmanager
def _peer(command: Sequence[str], parameters: Mapping[str, object], **environment: str) -> Iterator[Peer]:
    certificate = os.environ["BENCH_CERTIFICATE"]
    trusting = dict.fromkeys(("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"), certificate)
    process = subprocess.Popen(
        command, env=os.environ | trusting | environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    peer = Peer(process)
    try:
        if (said := peer.ask(json.dumps(parameters))) != READY:
            raise PeerError(f"it said {said!r}")
        yield peer
    finally:
        process.terminate()
        process.wait()
