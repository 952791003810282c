"""The published packages a backend would pick instead, measured on the same simulator by `make bench-vendors`.

Each runs by itself (`aioapns_peer.py`, `firebase_admin_peer.py`, `node_apn_peer.js`): it reads what it needs as one
JSON object from standard input and answers with one of processor and wall seconds for each run. What is no part of the
project's requirements is installed beside it, into `var/bench-peers`, when the benchmark first runs.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

HERE = Path(__file__).parent
INSTALLED = HERE.parent.parent / "var" / "bench-peers"
FIREBASE_ADMIN, NODE_APN = "firebase-admin==7.7.0", "@parse/node-apn@8.1.0"


def aioapns(asked: Mapping[str, object]) -> list[tuple[float, float]]:
    """(Processor seconds, wall seconds) of each run."""
    return _ask([sys.executable, str(HERE / "aioapns_peer.py")], asked)


def firebase_admin(asked: Mapping[str, object]) -> list[tuple[float, float]]:
    python = INSTALLED / "firebase" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(python.parent.parent)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-qq", FIREBASE_ADMIN], check=True)
    return _ask([str(python), str(HERE / "firebase_admin_peer.py")], asked)


def node_apn(asked: Mapping[str, object]) -> list[tuple[float, float]]:
    node = shutil.which("node")
    if node is None:
        raise FileNotFoundError("node is not installed (Debian packages nodejs and npm)")
    folder = INSTALLED / "node"
    if not (folder / "node_modules" / "@parse" / "node-apn").exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "install", "--silent", "--prefix", str(folder), NODE_APN], check=True)
    return _ask([node, str(HERE / "node_apn_peer.js")], asked, NODE_PATH=str(folder / "node_modules"))


def _ask(command: Sequence[str], asked: Mapping[str, object], **environment: str) -> list[tuple[float, float]]:
    certificate = os.environ["BENCH_CERTIFICATE"]
    trusting = dict.fromkeys(("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"), certificate)
    answer = subprocess.run(
        command,
        input=json.dumps(asked),
        env=os.environ | trusting | environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return [(run["core"], run["wall"]) for run in json.loads(answer.stdout.splitlines()[-1])]
