"""A simulator on a free port, in a thread of the test process."""

from __future__ import annotations

import asyncio
import ssl
import tempfile
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from channels_vendor.simulator.server import VendorServer
from channels_vendor.simulator.simulated_vendor import SimulatedVendor
from tests.channels_vendor import push_certificates


class SimulatorServer:
    """A `VendorServer` that listens on a free port. `ca` is its own certificate in PEM, empty without TLS."""

    def __init__(self, simulated_vendors: Sequence[SimulatedVendor], *, tls: bool) -> None:
        self.server = VendorServer(simulated_vendors)
        self.ca = b""
        context = None
        if tls:
            context, self.ca = server_tls()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        port = self._wait(self.server.start("127.0.0.1", 0, context))
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"

    def _wait(self, doing: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(doing, self._loop).result(10)

    def drop_connections(self) -> None:
        """Close all connections, as a server closes idle ones."""

        async def drop() -> None:
            for connection in list(self.server._open):
                connection.transport.close()
            await asyncio.sleep(0.1)

        self._wait(drop())

    def reset_connections(self) -> None:
        """Reset all connections, as a crashed peer does."""

        async def reset() -> None:
            for connection in list(self.server._open):
                connection.abort()

        self._wait(reset())

    def stop(self) -> None:
        self._wait(self.server.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def self_signed(name: str, *extensions: x509.ExtensionType, days: int = 30) -> tuple[x509.Certificate, Any]:
    """Return a self-signed certificate for `name` (common name and, as UID, bundle ID), and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [x509.NameAttribute(NameOID.USER_ID, "com.example.shop"), x509.NameAttribute(NameOID.COMMON_NAME, name)]
    )
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=400))
        .not_valid_after(now + timedelta(days=days))
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(key, hashes.SHA256()), key


def pem_of(certificate: x509.Certificate, key: Any) -> bytes:
    """Return a certificate and its key in PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def server_pem() -> bytes:
    """Return a self-signed certificate for 127.0.0.1 with its key, in PEM."""
    return pem_of(
        *self_signed(
            "127.0.0.1",
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]),
            x509.BasicConstraints(ca=True, path_length=None),
        )
    )


def server_tls() -> tuple[ssl.SSLContext, bytes]:
    """Return a TLS context for 127.0.0.1 (HTTP/2 and HTTP/1.1) and its CA.

    Clients may show a certificate of `push_certificates.authority()`.
    """
    pem = server_pem()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as directory:
        chain = Path(directory) / "server.pem"
        chain.write_bytes(pem)
        context.load_cert_chain(chain)
    context.set_alpn_protocols(["h2", "http/1.1"])
    context.load_verify_locations(cadata=push_certificates.authority()[0].public_bytes(serialization.Encoding.DER))
    context.verify_mode = ssl.CERT_OPTIONAL
    return context, x509.load_pem_x509_certificate(pem).public_bytes(serialization.Encoding.PEM)
