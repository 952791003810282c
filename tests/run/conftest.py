"""A service with every option on, for tests that need one or may harm the service."""

from __future__ import annotations

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

    Mark its tests `xdist_group("run")`: it is started once, since that takes as long as all of them.
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
