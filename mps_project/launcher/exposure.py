"""What `mps run` opens to other machines, where it listens on more than this one."""

from __future__ import annotations

from ipaddress import ip_address

from mps_project.configuration import CommonConfiguration


def is_exposed(address: str) -> bool:
    """Tell whether other machines reach what listens on the address (`MPS_BIND`)."""
    return address != "localhost" and not ip_address(address).is_loopback


def list_exposed(options: CommonConfiguration) -> list[str]:
    """List what other machines can reach, a line each, for whoever started it to read."""
    lines = [
        f"console and APIs on port {options.http_port}, not encrypted: passwords and keys can be read on the way",
        f"/metrics and /readyz on port {options.http_port}, to anybody",
        f"devices on ports {options.mqtt_port} and {options.ws_port}, not encrypted",
    ]
    if "*" in options.allowed_hosts:
        lines.append("any Host header is answered (MPS_ALLOWED_HOSTS)")
    if options.receipt_allow_private:
        lines.append("receipts are sent to addresses of your network too (MPS_RECEIPT_ALLOW_PRIVATE)")
    if options.vendor_allow_private:
        lines.append("vendors are called at addresses of your network too (MPS_VENDOR_ALLOW_PRIVATE)")
    if options.debug:
        lines.append("Django's debug pages (MPS_DEBUG)")
    return lines
