"""Two services: one has every option on, for tests that need one or may harm it; the other is for the worst."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mps_project.launcher import engines
from tests.support.certificates import write_certificate
from tests.support.stack import Stack


@dataclass(frozen=True)
class TlsPort:
    """The port for devices over TLS, and the folder of its certificate."""

    port: int
    folder: Path
    certificate: str
    key: str


@pytest.fixture(scope="package")
def tls_port(tmp_path_factory: pytest.TempPathFactory) -> TlsPort:
    folder = tmp_path_factory.mktemp("tls")
    return TlsPort(engines.free_port(), folder, *write_certificate(folder, "first"))


@pytest.fixture(scope="package")
def open_stack(tmp_path_factory: pytest.TempPathFactory, tls_port: TlsPort) -> Iterator[Stack]:
    """Run a service that other machines reach, with TLS and simulated vendors.

    Mark its tests `xdist_group("run")`: it is started once, since that takes as long as all of them. SIGTERM ends it,
    as systemd does.
    """
    options = {
        "MPS_BIND": "0.0.0.0",
        "MPS_DEMO_VENDORS": "1",
        "MPS_MQTT_TLS_PORT": str(tls_port.port),
        "MPS_TLS_CERT_FILE": tls_port.certificate,
        "MPS_TLS_KEY_FILE": tls_port.key,
    }
    with Stack(tmp_path_factory.mktemp("open") / "var", **options) as running:
        yield running
        assert running.stop(signal.SIGTERM) == 0


DISK_SIZE = "480m"


@dataclass(frozen=True)
class Disk:
    """A folder, and whether it is a small file system in memory: only root can mount one."""

    folder: Path
    small: bool


@pytest.fixture(scope="package")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    """Mount a small disk where possible; its path has characters that are special elsewhere."""
    folder = tmp_path_factory.mktemp("disk") / 'my data, "naïve" $HOME'
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_SIZE},mode=755", "none", str(folder)],
        capture_output=True,
        check=False,
    )
    yield Disk(folder, small=mounted.returncode == 0)
    if mounted.returncode == 0:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture(scope="package")
def own_stack(disk: Disk) -> Iterator[Stack]:
    """Run a service whose disk tests may fill and which they may stop in any way (`xdist_group("run")`).

    The disk is its data directory. The environment has a proxy that does not answer, and an empty secret.
    """
    stack = Stack(disk.folder, http_proxy="http://127.0.0.1:9", MPS_SECRET_KEY="")
    yield stack
    if stack.process is not None:
        stack.stop()


@pytest.fixture
def running(own_stack: Stack) -> Stack:
    """Return that service as the test before left it, started if it was stopped."""
    if own_stack.process is None or own_stack.process.poll() is not None:
        own_stack.start()
    return own_stack
